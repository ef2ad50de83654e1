"""How a run is asked to stop: once to finish what it trains, twice to stop at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopping:
    """Counts SIGINT and SIGTERM while a run lasts, and watches its time limit.

    With `to_the_end` the program ends with the run, and what comes after it changes nothing: a third
    Ctrl-C must not take the exit code from a run that has given back all it held. In a thread other
    than the main one no signal can be caught; the time limit still holds.
    """

    def __init__(
        self,
        *,
        time_limit: float | None,
        to_the_end: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._to_the_end = to_the_end
        self._interruptible = False
        self.asked = 0
        self.signal: int | None = None
        self._monotonic = monotonic
        self._deadline = None if time_limit is None else monotonic() + time_limit
        self._before: dict[int, Any] = {}

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit is reached."""
        return self._deadline is not None and self._monotonic() >= self._deadline

    @property
    def wanted(self) -> bool:
        """Whether nothing more should be claimed."""
        return self.asked > 0 or self.out_of_time

    @property
    def at_once(self) -> bool:
        """Whether even what is being trained should be given back."""
        return self.asked > 1

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in here as soon as two signals have come.

        What is trained in this very process can be stopped in no other way; what is written
        meanwhile in the ledger must not be.
        """
        self._interruptible = True
        try:
            self._interrupt()
            yield
        finally:
            self._interruptible = False

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._to_the_end else handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        self.asked += 1
        self.signal = number
        self._interrupt()

    def _interrupt(self) -> None:
        if self._interruptible and self.at_once:
            raise KeyboardInterrupt
