"""A runner that is killed, or stopped and overtaken, at random moments, and started again."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import event, select

from ledger.database import reading
from ledger.errors import LedgerBusyError
from ledger.schema import attempts
from ledger.status import Outcome
from ledger.store import Ledger

KILLS = (signal.SIGKILL,)
BLOWS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP)
Start = Callable[[], subprocess.Popen[str]]
Overtake = Callable[[int], list[int]]
"""Take back what the runner with this pid holds; the ids of those attempts."""


class Victim:
    """A runner that is struck at random moments and started again."""

    def __init__(
        self,
        start: Start,
        chance: random.Random,
        every: tuple[float, float],
        blows: Sequence[signal.Signals],
        overtake: Overtake = lambda _: [],
    ) -> None:
        self._start = start
        self._overtake = overtake
        self._chance = chance
        self._every = every
        self._blows = blows
        self.blows = 0
        self.overtaken: list[int] = []  # attempts
        self._begin()

    @property
    def is_due(self) -> bool:
        """Whether its next blow is due, or it has ended by itself."""
        return time.monotonic() >= self._due or self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def strike(self) -> None:
        """Kill it, or tell it to stop, or hold it still until others have what it held."""
        self.blows += 1
        how = self._chance.choice(self._blows)
        self._process.send_signal(how)
        if how is signal.SIGSTOP:
            self.overtaken += self._overtake(self._process.pid)
            self._process.send_signal(signal.SIGCONT)
            self._set_due()
            return
        self.finish()
        self._begin()

    def finish(self) -> int:
        """Let it come to its own end; its exit code."""
        out, err = self._process.communicate(timeout=600)
        assert "Traceback" not in err, err
        assert "locked" not in out + err, out + err
        return self._process.returncode

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return

    def _begin(self) -> None:
        self._process = self._start()
        self._set_due()

    def _set_due(self) -> None:
        self._due = time.monotonic() + self._chance.uniform(*self._every)


def struck(victims: Sequence[Victim], *, goes_on: Callable[[], bool]) -> None:
    """Strike each of them when it is due, while `goes_on`."""
    while goes_on():
        for victim in victims:
            if victim.is_due and goes_on():
                victim.strike()
        victims[0].wait(0.1)


def overtaking(ledger: Ledger) -> Overtake:
    """Take back what a stopped runner holds, as one on another machine does that hears nothing of it."""

    def overtake(pid: int) -> list[int]:
        stopped = [runner.id for runner in ledger.live_runners() if runner.process.pid == pid]
        with suppress(LedgerBusyError):  # it was stopped while it wrote: nobody can overtake it then
            ledger.take_back_lost(stopped)
        with reading(ledger.engine) as conn:
            lost = select(attempts.c.id).where(
                attempts.c.runner_id.in_(stopped), attempts.c.outcome == Outcome.LOST.value
            )
            return list(conn.execute(lost).scalars())

    return overtake


def impatient(place: str) -> Ledger:
    """The ledger for `overtaking`: it waits half a second for a lock, and not half a minute."""
    ledger = Ledger.open(place, create=False)
    say = "PRAGMA busy_timeout=500" if ledger.path else "SET lock_timeout=500"

    def set_up(connection: Any, _: object) -> None:
        connection.cursor().execute(say)
        connection.commit()

    ledger.engine.dispose()  # the connections of before are patient
    event.listen(ledger.engine, "connect", set_up)
    return ledger
