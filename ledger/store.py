"""The ledger as one object: each method is one event in one transaction."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, select

from ledger import __version__, artifact_root, claims, migrate, queue, registry, reports, runners
from ledger.artifacts import ArtifactStore
from ledger.checkpoint import LARGE, checkpoint
from ledger.database import ledger_url, open_engine, reading, shown, sqlite_path, writing
from ledger.doctor import examine
from ledger.errors import AccessError, GoneError, NotALedgerError
from ledger.failures import FailureGroup, failure_groups
from ledger.findings import Findings
from ledger.gc import Collected, collect
from ledger.history import SliceHistory, slice_history
from ledger.hosts import this_process
from ledger.import_report import ImportReport
from ledger.query import run_query
from ledger.recording import Recording
from ledger.records import Artifact, Claim
from ledger.requeue import RequeueReport, Selection, requeue
from ledger.schema import settings
from ledger.slices import import_rows
from ledger.splitfile import read_batches
from ledger.staging import Defaults, Rows
from ledger.surroundings import look_around
from ledger.symptoms import Symptom
from ledger.verify import Verification, verify

if TYPE_CHECKING:
    import pandas as pd


class Ledger:
    """What must be trained, what happened, and what is live.

    `Ledger.open("ledger.db")` or a PostgreSQL URL; use it as a context manager or `close()` it.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._clock = clock
        self._opened = _inode(self.path) if self.path else None

    @classmethod
    def open(
        cls,
        ledger: str | Path = "ledger.db",
        *,
        create: bool = True,
        durable: bool = False,
        read_only: bool = False,
    ) -> Ledger:
        """Open a ledger, or make one where there is none and `create` allows it.

        `durable` waits for the disk at every event; `read_only` refuses every write.
        Raises SchemaError for another schema, NotALedgerError for another program's file, and
        AccessError when there is no ledger and `create` is False.
        """
        url = ledger_url(ledger)
        path = sqlite_path(url)
        if path is not None:
            _require_file(path, create=create)
        found = migrate.revision_at(url)
        engine = open_engine(url, durable=durable, read_only=read_only)
        try:
            _require_schema(engine, found, create=create)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for questions of your own."""
        return self._engine

    @property
    def name(self) -> str:
        """The file or URL of the ledger, without a password."""
        return shown(self._engine.url)

    @property
    def option(self) -> str:
        """What a command needs to find this ledger: nothing for `ledger.db` in the current folder."""
        if self.path is not None and self.path == Path("ledger.db").absolute():
            return ""
        return f" --ledger {shlex.quote(self.name)}"

    @property
    def path(self) -> Path | None:
        """The SQLite file, None for PostgreSQL."""
        return sqlite_path(self._engine.url)

    def now(self) -> datetime:
        """The time by this ledger's clock (UTC)."""
        return self._clock()

    def setting(self, key: str) -> str | None:
        """The value of one setting, None when it is not set."""
        with reading(self._engine) as conn:
            return conn.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()

    def uuid(self) -> str:
        """The identity of this ledger; its model files lie under it."""
        return self.setting("uuid") or ""

    def artifact_root(self) -> str:
        """Where model files are: the setting, else the folder `artifacts` beside the SQLite file."""
        beside = (self.path.parent if self.path else Path.cwd()) / "artifacts"
        return self.setting("artifact_root") or str(beside)

    def artifact_store(self) -> ArtifactStore:
        """The model files of this ledger."""
        return ArtifactStore(self.artifact_root(), self.uuid())

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

    def status(self) -> reports.Report:
        """Counts per state, rate, ETA, the worst errors and who runs."""
        with reading(self._engine) as conn:
            return reports.status_report(conn, self.name, now=self._clock())

    def failures(self) -> list[FailureGroup]:
        """What went wrong, grouped by error, the largest group first."""
        with reading(self._engine) as conn:
            return failure_groups(conn, ledger_option=self.option)

    def history(self, slice_id: str) -> SliceHistory:
        """All that is known of one slice. Raises UnknownSliceError."""
        with reading(self._engine) as conn:
            return slice_history(conn, slice_id)

    def query(self, sql: str) -> pd.DataFrame:
        """The answer to one SELECT; nothing can be written. Raises QueryError."""
        import pandas as pd

        columns, rows = run_query(self._engine, sql)
        return pd.DataFrame(rows, columns=columns)

    def requeue(self, selection: Selection, *, dry_run: bool = False) -> RequeueReport:
        """Put the selected slices back in the queue, in one statement."""
        with writing(self._engine) as conn:
            report = requeue(conn, selection, now=self._clock())
            transaction = conn.get_transaction()
            if dry_run and transaction is not None:
                transaction.rollback()
        return report

    def model_files(self, slice_id: str, attempt: int | None = None) -> list[Artifact]:
        """The files of a slice's champion, or of its attempt number `attempt`."""
        with reading(self._engine) as conn:
            return registry.artifacts_of(conn, registry.model_of(conn, slice_id, attempt))

    def require_sound(self) -> None:
        """Raise NotALedgerError when SQLite's own check finds the file damaged; nothing on PostgreSQL."""
        if self.path is None:
            return
        with reading(self._engine) as conn:
            found = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise NotALedgerError(
                f"the ledger {self.path} is damaged ({found}); restore a backup, or save what is "
                f"readable with `sqlite3 {self.path} .recover`"
            )

    def verify(self) -> Verification:
        """Check the guarantees, every model file, and files that no row names."""
        return verify(self._engine, self.artifact_store())

    def gc(self, *, unexplained: bool = False, dry_run: bool = False) -> Collected:
        """Remove model files that no row names and nobody is writing."""
        store = self.artifact_store()
        return collect(self._engine, store, now=self._clock(), unexplained=unexplained, dry_run=dry_run)

    def doctor(self) -> list[Symptom]:
        """What is unhealthy about the ledger and this machine, with what to do; [] for nothing."""
        around = look_around(self.path, self.artifact_root(), now=self._clock())
        return examine(self._engine, self.artifact_store(), around)

    def require_present(self) -> None:
        """Raise GoneError when the file that was opened is no longer where it was."""
        if self.path is not None and _inode(self.path) != self._opened:
            raise GoneError(
                f"the ledger {self.path} was removed or replaced while it was in use; put it back "
                "(or restore a backup), then go on with `runner run --resume`"
            )

    def register_runner(self, options: Mapping[str, Any]) -> int:
        """Announce this process as a runner and return its id.

        Raises SchemaError when the ledger was upgraded since it was opened.
        """
        with writing(self._engine) as conn:
            me = runners.register(
                conn, this_process(), options=options, version=__version__, now=self._clock()
            )
            # Asked after the row is in: an upgrade refuses where it sees one, and locks out new ones.
            migrate.require_current(migrate.revision_of(conn), self.name)
            return me

    def beat(self, runner_id: int) -> bool:
        """Say that the runner lives; False when it was declared dead meanwhile."""
        with writing(self._engine) as conn:
            return runners.beat(conn, runner_id, now=self._clock())

    def end_runner(self, runner_id: int, ending: str) -> int:
        """Close the record of a runner that stops, and give back what it still holds; return how many slices.

        Of a runner that has ended nobody would take a slice back: it would be running for ever.
        """
        with writing(self._engine) as conn:
            now = self._clock()
            runners.end(conn, [runner_id], ending=ending, now=now)  # first: now it claims nothing
            return claims.release_unknown(conn, runner_id, known=(), now=now, reason="its runner ended")

    def ended_with_slices(self) -> set[int]:
        """The runners whose record is closed although slices are in their hands."""
        with reading(self._engine) as conn:
            return runners.ended_with_slices(conn)

    def live_runners(self) -> list[runners.RunnerRecord]:
        """Every runner that has not ended, with whether it lives as far as this machine knows."""
        with reading(self._engine) as conn:
            return runners.live_runners(conn)

    def last_run(self) -> runners.LastRun | None:
        """The run to go on with, None when there never was one."""
        with reading(self._engine) as conn:
            return runners.last_run(conn)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One transaction for several events of a runner."""
        with writing(self._engine) as conn:
            yield Recording(conn, self._clock())

    def take_back_lost(self, dead: Collection[int]) -> int:
        """Give back what these dead runners held and close their records; return how many slices."""
        with writing(self._engine) as conn:
            runners.end(conn, dead, ending="died", now=self._clock())  # first: now they claim nothing
            return claims.take_back_lost(conn, dead=dead, now=self._clock())

    def held_by(self, runner_ids: Collection[int]) -> int:
        """How many slices these runners hold."""
        with reading(self._engine) as conn:
            return queue.held_by(conn, runner_ids)

    def unfinished(self) -> int:
        """How many slices are pending, waiting or running."""
        with reading(self._engine) as conn:
            return queue.unfinished(conn)

    def still_queued(self, slice_ids: Collection[str]) -> set[str]:
        """Those of these slices that are pending or waiting."""
        with reading(self._engine) as conn:
            return queue.still_queued(conn, slice_ids)

    def sample(self, count: int) -> list[Claim]:
        """Up to `count` slices spread over the ledger, to be tried out; nothing is claimed."""
        with reading(self._engine) as conn:
            return queue.sample(conn, count)

    def trainers_named(self) -> set[str]:
        """The trainers that slices still to be trained name for themselves."""
        with reading(self._engine) as conn:
            return queue.trainers_named(conn)

    def checkpoint(self, *, larger_than: int = 0) -> None:
        """Move SQLite's write-ahead log into the file once it has grown; nothing on PostgreSQL."""
        checkpoint(self._engine, larger_than=larger_than)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _require_schema(engine: Engine, revision: str | None, *, create: bool) -> None:
    if revision is not None:
        migrate.require_current(revision, shown(engine.url))
    elif create:
        with writing(engine) as conn:
            migrate.upgrade(conn)
    else:
        raise AccessError(f"there is no ledger in {shown(engine.url)}; `ledger import split.csv` makes one")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _require_file(path: Path, *, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise AccessError(f"there is no ledger {path}; `ledger import split.csv` makes one")
    if not path.parent.is_dir():
        raise AccessError(f"the folder {path.parent} of the ledger does not exist; create it first")
