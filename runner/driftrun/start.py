"""A drift run from its first line to its last: options, workers, loop, verdicts, summary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.drift.plan import Group
from ledger.drift.records import DriftRun
from ledger.drift.runs import TakenOverError
from ledger.errors import LedgerError
from ledger.runners import COULD_NOT_START, DIED, FINISHED, STOPPED
from ledger.store import Ledger
from runner.config import DEFAULT_CONFIG, read_drift_config
from runner.driftrun.batches import Batches
from runner.driftrun.checkers import checkers_for
from runner.driftrun.detectors import find
from runner.driftrun.engine import DriftEngine
from runner.driftrun.options import DriftOptions, of, resolve
from runner.driftrun.seat import Seat, require_free
from runner.driftrun.summary import DriftSummary
from runner.driftrun.verdicts import flagged
from runner.errors import OptionError
from runner.preparation import told_when_slow
from runner.progress import Words, progress_for
from runner.stopping import Stopping
from runner.values import DRIFT_KINDS, normalised

WHAT = ("ids", "where", "window", "detector")
"""What a run checks, and how: it has to be the same for all of its checks, which are decided together."""
WORST = 5
"""Verdicts that the summary tells."""


def check_drift(
    ledger: Ledger | str | Path = "ledger.db",
    *,
    resume: bool = False,
    dry_run: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = lambda _: None,
    ends_program: bool = False,
    **given: Any,
) -> DriftSummary:
    """Compare the newest data of every model that serves with what it was trained on; say what was found.

    `given` are the options of `runner drift` by name (`window=288`, `workers=2`, `ids=["cpu-1"]`,
    `where="table_name = 'cpu'"`, `detector="mine.py:Mine"`, `confirm="residual"`, `q=0.05`, …); those
    not given come from runner.toml and from the last training run. With `resume` the interrupted run goes
    on, with its own options but for those given. Raises RunnerError for options that cannot be,
    AtWorkError for a run that is not interrupted, and LedgerError for a ledger that cannot be used.
    """
    if not isinstance(ledger, Ledger):
        given |= {"resume": resume, "dry_run": dry_run, "quiet": quiet, "say": say}
        with Ledger.open(ledger, create=False) as opened:
            return check_drift(opened, ends_program=ends_program, **given)
    started = time.monotonic()
    chosen = normalised(given, kinds=DRIFT_KINDS)
    interrupted = _interrupted(ledger, say, waiting=not dry_run) if resume else None
    options = _options(ledger, chosen, interrupted)
    summary = DriftSummary(ledger_option=ledger.option, named=len(set(options.ids)))
    find(options.detector)  # its errors are told before anything starts
    if not dry_run:
        ledger.require_sound()
    groups = ledger.checks_planned(options.which, run=interrupted)
    summary.planned = sum(len(group.positions) for group in groups)
    if dry_run:
        return _foretold(ledger, options, summary, groups)
    if not groups and interrupted is None:
        summary.counts = {}
        return summary
    with Stopping(time_limit=None, to_the_end=ends_program) as stopping:
        _Run(ledger, options, summary, stopping, say, quiet=quiet).go(groups, interrupted)
    summary.signal = stopping.signal
    summary.seconds = time.monotonic() - started
    return summary


def _interrupted(ledger: Ledger, say: Callable[[str], None], *, waiting: bool) -> DriftRun | None:
    """The run to go on with, None where there is none; with `waiting` only one at which nobody is any more.

    Raises AtWorkError for one that is at work.
    """
    while (run := next(iter(ledger.open_drift_runs()), None)) is not None and waiting:
        require_free(ledger, run, say)
        if run in ledger.open_drift_runs():  # else it came to its end while it was waited for
            break
    return run


def _options(ledger: Ledger, given: dict[str, Any], interrupted: DriftRun | None) -> DriftOptions:
    last_run = ledger.last_run()
    last = dict(last_run.options) if last_run is not None else {}
    before = dict(interrupted.options) if interrupted is not None else {}
    config = given.get("config") or before.get("config") or last.get("config") or DEFAULT_CONFIG
    file = read_drift_config(Path(config))
    if interrupted is None:
        return resolve(given=given, file=file, last=last)
    of_file = {name: file[name] for name in ("databases",) if name in file}
    begun, options = of({**before, **of_file}), of({**before, **of_file, **given})
    for name in WHAT:
        if getattr(options, name) != getattr(begun, name):
            raise OptionError(
                f"drift run {interrupted.id} was begun with other {name}; `runner drift --resume` without it "
                "goes on with that run, and without --resume a new one begins"
            )
    return options


def _foretold(
    ledger: Ledger, options: DriftOptions, summary: DriftSummary, groups: list[Group]
) -> DriftSummary:
    summary.dry_run = True
    summary.sources = len(groups)
    summary.unprofiled = ledger.without_profile(options.which, find(options.detector).name)
    return summary


class _Run:
    """One drift run, from the plan to the verdicts."""

    def __init__(
        self,
        ledger: Ledger,
        options: DriftOptions,
        summary: DriftSummary,
        stopping: Stopping,
        say: Callable[[str], None],
        *,
        quiet: bool,
    ) -> None:
        self._ledger = ledger
        self._options = options
        self._summary = summary
        self._stopping = stopping
        self._say = say
        self._quiet = quiet
        self._detector = find(options.detector).name
        self._seat = Seat(ledger, options)

    def go(self, groups: list[Group], interrupted: DriftRun | None) -> None:
        """Check all that is to be checked, and decide; whatever happens, no worker stays alive.

        The run begins, and an interrupted one is given up, once a worker is ready.
        """
        ending = COULD_NOT_START
        try:
            with contextlib.ExitStack() as open_:
                self._look_back(interrupted)
                engine = self._engine(open_) if groups else None
                if engine is not None and not engine.ready():
                    ending = STOPPED
                    return
                self._begin(interrupted)
                ending = DIED
                ending = FINISHED if self._done(groups, engine, open_) else STOPPED
        except TakenOverError:
            ending = "overtaken"
            raise
        finally:
            with contextlib.suppress(LedgerError):  # then the process's end tells the others
                self._seat.leave(ending)
                self._ledger.checkpoint()

    def _look_back(self, interrupted: DriftRun | None) -> None:
        if interrupted is not None:
            self._summary.run_id, self._summary.planned = interrupted.id, interrupted.planned
            self._summary.done = self._summary.before = self._ledger.found_so_far(interrupted)

    def _begin(self, interrupted: DriftRun | None) -> None:
        if interrupted is None:
            self._abandon()
            self._summary.run_id = self._seat.begin(self._summary.planned).id
            return
        run = self._seat.take(interrupted)
        self._say(f"Resuming drift run {run.id}: {self._summary.done} of {run.planned} checks are done")

    def _abandon(self) -> None:
        """Give up runs whose runners are no more: their windows are looked at anew."""
        for run in self._ledger.open_drift_runs():
            runner = self._ledger.drift_runner(run)
            if runner is None or runner.alive is False:
                self._ledger.abandon(run)
                self._say(f"Drift run {run.id} had been interrupted and is given up; this one begins anew")

    def _done(self, groups: list[Group], engine: DriftEngine | None, open_: contextlib.ExitStack) -> bool:
        """Check, ask the models where that is wanted, and decide; False when told to stop before."""
        if engine is not None and not engine.run(Batches(self._ledger, groups, self._detector)):
            return False
        if self._options.confirm is not None and (suspects := self._unconfirmed()):
            engine = engine or self._engine(open_)
            asked = self._ledger.checks_of(suspects)
            if not engine.run(Batches(self._ledger, asked, self._detector, "confirm")):
                return False
        self._decide()
        return True

    def _engine(self, open_: contextlib.ExitStack) -> DriftEngine:
        words = Words(lambda batch: batch.told, "checking")
        done = self._summary.done
        progress = progress_for(self._summary.planned, done=done, quiet=self._quiet, words=words)
        open_.callback(progress.close)
        with told_when_slow(self._say):
            checkers = checkers_for(self._ledger, self._options)
        open_.callback(checkers.end)
        return DriftEngine(
            self._ledger,
            checkers,
            seat=self._seat,
            detector=self._detector,
            timeout=self._options.timeout,
            stopping=self._stopping,
            progress=progress,
            summary=self._summary,
        )

    def _unconfirmed(self) -> list[str]:
        """The slices that would be told as suspect or more, whose models were not asked yet."""
        findings, suspicions, confirmations = self._ledger.undecided(self._run)
        found = flagged(findings, suspicions, confirmations, self._options.q)
        return [each.slice_id for each in found if each.slice_id not in confirmations]

    def _decide(self) -> None:
        verdicts = flagged(*self._ledger.undecided(self._run), self._options.q)
        self._summary.counts = self._ledger.decide(self._run, verdicts)
        self._summary.worst, self._summary.reasons = self._ledger.told_of(self._run, WORST)

    @property
    def _run(self) -> DriftRun:
        assert self._seat.run is not None
        return self._seat.run
