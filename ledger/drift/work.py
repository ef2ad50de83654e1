"""What a drift run does to a ledger: each method is one event in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ledger.database import reading, writing
from ledger.drift import deciding, findings, plan, runs
from ledger.drift.records import Confirmed, DriftRun, Flagged, Found, Previous, Target, Told, Undecided, Which
from ledger.runners import DRIFT, RunnerRecord
from ledger.work import Work


class DriftWork(Work):
    """The drift runs' side of a ledger.

    Whatever writes for a run raises TakenOverError, and writes nothing, where another runner has it.
    """

    def checks_planned(self, which: Which, *, run: DriftRun | None = None) -> list[plan.Group]:
        """The slices to be checked by source, without those that `run` has found out about."""
        with reading(self._engine) as conn:
            return plan.groups(conn, which, run_id=None if run is None else run.id)

    def without_profile(self, which: Which, detector: str) -> int:
        """How many of the slices to be checked have no profile of this detector."""
        with reading(self._engine) as conn:
            return plan.without_profile(conn, which, detector)

    def targets(self, positions: Collection[int], detector: str, *, with_files: bool = False) -> list[Target]:
        """The models of the slices at these positions; those that serve no more are left out."""
        with reading(self._engine) as conn:
            return plan.targets(conn, positions, detector, with_files=with_files)

    def checks_of(self, ids: Sequence[str]) -> list[plan.Group]:
        """These slices by source."""
        with reading(self._engine) as conn:
            return plan.groups_of(conn, ids)

    def open_drift_runs(self) -> list[DriftRun]:
        """The drift runs that have no verdicts yet, the newest first."""
        with reading(self._engine) as conn:
            return runs.open_runs(conn)

    def drift_runner(self, run: DriftRun) -> RunnerRecord | None:
        """The runner of a run, None when it has ended."""
        return next((each for each in self.live_runners() if each.id == run.runner_id), None)

    def register_drift_runner(self, options: Mapping[str, Any]) -> int:
        """Announce this process as one that checks for drift and return its id."""
        return self.register_runner(options, command=DRIFT)

    def begin_drift_run(self, runner_id: int, options: Mapping[str, Any], planned: int) -> DriftRun:
        """Begin a run of `planned` checks."""
        with writing(self._engine) as conn:
            return runs.begin(conn, runner_id, options=options, planned=planned, now=self._clock())

    def hand_over(self, run: DriftRun, runner_id: int) -> DriftRun:
        """Give a run to another runner, one that goes on with it."""
        with writing(self._engine) as conn:
            return runs.hand_over(conn, run, runner_id)

    def abandon(self, run: DriftRun) -> None:
        """Give up a run that will not be gone on with, and all that it had found."""
        with writing(self._engine) as conn:
            runs.require_held(conn, run)
            runs.end(conn, run, "abandoned", now=self._clock())

    def record_findings(self, run: DriftRun, found: Collection[Found]) -> None:
        """Write what some checks found."""
        with writing(self._engine) as conn:
            runs.require_held(conn, run)
            findings.record(conn, run, found, now=self._clock())

    def record_confirmations(self, run: DriftRun, confirmed: Collection[Confirmed]) -> None:
        """Write what some models' own errors say."""
        with writing(self._engine) as conn:
            runs.require_held(conn, run)
            findings.confirm(conn, run, confirmed)

    def found_so_far(self, run: DriftRun) -> int:
        """How many checks of the run are there."""
        with reading(self._engine) as conn:
            return findings.count(conn, run)

    def undecided(self, run: DriftRun) -> tuple[list[Undecided], dict[int, Previous], dict[str, Confirmed]]:
        """All that the verdicts depend on: the findings, the suspicions before them, and confirmations."""
        with reading(self._engine) as conn:
            return (
                list(findings.undecided(conn, run)),
                findings.suspicions(conn, run),
                findings.confirmations(conn, run),
            )

    def decide(self, run: DriftRun, flagged: Collection[Flagged]) -> Mapping[str, int]:
        """Give every check of the run its verdict, and thin out old checks; return how many of each."""
        with writing(self._engine) as conn:
            runs.require_held(conn, run)
            counts = deciding.decide(conn, run, flagged, now=self._clock())
        with writing(self._engine) as conn:
            deciding.thin_out(conn)
        return counts

    def told_of(self, run: DriftRun, count: int) -> tuple[list[Told], dict[str, int]]:
        """The verdicts of a run that matter most, and the commonest reasons of what was insufficient."""
        with reading(self._engine) as conn:
            return deciding.worst(conn, run, count), deciding.commonest(conn, run, count)
