"""The worker's side of a drift run: batches of models compared with what is new in their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ledger.drift.records import Confirmed, Found, Target
from runner.drift.detector import DriftDetector
from runner.driftrun.confirming import Confirming
from runner.driftrun.detectors import Opened, find, opened
from runner.driftrun.news import NOTHING, News, Wanted, columns_in, told
from runner.driftrun.tasks import Answer, Batch, CheckSetup, Task, insufficient
from runner.errors import RunnerError
from runner.recent import NewRows, Recent, after, new_rows
from runner.sources import Reader, SourceSettings
from runner.userfile import UserFile
from runner.windows import Window

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
        self._news = News(self._reader, user)
        self._confirming = Confirming(setup, self._news)

    def attempt(self, task: Task) -> Answer:
        """Check every model of the batch. Only what ends the process itself gets past this."""
        if task.held.kind == "confirm":
            return Answer(task.held, confirmed=tuple(self._confirmed(task.held)))
        return Answer(task.held, tuple(self._found(task.held)))

    def close(self) -> None:
        """Let go of the sources."""
        self._reader.close()

    def _found(self, batch: Batch) -> list[Found]:
        found, wanted = [], []
        for target in batch.targets:
            try:
                wanted.append(self._wanted(target))
            except Exception as error:  # a user's detector may raise anything
                found.append(insufficient(target, self._detector.name, told(error)))
        found += [self._checked(each, came) for each, came in self._news.of(wanted)]
        return found

    def _confirmed(self, batch: Batch) -> list[Confirmed]:
        return self._confirming.of([self._wanted(target) for target in batch.targets])

    def _wanted(self, target: Target) -> Wanted:
        """The window of a model. Raises NoProfileError where there is nothing to compare it with."""
        _require_profile(target, self._detector.name)
        known = {
            each.column: opened(self._detector, each.profile)
            for each in target.profiles
            if each.profile is not None
        }
        previous = None if target.previous is None else target.previous.window_to
        rows = self._setup.window or max(each.rows for each in known.values())
        return Wanted(target, Recent(after(target.slice.test_to, previous), rows), known)

    def _checked(self, wanted: Wanted, came: Window | str) -> Found:
        target, name = wanted.target, self._detector.name
        if isinstance(came, str):
            return insufficient(target, name, came)
        try:
            rows = new_rows(came, columns_in(came, wanted), wanted.recent)
            if rows is None:
                return insufficient(target, name, f"{NOTHING} after {wanted.recent.ends[0]}")
            finding = _compared(wanted.opened, rows)
        except Exception as error:  # an odd value in what was read, or a detector of the user's
            return insufficient(target, name, told(error))
        found = replace(
            insufficient(target, name, finding.insufficient or finding.reason),
            window_from=rows.first,
            window_to=rows.last,
            rows=len(rows.data),
        )
        if finding.insufficient is not None:
            return found
        return replace(found, p=finding.p, statistic=finding.statistic, effect=finding.effect)


def _compared(opened: Mapping[str, Opened], rows: NewRows) -> Finding:
    """The finding of the one column, or the strongest of several."""
    data: Any = rows.data
    if data.ndim == 1:
        (only,) = opened.values()
        return only.check(data)
    return strongest({name: each.check(data[name]) for name, each in opened.items()})


def strongest(findings: dict[str, Finding]) -> Finding:
    """The finding with the smallest p, times the number of those that could say something (Bonferroni)."""
    able = {name: each for name, each in findings.items() if each.insufficient is None}
    if not able:
        return next(iter(findings.values()))
    name, found = min(able.items(), key=lambda item: item[1].p)
    return replace(found, p=min(1.0, found.p * len(able)), reason=f"{name}: {found.reason}")


class NoProfileError(RunnerError):
    """There is nothing to compare new data with: told before anything is read."""


def _require_profile(target: Target, detector: str) -> None:
    if not target.profiles:
        raise NoProfileError(f"no profile of {detector} was kept when it was trained")
    if all(each.profile is None for each in target.profiles):
        raise NoProfileError(f"there is no profile: {target.profiles[0].problem}")
