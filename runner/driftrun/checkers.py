"""The workers of a drift run: processes, or this one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from typing import Protocol

from ledger.store import Ledger
from runner.crew import Death, Worker
from runner.driftrun.options import DriftOptions
from runner.driftrun.tasks import Answer, Batch, CheckSetup, Task
from runner.preparation import cores

PRELOAD = ("numpy", "pandas", "scipy.special", "sqlalchemy", "runner.drift.panel", "runner.driftrun.checking")


class Checkers(Protocol):
    """Workers that get batches and give answers."""

    @property
    def free(self) -> list[Worker[Batch]]:
        """Those that wait."""

    @property
    def busy(self) -> list[Worker[Batch]]:
        """Those that hold a batch."""

    def give(self, worker: Worker[Batch], assignment: Task) -> None:
        """Hand a batch to a free worker."""

    def events(self, timeout: float) -> list[Answer | Death[Batch]]:
        """Wait up to `timeout` seconds, and return what workers answered or died of."""

    def end(self) -> list[Batch]:
        """Stop every worker at once."""


def checkers_for(ledger: Ledger, options: DriftOptions) -> Checkers:
    """The workers that the options ask for. Raises RunnerError where none can be."""
    setup = CheckSetup(
        artifact_root=ledger.artifact_root(),
        ledger_uuid=ledger.uuid(),
        detector=options.detector,
        window=options.window,
        worker=options.worker,
        databases=dict(options.databases),
        time_column=options.time_column,
        separator=options.separator,
    )
    if options.workers == 0:
        from runner.driftrun.here import Here

        return Here(setup)
    from runner.launch import launcher_for
    from runner.pool import Pool

    size = cores() if options.workers == "auto" else int(options.workers)
    setup = replace(setup, scratch=tempfile.mkdtemp(prefix="slice-ledger-"))
    launcher = launcher_for(options.start, PRELOAD, str(setup.scratch))
    return Pool[Batch, Answer](launcher, setup, size=size, timeout=options.timeout)
