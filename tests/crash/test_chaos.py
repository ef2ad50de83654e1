"""Two runners on one ledger, each killed or stopped again and again: in the end all is as if nothing had been."""

from __future__ import annotations

import random
from functools import partial

import pytest

from benchmarks.killed import BLOWS, Victim, struck
from tests.crash.watching import answers, ledger_of
from tests.invariants import broken, successes

SEED = 20261123


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("place", "slices", "blows"), [("sqlite", 1_500, 40), ("postgresql", 400, 10)], indirect=["place"]
)
def test_two_runners_struck_again_and_again_train_every_slice_once(fleet, start, slices, blows):
    folder = fleet(slices, seconds=0.1)
    chance = random.Random(SEED)
    begin = partial(start, folder, "--resume", "--workers", "1", "--quiet")
    victims = [Victim(begin, chance, (0.6, 2.0), BLOWS) for _ in range(2)]

    struck(victims, goes_on=lambda: any(victim.blows < blows for victim in victims))
    codes = [victim.finish() for victim in victims]
    last = start(folder, "--resume", "--workers", "2", "--quiet")
    _, err = last.communicate()

    assert (last.returncode, err) == (0, "")
    assert set(codes) <= {0, 3}
    assert broken(ledger_of(folder), imported=slices) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(slices)}
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]
    assert answers(folder, "SELECT DISTINCT status FROM slices") == [("succeeded",)]
    assert answers(
        folder,
        "SELECT count(*) FROM slices s JOIN attempts a ON a.id = s.champion_id WHERE a.number > s.attempt",
    ) == [(0,)]
