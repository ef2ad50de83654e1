"""The worker's side of a drift run: batches of models compared with what is new in their sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ledger.drift.records import Found, Target
from runner.drift.detector import DriftDetector
from runner.driftrun.detectors import PANEL, ROWS, find, rows_of
from runner.driftrun.news import Came, News
from runner.driftrun.tasks import Answer, CheckSetup, Task, insufficient
from runner.errors import RunnerError
from runner.recent import NewRows
from runner.sources import Reader, SourceSettings
from runner.userfile import UserFile

if TYPE_CHECKING:
    from runner.drift.finding import Finding


class Checking:
    """Checks one batch after the other, in whatever process it lives."""

    def __init__(self, setup: CheckSetup) -> None:
        self._setup = setup
        self._detector: DriftDetector = find(setup.detector)
        user = UserFile.load(setup.worker) if setup.worker else None
        self._reader = Reader(
            SourceSettings(
                databases=setup.databases,
                time_column=setup.time_column,
                separator=setup.separator,
                keep_open=setup.keep_open,
            )
        )
        self._news = News(self._reader, user, self._rows)

    def attempt(self, task: Task) -> Answer:
        """Check every model of the batch. Only what ends the process itself gets past this."""
        batch = task.held
        found = []
        readable = []
        for target in batch.targets:
            problem = _problem(target, self._detector.name)
            if problem is None:
                readable.append(target)
            else:
                found.append(insufficient(target, self._detector.name, problem))
        found += [self._checked(target, came) for target, came in self._news.of(readable)]
        return Answer(batch, tuple(found))

    def close(self) -> None:
        """Let go of the sources."""
        self._reader.close()

    def _rows(self, target: Target) -> int:
        if self._setup.window is not None:
            return self._setup.window
        if self._setup.detector != PANEL:
            return ROWS
        return max(rows_of(each.profile) for each in target.profiles if each.profile is not None)

    def _checked(self, target: Target, came: Came) -> Found:
        if isinstance(came, str):
            return insufficient(target, self._detector.name, came)
        try:
            finding = self._compared(target, came)
        except Exception as error:  # a detector of the user's may raise anything
            kind = "" if isinstance(error, RunnerError) else f"{type(error).__name__}: "
            return insufficient(target, self._detector.name, f"{kind}{error}")
        nothing = finding.insufficient is not None
        return Found(
            slice_id=target.slice.id,
            attempt_id=target.attempt_id,
            previous_id=None if target.previous is None else target.previous.id,
            detector=self._detector.name,
            reason=finding.reason if finding.insufficient is None else finding.insufficient,
            p=None if nothing else finding.p,
            statistic=None if nothing else finding.statistic,
            effect=None if nothing else finding.effect,
            window_from=came.first,
            window_to=came.last,
            rows=len(came.data),
        )

    def _compared(self, target: Target, came: NewRows) -> Finding:
        """The finding of the one column, or the strongest of several (Bonferroni)."""
        known = {each.column: each.profile for each in target.profiles if each.profile is not None}
        data: Any = came.data
        if data.ndim == 1:
            (profile,) = known.values()
            return self._detector.check(profile, data)
        return strongest({name: self._detector.check(known[name], data[name]) for name in known})


def strongest(findings: dict[str, Finding]) -> Finding:
    """The finding with the smallest p, times the number of those that could say something (Bonferroni)."""
    told = {name: each for name, each in findings.items() if each.insufficient is None}
    if not told:
        return next(iter(findings.values()))
    name, found = min(told.items(), key=lambda item: item[1].p)
    return replace(found, p=min(1.0, found.p * len(told)), reason=f"{name}: {found.reason}")


def _problem(target: Target, detector: str) -> str | None:
    """Why a model cannot be checked at all, None where it can: told before anything is read."""
    if not target.profiles:
        return f"no profile of {detector} was kept when it was trained"
    if any(each.profile is not None for each in target.profiles):
        return None
    told: Any = target.profiles[0].problem
    return f"there is no profile: {told}"
