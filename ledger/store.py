"""The ledger as one object: what runners do (ledger/work.py, ledger/drift/), what its user asks
(ledger/asking.py), and here what its user does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ledger import artifact_root, promotions, registry
from ledger.asking import Asking
from ledger.checkpoint import LARGE
from ledger.database import reading, writing
from ledger.doctor import examine
from ledger.drift.work import DriftWork
from ledger.findings import Findings
from ledger.gc import Collected, collect
from ledger.import_report import ImportReport
from ledger.records import Artifact
from ledger.requeue import RequeueReport, Selection, Terms, requeue
from ledger.rollback import RollbackReport, roll_back
from ledger.slices import import_rows
from ledger.splitfile import read_batches
from ledger.staging import Defaults, Rows
from ledger.surroundings import look_around
from ledger.symptoms import Symptom
from ledger.verify import Verification, verify


class Ledger(Asking, DriftWork):
    """What must be trained, what happened, and what is live.

    `Ledger.open("ledger.db")` or a PostgreSQL URL; use it as a context manager or `close()` it.
    """

    def import_slices(
        self,
        split: str | Path,
        *,
        trainer: str | None = None,
        params: Mapping[str, str] | None = None,
        group_by: str | None = None,
        artifacts: str | None = None,
        prune: bool = False,
        dry_run: bool = False,
    ) -> ImportReport:
        """Bring the ledger in line with a split file, one slice per row, in one transaction.

        `trainer` and `params` are for rows that name none; `group_by` names the column that groups
        slices; `artifacts` is the folder or URL for model files; `prune` retires slices that the
        file no longer names. Importing a file again changes nothing. Raises SplitFileError with every
        problem found, and then nothing is imported.
        """
        path = Path(split).absolute()
        findings = Findings(str(split))
        with writing(self._engine) as conn:
            artifact_root.settle(conn, artifacts)
            rows = Rows(
                read_batches(path, findings, group_by=group_by),
                Defaults(trainer, params, group_by),
                check=findings.raise_if_any,
            )
            counts = import_rows(conn, rows, path=path, prune=prune, now=self._clock())
            transaction = conn.get_transaction()
            if dry_run and transaction is not None:
                transaction.rollback()
        del counts["moved"]
        self.checkpoint(larger_than=LARGE)
        return ImportReport(path=str(split), overlapping=findings.overlapping, dry_run=dry_run, **counts)

    def requeue(
        self, selection: Selection, terms: Terms | None = None, *, dry_run: bool = False
    ) -> RequeueReport:
        """Put the selected slices back in the queue, in one transaction."""
        with writing(self._engine) as conn:
            return requeue(conn, selection, terms, now=self._clock(), dry_run=dry_run)

    def model_files(self, slice_id: str, attempt: int | None = None) -> list[Artifact]:
        """The files of a slice's champion, or of its attempt number `attempt`.

        Raises UnknownSliceError, and NoModelError where there is no such model or its files were removed.
        """
        with reading(self._engine) as conn:
            model = registry.model_of(conn, slice_id, attempt)
            registry.require_kept(conn, model, slice_id)
            return registry.artifacts_of(conn, model)

    def verify(self) -> Verification:
        """Check the guarantees, every model file, and files that no row names."""
        return verify(self._engine, self.artifact_store())

    def promote(self, slice_id: str, attempt: int) -> None:
        """Let the model of attempt number `attempt` serve for a slice, if its files are as they were.

        Raises UnknownSliceError, NoModelError, ArtifactError, and LedgerError while it is being trained.
        """
        store = self.artifact_store()
        for file in self.model_files(slice_id, attempt):
            store.check(file)
        with writing(self._engine) as conn:
            promotions.promote(conn, slice_id, attempt, now=self._clock())

    def roll_back(self, selection: Selection, *, dry_run: bool = False) -> RollbackReport:
        """Let the champion before serve again for the selected slices, in one transaction."""
        with writing(self._engine) as conn:
            return roll_back(conn, selection, now=self._clock(), dry_run=dry_run)

    def gc(self, *, keep: int | None = None, unexplained: bool = False, dry_run: bool = False) -> Collected:
        """Remove model files that no row names and nobody is writing; with `keep`, older models' too."""
        return collect(
            self._engine,
            self.artifact_store(),
            now=self._clock(),
            keep=keep,
            unexplained=unexplained,
            dry_run=dry_run,
        )

    def doctor(self) -> list[Symptom]:
        """What is unhealthy about the ledger and this machine, with what to do; [] for nothing."""
        around = look_around(self.path, self.artifact_root(), now=self._clock())
        return examine(self._engine, self.artifact_store(), around)
