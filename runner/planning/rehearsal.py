"""A run over an excerpt of the ledger: everything is as in a real run, and nothing of it stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ledger.latency import Statements
from ledger.records import Source, Upcoming
from ledger.store import Ledger
from runner.assignment import Ahead, Setup
from runner.crew import Crew
from runner.lookahead import Lookahead
from runner.options import RunOptions
from runner.planning.watched import Trained, Watched
from runner.preparation import crew_for
from runner.progress import Silent
from runner.start import conduct
from runner.stopping import Stopping
from runner.stride import Stride

ENOUGH = 5.0
"""Seconds for which slices are trained at least, unless there are no more."""
FOR_EVER = 1e9


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a run over an excerpt took. Times are in seconds."""

    trained: tuple[Trained, ...]
    around: float  # before the first slice was handed out and after the last one had been trained
    writing: float  # of the runner itself, per slice
    statements: float  # that the ledger was given, per slice
    others: float  # the share of this machine that other programs took, 0 to 1
    stopped: str | None  # why it ended early, where it met too many errors


class StoppedError(Exception):
    """A signal ended the rehearsal."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by signal {number}")


class AsInTheQueue(Lookahead):
    """Has each table read with the columns of the queue, so that one reading is of the whole table."""

    def __init__(self, columns: Mapping[Source, tuple[str, ...]], *, per_source: int | None) -> None:
        super().__init__(per_source=per_source)
        self._columns = columns

    def together(self, taken: Upcoming) -> tuple[str, ...]:
        """The columns of all slices of the table, whether they are in the excerpt or not."""
        return self._columns.get(taken.source, ())

    def ahead(self, _: int) -> Ahead | None:
        """None: a table read in the background slows the trainings beside it, here most of them."""
        return None


class Enough(Stopping):
    """Ends a rehearsal when the sample is large enough, and counts signals as every run does."""

    def __init__(self, enough: Callable[[], bool]) -> None:
        super().__init__(time_limit=None)
        self._enough = enough

    @property
    def wanted(self) -> bool:
        """Whether nothing more should be claimed."""
        return self._enough() or super().wanted


def rehearse(
    excerpt: Ledger,
    options: RunOptions,
    setup: Setup,
    preload: list[str],
    columns: Mapping[Source, tuple[str, ...]],
    *,
    sample: int,
) -> Rehearsal:
    """Train at least `sample` slices of the excerpt, and more of them where they are fast.

    Raises StoppedError when a signal ended it.
    """
    attempts = options.max_attempts
    # A rehearsal waits for what it trains, and tries nothing twice: it counts what a run would do.
    options = replace(options, max_attempts=1, gates=(), limit=None, time_limit=None, grace=FOR_EVER)
    setup = replace(setup, artifact_root=excerpt.artifact_root(), ledger_uuid=excerpt.uuid())
    folder = "" if excerpt.path is None else str(excerpt.path.parent)
    watched: list[Watched] = []

    def crew() -> Crew:
        workers = crew_for(options, setup, preload, stopping, folder)
        watched.append(Watched(workers, attempts))
        return watched[0]

    def enough() -> bool:
        return bool(watched) and _is_enough(watched[0], sample)

    with Enough(enough) as stopping, Statements(excerpt) as statements:
        summary = conduct(
            excerpt,
            options,
            crew,
            stopping=stopping,
            resume=False,
            progress=Silent,
            lookahead=AsInTheQueue(columns, per_source=options.per_source),
            stride=Stride(rare_load=_shared(columns)),
        )
    if stopping.signal is not None:
        raise StoppedError(stopping.signal)
    return _measured(watched[0], summary.seconds, statements.count, summary.stopped_by)


def _shared(columns: Mapping[Source, tuple[str, ...]]) -> float:
    """The share of readings that a run saves: in it all slices of a table have one, in the excerpt a few.

    Only so does a worker hold as many slices here as it will there.
    """
    slices = sum(max(1, len(together)) for together in columns.values())
    return 1 - len(columns) / slices if slices else 0.0


def _is_enough(watched: Watched, sample: int) -> bool:
    """Every worker begins with a slice that shows little: libraries are loaded, graphs are traced."""
    count = len(watched.trained)
    # Asked again and again while it runs: the quickest answer comes first.
    if watched.began is None or time.monotonic() - watched.began < ENOUGH or count < sample:
        return False
    beginnings = len({each.worker for each in watched.trained})
    return count - beginnings >= sample // 2


def _measured(watched: Watched, seconds: float, statements: int, stopped: str | None) -> Rehearsal:
    count = max(1, len(watched.trained))
    between = (watched.ended or 0.0) - (watched.began or 0.0)
    return Rehearsal(
        trained=tuple(watched.trained),
        around=max(0.0, seconds - between),
        writing=max(0.0, between - watched.waited) / count,
        statements=statements / count,
        others=watched.others,
        stopped=stopped,
    )
