"""Slices back in the queue on purpose."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ledger.database import reading
from ledger.errors import LedgerError, QueryError, UnknownSliceError
from ledger.records import Facts, Success
from ledger.requeue import Selection, parse_age
from ledger.schema import slices
from ledger.status import Status


@pytest.fixture
def rows(ledger):
    def read():
        with reading(ledger.engine) as conn:
            found = conn.execute(
                select(slices.c.id, slices.c.status, slices.c.reason).order_by(slices.c.position)
            )
            return {row.id: (row.status, row.reason) for row in found}

    return read


@pytest.mark.parametrize("state", ["succeeded", "rejected", "failed", "waiting"])
def test_a_slice_is_queued_again_by_its_id(ledger, make_slice, rows, state):
    make_slice("a", status=state, tries=3, crashes=2)
    make_slice("b", status=state)

    report = ledger.requeue(Selection(ids=("a",)))

    assert report.queued == 1
    assert rows() == {"a": ("pending", "manual"), "b": (state, None)}
    with reading(ledger.engine) as conn:
        assert conn.execute(select(slices.c.tries, slices.c.crashes).limit(1)).one() == (0, 0)


def test_a_running_slice_stays_and_is_told(ledger, make_slice, rows):
    make_slice("a", status="running")

    report = ledger.requeue(Selection(ids=("a",)))

    assert (report.queued, report.running, rows()["a"][0]) == (0, 1, "running")


def test_retired_and_pending_slices_stay(ledger, make_slice, rows):
    make_slice("a", status="retired")
    make_slice("b", status="pending", reason="new")

    report = ledger.requeue(Selection(where="1 = 1"))

    assert report.lines() == [
        "0 slices queued again",
        "1 are queued already",
        "1 are retired; importing a split file that names them queues them",
    ]
    assert rows() == {"a": ("retired", None), "b": ("pending", "new")}


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(failed=True), {"failed"}),
        (Selection(rejected=True), {"rejected"}),
        (Selection(failed=True, rejected=True), {"failed", "rejected"}),
        (Selection(failed=True, where="id = 'failed'"), {"failed"}),
        (Selection(failed=True, where="id = 'rejected'"), set()),
        (Selection(where="file LIKE 'series%' AND status = 'succeeded'"), {"succeeded"}),
        (Selection(where="train_from <> '2026-01-01 00:00:00' AND id = 'failed'"), {"failed"}),
    ],
)
def test_all_conditions_must_hold(ledger, make_slice, rows, selection, taken):
    for state in ("succeeded", "rejected", "failed"):
        make_slice(state, status=state)

    ledger.requeue(selection)

    assert {name for name, (state, _) in rows().items() if state == "pending"} == taken


def test_old_champions_are_queued_as_expired(ledger, make_slice, rows):
    make_slice("a")
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        record.complete(record.claim(runner), Success(), Facts())

    assert ledger.requeue(Selection(older_than=timedelta(days=1))).queued == 0
    assert ledger.requeue(Selection(older_than=timedelta(0))).queued == 1
    assert rows()["a"] == (Status.PENDING.value, "expired")


def test_doing_it_twice_does_it_once(ledger, make_slice):
    make_slice("a", status="failed")
    ledger.requeue(Selection(failed=True))

    assert ledger.requeue(Selection(failed=True)).queued == 0


def test_a_dry_run_only_counts(ledger, make_slice, rows):
    make_slice("a", status="failed")

    assert ledger.requeue(Selection(failed=True), dry_run=True).queued == 1
    assert rows()["a"][0] == "failed"


@pytest.mark.parametrize(
    "where",
    ["1 = 1) OR (1 = 1", "1 = 1; DELETE FROM slices", "1 = 1 -- x", "1 = 1 /* x", "nothing = 1", "id ="],
)
def test_what_is_no_single_condition_is_refused(ledger, make_slice, where):
    make_slice("a", status="failed")

    with pytest.raises(QueryError):
        ledger.requeue(Selection(where=where))


def test_an_unknown_id_and_an_empty_selection_are_told(ledger):
    with pytest.raises(UnknownSliceError, match="'x'"):
        ledger.requeue(Selection(ids=("x",)))
    with pytest.raises(LedgerError, match="say which slices"):
        ledger.requeue(Selection())


@pytest.mark.parametrize(("written", "age"), [("30d", 30), ("48h", 2), ("1.5d", 1.5), ("2w", 14)])
def test_ages_are_understood(written, age):
    assert parse_age(written) == timedelta(days=age)


@pytest.mark.parametrize("written", ["", "30", "d", "-1d", "1y"])
def test_other_ages_are_told(written):
    with pytest.raises(LedgerError, match="is no length of time"):
        parse_age(written)
