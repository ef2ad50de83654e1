"""How far a run is: a live table on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ledger.render import span
from runner.crew import Worker

if TYPE_CHECKING:
    from rich.live import Live

LINE_SECONDS = 30.0
FRAME_SECONDS = 0.25
RECENT_SECONDS = 120.0


class Doing(Protocol):
    """What is told of a run."""

    @property
    def done(self) -> int:
        """How much of it is done."""

    @property
    def notes(self) -> str:
        """What else is to be said."""

    @property
    def waits_for(self) -> str | None:
        """What keeps it from going on just now."""


class Crew(Protocol):
    """Who works."""

    @property
    def busy(self) -> Sequence[Worker[Any]]:
        """The workers that hold something."""


@dataclass(frozen=True, slots=True)
class Words:
    """How work is called: what a worker holds, and what it does with it."""

    named: Callable[[Any], str] = lambda held: str(held.slice.id)
    verb: str = "training"


TRAINING = Words()


class Progress(Protocol):
    """Told after every turn of the loop; decides itself when to show something."""

    def show(self, summary: Doing, crew: Crew) -> None:
        """Show how far the run is, if it is time."""

    def tell(self, sentence: str) -> None:
        """Say at once what the user should know."""

    def close(self) -> None:
        """Leave the screen as it was."""


class Silent:
    """Shows nothing."""

    def show(self, summary: Doing, crew: Crew) -> None:
        """Show nothing."""

    def tell(self, sentence: str) -> None:
        """Say nothing: the summary will."""

    def close(self) -> None:
        """Nothing to leave."""


class Pace:
    """Slices per second, and when the rest will be done, from the last two minutes.

    `done` are those that an earlier process has done.
    """

    def __init__(self, total: int, monotonic: Callable[[], float] = time.monotonic, done: int = 0) -> None:
        self.total = total
        self._monotonic = monotonic
        self._points: deque[tuple[float, int]] = deque([(monotonic(), done)])

    def note(self, done: int) -> None:
        """So many slices are done by now."""
        now = self._monotonic()
        if now - self._points[-1][0] >= 1.0:
            self._points.append((now, done))
        while now - self._points[0][0] > RECENT_SECONDS:
            self._points.popleft()

    def rate(self, done: int) -> float:
        """Slices per second of late."""
        start, before = self._points[0]
        spent = self._monotonic() - start
        return (done - before) / spent if spent > 0 else 0.0

    def remaining(self, done: int) -> str:
        """The time that is left, as a band of two standard errors of a count; '?' before it is known."""
        counted = done - self._points[0][1]
        rate = self.rate(done)
        left = max(0, self.total - done)
        if not left:
            return "0 s"
        if counted < 5 or rate <= 0:
            return "?"
        spread = min(0.9, 2 / math.sqrt(counted))
        low, high = span(left / (rate * (1 + spread))), span(left / (rate * (1 - spread)))
        return low if low == high else f"{low} to {high}"


class Lines:
    """One plain line every 30 seconds: for logs and pipes."""

    def __init__(self, pace: Pace, stream: TextIO, words: Words = TRAINING) -> None:
        self._pace = pace
        self._words = words
        self._stream = stream
        self._told: str | None = None  # what the run waited for
        self._next = time.monotonic() + LINE_SECONDS

    def show(self, summary: Doing, crew: Crew) -> None:
        """Print a line, if it is time."""
        self._pace.note(summary.done)
        if time.monotonic() < self._next and summary.waits_for == self._told:
            return
        self._told = summary.waits_for
        self._next = time.monotonic() + LINE_SECONDS
        self.tell(f"{headline(summary, self._pace)}, {len(crew.busy)} {self._words.verb}")

    def tell(self, sentence: str) -> None:
        """Print it."""
        print(sentence, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to leave."""


class Screen:
    """A live table: what is done, how fast, what is left, and what each worker does."""

    def __init__(self, pace: Pace, words: Words = TRAINING) -> None:
        self._pace = pace
        self._words = words
        self._live: Live | None = None
        self._next = 0.0

    def show(self, summary: Doing, crew: Crew) -> None:
        """Draw the table anew, four times a second at most."""
        self._pace.note(summary.done)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + FRAME_SECONDS
        from rich.console import Group
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        busy = (Text(line, style="dim") for line in _busy(crew, now, self._words))
        lines = [Text(headline(summary, self._pace)), *busy]
        total = max(self._pace.total, summary.done, 1)
        drawn = Group(*lines, ProgressBar(total=total, completed=summary.done, width=60))
        if self._live is None:
            self._live = Live(drawn, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(drawn, refresh=True)

    def tell(self, sentence: str) -> None:
        """Print it above the table."""
        from rich.console import Console

        console = Console(stderr=True) if self._live is None else self._live.console
        console.print(sentence, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the screen as it was."""
        if self._live is not None:
            self._live.stop()


class Cell:
    """A text below a notebook cell, written anew: needs no widgets."""

    def __init__(self, pace: Pace, words: Words = TRAINING) -> None:
        self._pace = pace
        self._words = words
        self._shown: Any = None
        self._next = 0.0

    def show(self, summary: Doing, crew: Crew) -> None:
        """Write the text anew, four times a second at most."""
        self._pace.note(summary.done)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + FRAME_SECONDS
        import IPython.display

        display: Any = IPython.display.display
        text = {"text/plain": "\n".join([headline(summary, self._pace), *_busy(crew, now, self._words)])}
        if self._shown is None:
            self._shown = display(text, raw=True, display_id=True)
        else:
            self._shown.update(text, raw=True)

    def tell(self, sentence: str) -> None:
        """Print it below the text."""
        print(sentence)

    def close(self) -> None:
        """The last text stays."""


def _busy(crew: Crew, now: float, words: Words = TRAINING) -> list[str]:
    """What each worker does, one line each."""
    busy = sorted(crew.busy, key=lambda worker: worker.number)
    return [
        f"  worker {worker.number}  {words.named(worker.held)}  {span(now - worker.since)}"
        for worker in busy
        if worker.held is not None
    ]


def headline(summary: Doing, pace: Pace) -> str:
    """One line that says how far the run is."""
    total = max(pace.total, summary.done)
    told = (
        f"{summary.done} of {total} done{summary.notes}, {pace.rate(summary.done):.1f}/s, "
        f"{pace.remaining(summary.done)} left"
    )
    return f"{told}\nWaiting: {summary.waits_for}" if summary.waits_for else told


def progress_for(total: int, *, done: int = 0, quiet: bool = False, words: Words = TRAINING) -> Progress:
    """The way of showing progress that fits where the output goes; `done` were done before."""
    if quiet:
        return Silent()
    pace = Pace(total, done=done)
    if "ipykernel" in sys.modules:
        return Cell(pace, words)
    return Screen(pace, words) if sys.stderr.isatty() else Lines(pace, sys.stderr, words)
