"""Two runners on one ledger, each killed, or stopped and overtaken, again and again: in the end all is as it must be."""

from __future__ import annotations

import random
from functools import partial

import pytest

from tests.crash.watching import answers, ledger_of
from tests.invariants import broken, successes
from tests.victim import BLOWS, Victim, impatient, overtaking, struck

SEED = 20261123


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("place", "slices", "blows"), [("sqlite", 1_500, 40), ("postgresql", 400, 10)], indirect=["place"]
)
def test_two_runners_struck_again_and_again_train_every_slice_once(fleet, start, slices, blows):
    folder = fleet(slices, seconds=0.1)
    chance = random.Random(SEED)
    begin = partial(start, folder, "--resume", "--workers", "1", "--quiet")
    with impatient(ledger_of(folder)) as other:
        victims = [Victim(begin, chance, (0.6, 2.0), BLOWS, overtaking(other)) for _ in range(2)]

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
    overtaken = {attempt for victim in victims for attempt in victim.overtaken}
    lost = {attempt for (attempt,) in answers(folder, "SELECT id FROM attempts WHERE outcome = 'lost'")}
    assert overtaken
    assert overtaken <= lost  # no result of a runner that was stopped and overtaken was recorded
