"""Two runners on one ledger, each killed or stopped again and again: in the end all is as if nothing had been."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.crash.watching import answers, ledger_of
from tests.invariants import broken, successes

SLICES = 1_500
BLOWS = 40
SEED = 20261123


class Victim:
    """A runner that is struck at random moments and started again."""

    def __init__(self, folder: Path, start, chance: random.Random) -> None:
        self._folder = folder
        self._start = start
        self._chance = chance
        self.blows = 0
        self._begin()

    @property
    def is_due(self) -> bool:
        """Whether its next blow is due, or it has ended by itself."""
        return time.monotonic() >= self._due or self._process.poll() is not None

    def strike(self) -> None:
        """Kill it, or tell it to stop, or hold it still for a moment and then kill it."""
        self.blows += 1
        how = self._chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
        self._process.send_signal(how)
        if how is signal.SIGSTOP:
            self._process.send_signal(signal.SIGKILL)
        self._end()
        self._begin()

    def finish(self) -> int:
        """Let it come to its own end; its exit code."""
        return self._end()

    def _begin(self) -> None:
        self._process = self._start(self._folder, "--resume", "--workers", "1", "--quiet")
        self._due = time.monotonic() + self._chance.uniform(0.6, 2.0)

    def _end(self) -> int:
        out, err = self._process.communicate(timeout=120)
        assert "Traceback" not in err, err
        assert "locked" not in out + err
        return self._process.returncode


@pytest.mark.timeout(600)
def test_two_runners_struck_forty_times_each_train_every_slice_once(fleet, start):
    folder = fleet(SLICES, seconds=0.1)
    chance = random.Random(SEED)
    victims = [Victim(folder, start, chance) for _ in range(2)]

    while any(victim.blows < BLOWS for victim in victims):
        for victim in victims:
            if victim.is_due and victim.blows < BLOWS:
                victim.strike()
        time_to_breathe(victims)
    codes = [victim.finish() for victim in victims]
    last = start(folder, "--resume", "--workers", "2", "--quiet")
    _, err = last.communicate()

    assert (last.returncode, err) == (0, "")
    assert set(codes) <= {0, 3}
    assert broken(ledger_of(folder), imported=SLICES) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(SLICES)}
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]
    assert answers(folder, "SELECT DISTINCT status FROM slices") == [("succeeded",)]
    assert answers(
        folder,
        "SELECT count(*) FROM slices s JOIN attempts a ON a.id = s.champion_id WHERE a.number > s.attempt",
    ) == [(0,)]


def time_to_breathe(victims) -> None:
    """Wait for the first process that ends, or a tenth of a second: nothing here depends on how long."""
    try:
        victims[0]._process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return
