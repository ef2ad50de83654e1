"""Which slice is claimed for which worker."""

from __future__ import annotations

import pytest

from ledger.records import Slice, Source, Upcoming
from runner.lookahead import PER_WORKER, REFRESH, SOON, WITH_LIMIT, Lookahead

RANGES = ("2026-01-01", "2026-01-20", "2026-01-21", "2026-01-30")


def metric_of(database: str, table: str, column: str) -> Slice:
    return Slice(f"{table}.{column}", *RANGES, database=database, table=table, column=column, base="/data")


def upcoming(*tables: str, metrics: int = 2, database: str = "web", rank=(0, 0)) -> list[Upcoming]:
    """The metrics of these tables, in the order of a split file."""
    return [
        Upcoming(10 * number + metric, rank, one := metric_of(database, table, f"m{metric}"), Source.of(one))
        for number, table in enumerate(tables)
        for metric in range(metrics)
    ]


def named(taken: Upcoming | None) -> str | None:
    return None if taken is None else taken.slice.id


@pytest.fixture
def lookahead():
    return Lookahead()


def test_a_worker_gets_all_slices_of_its_table_while_another_reads_the_next_one(lookahead):
    lookahead.fill(upcoming("a", "b"))

    taken = [named(lookahead.take(worker)) for worker in (1, 2, 1, 2)]

    assert taken == ["a.m0", "b.m0", "a.m1", "b.m1"]


def test_workers_share_a_table_when_there_is_no_other(lookahead):
    lookahead.fill(upcoming("a", metrics=3))

    assert [named(lookahead.take(worker)) for worker in (1, 2, 1)] == ["a.m0", "a.m1", "a.m2"]


def test_a_worker_is_told_the_columns_that_come_next(lookahead):
    lookahead.fill(upcoming("a", "b", metrics=3))

    first, second = lookahead.take(1), lookahead.take(1)

    assert lookahead.together(second) == ("m2",)
    assert lookahead.take(1) is not None
    assert lookahead.together(first) == ()


def test_a_slice_of_higher_priority_comes_before_the_rest_of_a_table_that_was_begun(lookahead):
    lookahead.fill(upcoming("a"))
    lookahead.take(1)

    lookahead.fill([*upcoming("urgent", rank=(0, -5)), *upcoming("a")])

    assert named(lookahead.take(1)) == "urgent.m0"


def test_the_next_table_is_told_to_be_read_when_few_slices_of_the_first_are_left(lookahead):
    lookahead.fill(upcoming("a", "b", "c", metrics=SOON + 2))
    lookahead.take(1)

    early = lookahead.ahead(1)
    lookahead.take(1)
    soon = lookahead.ahead(1)

    assert early is None
    assert soon is not None
    assert (soon.row.id, len(soon.together)) == ("b.m0", SOON + 2)


def test_others_leave_alone_what_a_worker_was_told_to_read_next(lookahead):
    lookahead.fill(upcoming("a", "b", "c", "d", metrics=1))
    lookahead.take(1)
    told = lookahead.ahead(1)

    others = [named(lookahead.take(worker)) for worker in (2, 3)]

    assert told is not None
    assert told.row.id == "b.m0"
    assert others == ["c.m0", "d.m0"]
    assert named(lookahead.take(1)) == "b.m0"


def test_what_a_worker_reads_next_counts_as_read_where_few_may_read_a_database():
    lookahead = Lookahead(per_source=1)
    lookahead.fill([*upcoming("a", metrics=1), *upcoming("b", "c", database="shop", metrics=1)])
    lookahead.take(1)
    lookahead.ahead(1)

    assert lookahead.take(2) is None
    assert [named(lookahead.take(1)) for _ in range(2)] == ["b.m0", "c.m0"]


def test_a_table_that_somebody_else_claims_is_left_to_them(lookahead):
    lookahead.fill(upcoming("a", "b", metrics=3))

    lookahead.forget(lookahead.take(1))

    assert named(lookahead.take(1)) == "b.m0"


def test_a_database_is_read_by_no_more_workers_than_allowed():
    lookahead = Lookahead(per_source=1)
    lookahead.fill([*upcoming("a", "b"), *upcoming("c", database="shop")])

    taken = [named(lookahead.take(worker)) for worker in (1, 2, 3)]

    assert taken == ["a.m0", "c.m0", None]
    assert lookahead.held_back
    assert [named(lookahead.take(1)) for _ in range(3)] == ["a.m1", "b.m0", "b.m1"]


def test_the_queue_is_looked_at_again_when_the_hints_are_used_up_or_old():
    now = [0.0]
    lookahead = Lookahead(monotonic=lambda: now[0])
    assert lookahead.wanted(2) == 2 * PER_WORKER

    lookahead.fill(upcoming("a", metrics=1))
    assert lookahead.wanted(2) == 0
    now[0] += REFRESH
    assert lookahead.wanted(2) == 2 * PER_WORKER

    assert Lookahead(per_source=2).wanted(2) == WITH_LIMIT
