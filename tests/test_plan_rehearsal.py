"""What a rehearsal does otherwise than the run that it stands for, so that it shows what that will cost."""

from __future__ import annotations

import pytest

from ledger.records import Ranges, Slice, Source, Upcoming
from runner.lookahead import Lookahead
from runner.planning.rehearsal import ENOUGH, AsInTheQueue, _is_enough, _shared
from runner.planning.watched import Watched

RANGES = Ranges("0", "9", "10", "14")


def source(name: str) -> Source:
    return Source(name, "metrics", None, None, RANGES)


def upcoming(position: int, name: str) -> Upcoming:
    row = Slice(str(position), "0", "9", "10", "14", database=name, table="metrics", column=f"m{position}")
    return Upcoming(position, (0, 0), row, source(name))


@pytest.fixture
def dealt():
    """The first slice that a lookahead gives, of two in one table and one in another."""

    def take(lookahead: Lookahead) -> Upcoming:
        lookahead.fill([upcoming(1, "a"), upcoming(2, "a"), upcoming(3, "b")])
        taken = lookahead.take(1)
        assert taken is not None
        return taken

    return take


def test_a_table_is_read_with_the_columns_of_the_queue_and_none_in_the_background(dealt):
    columns = {source("a"): ("m1", "m2", "m77")}
    ordinary, rehearsing = Lookahead(), AsInTheQueue(columns, per_source=None)

    assert rehearsing.together(dealt(rehearsing)) == ("m1", "m2", "m77")
    assert rehearsing.ahead(1) is None
    dealt(ordinary)
    assert ordinary.ahead(1) is not None


def test_the_readings_that_a_run_saves_are_those_of_all_slices_but_the_first_of_each_table():
    tables = {source("a"): tuple("abcd"), source("b"): tuple("efgh")}

    assert _shared(tables) == 0.75
    assert _shared({source("a"): ()}) == 0.0  # one slice in a file
    assert _shared({}) == 0.0


@pytest.mark.parametrize(("seconds", "enough"), [(ENOUGH - 0.1, False), (ENOUGH + 0.1, True)])
def test_a_rehearsal_of_fast_slices_goes_on_for_some_seconds(monkeypatch, seconds, enough):
    watched = Watched(None, 1)  # type: ignore[arg-type]
    watched.began = 100.0
    watched.trained = [type("Trained", (), {"worker": number % 2})() for number in range(100)]
    monkeypatch.setattr("runner.planning.rehearsal.time.monotonic", lambda: 100.0 + seconds)

    assert _is_enough(watched, 30) is enough
