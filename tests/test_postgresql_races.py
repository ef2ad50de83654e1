"""Two transactions of two runners at the same moment, which SQLite's one writer never sees."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from ledger import claims, closing, promotions
from ledger.database import writing
from ledger.errors import AccessError, LedgerBusyError
from ledger.records import Facts, Success
from ledger.requeue import Selection, requeue
from ledger.slices import import_rows
from ledger.splitfile import Findings, read_batches
from ledger.staging import Defaults, Rows
from ledger.store import Ledger
from tests.invariants import answers, broken

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def place(postgres_place):
    """These are PostgreSQL's races: nothing here runs on SQLite."""
    return postgres_place


@pytest.fixture
def meanwhile(place):
    """Begin something in another connection, and wait until it stands behind a lock of ours."""
    begun: list[threading.Thread] = []

    def begin(happen: Callable[[Ledger], object]) -> threading.Thread:
        def work() -> None:
            with Ledger.open(place, create=False) as other:
                happen(other)

        begun.append(threading.Thread(target=work))
        begun[-1].start()
        while begun[-1].is_alive() and not answers(place, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            pass
        return begun[-1]

    yield begin
    for thread in begun:
        thread.join()


def test_a_claim_steps_over_a_slice_that_is_being_claimed(ledger, make_slice):
    make_slice("a")
    make_slice("b")
    me, other = ledger.register_runner({}), ledger.register_runner({})

    with writing(ledger.engine) as conn:
        first = claims.claim(conn, me, now=NOW)
        with writing(ledger.engine) as at_once:
            at_once.execute(text("SET LOCAL lock_timeout = '2s'"))
            second = claims.claim(at_once, other, now=NOW)

    assert (first.slice.id, second.slice.id) == ("a", "b")


def test_a_result_that_is_being_written_is_not_taken_back(ledger, place, make_slice, meanwhile):
    make_slice("a")
    me = ledger.register_runner({})
    with ledger.recording() as record:
        held = record.claim(me)

    with writing(ledger.engine) as conn:
        closing.complete(conn, held, Success({"m": 1.0}), Facts(), now=NOW)
        other = meanwhile(lambda ledger: ledger.take_back_lost([me]))
    other.join()

    assert broken(place, imported=1) == []
    assert answers(place, "SELECT outcome FROM attempts") == [("succeeded",)]


def test_a_claim_that_is_being_written_is_taken_back_too(ledger, place, make_slice, meanwhile):
    make_slice("a")
    me = ledger.register_runner({})

    with writing(ledger.engine) as conn:
        assert claims.claim(conn, me, now=NOW)
        other = meanwhile(lambda ledger: ledger.take_back_lost([me]))
    other.join()

    assert answers(place, "SELECT status FROM slices") == [("pending",)]
    assert broken(place, imported=1) == []


def test_a_runner_that_is_stopped_in_the_middle_of_a_claim_holds_nobody_up(
    place, ledger, make_slice, monkeypatch
):
    make_slice("a")
    monkeypatch.setattr("ledger.database.BUSY_SECONDS", 0.2)
    with Ledger.open(place, create=False) as stopped, pytest.raises(AccessError, match="cannot be reached"):
        me = stopped.register_runner({})
        with writing(stopped.engine) as conn:
            assert claims.claim(conn, me, now=NOW)
            ledger.take_back_lost([me])
            conn.execute(text("SELECT 1"))

    assert answers(place, "SELECT status, attempt FROM slices") == [("pending", 0)]


def test_a_ledger_locked_by_somebody_else_is_told(place, ledger, monkeypatch):
    monkeypatch.setattr("ledger.database.BUSY_SECONDS", 0.2)
    with writing(ledger.engine) as conn:
        conn.execute(text("LOCK TABLE runners"))
        with (
            Ledger.open(place, create=False) as waiting,
            pytest.raises(LedgerBusyError, match="is locked by another"),
        ):
            waiting.beat(1)


def test_two_imports_of_one_file_add_its_slices_once(ledger, place, tmp_path, meanwhile):
    split = tmp_path / "split.csv"
    split.write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n", encoding="utf-8")
    told = []

    with writing(ledger.engine) as conn:
        rows = read_batches(split, Findings("split.csv"))
        import_rows(conn, Rows(rows, Defaults(), check=lambda: None), path=split, prune=False, now=NOW)
        other = meanwhile(lambda ledger: told.append(ledger.import_slices(split)))
    other.join()

    assert [(report.added, report.unchanged) for report in told] == [(0, 1)]


@pytest.mark.parametrize("kind", ["TABLE", "VIEW"])
def test_an_import_leaves_a_table_of_the_same_name_as_its_own_alone(ledger, place, tmp_path, kind):
    split = tmp_path / "split.csv"
    split.write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n", encoding="utf-8")
    with writing(ledger.engine) as conn:
        conn.execute(text(f"CREATE {kind} staged AS SELECT 1 AS theirs"))

    ledger.import_slices(split)

    assert answers(place, "SELECT theirs FROM staged") == [(1,)]


def drifted(ledger, make_slice):
    """A slice with two models, and a drift check on the one that serves."""
    make_slice("a")
    me = ledger.register_runner({})
    for _ in range(2):
        ledger.requeue(Selection(ids=("a",)))
        with ledger.recording() as record:
            record.complete(record.claim(me), Success({"m": 1.0}), Facts())
    with writing(ledger.engine) as conn:
        conn.execute(
            text(
                "INSERT INTO drift_checks (slice_id, attempt_id, detector, verdict, checked_at) "
                "VALUES ('a', 2, 'panel', 'drifted', now())"
            )
        )
    return me


def test_a_champion_that_is_replaced_while_drift_is_looked_up_is_not_queued_for_it(
    ledger, place, make_slice, meanwhile
):
    drifted(ledger, make_slice)

    with writing(ledger.engine) as conn:
        promotions.promote(conn, "a", 1, now=NOW)
        other = meanwhile(lambda ledger: ledger.requeue(Selection(drifted=True)))
    other.join()

    assert answers(place, "SELECT status, champion_id FROM slices") == [("succeeded", 1)]
    assert answers(place, "SELECT requeued_at FROM drift_checks") == [(None,)]


def test_a_slice_that_is_claimed_while_drift_is_looked_up_is_queued_for_it_afterwards(
    ledger, make_slice, meanwhile
):
    me = drifted(ledger, make_slice)
    told = []

    with writing(ledger.engine) as conn:
        requeue(conn, Selection(ids=("a",)), now=NOW)
        held = claims.claim(conn, me, now=NOW)
        other = meanwhile(lambda ledger: told.append(ledger.requeue(Selection(drifted=True))))
    other.join()
    with ledger.recording() as record:
        record.complete(held, Success(passed=False), Facts())

    assert (told[0].queued, told[0].running) == (0, 1)
    assert ledger.requeue(Selection(drifted=True)).queued == 1


def test_a_slice_that_is_claimed_while_it_is_rolled_back_keeps_its_champion(
    ledger, place, make_slice, meanwhile
):
    me = drifted(ledger, make_slice)
    told = []

    with writing(ledger.engine) as conn:
        requeue(conn, Selection(ids=("a",)), now=NOW)
        claims.claim(conn, me, now=NOW)
        other = meanwhile(lambda ledger: told.append(ledger.roll_back(Selection(ids=("a",)))))
    other.join()

    assert (told[0].rolled_back, told[0].running) == (0, 1)
    assert answers(place, "SELECT champion_id FROM slices") == [(2,)]
    assert answers(place, "SELECT why FROM promotions ORDER BY id") == [("trained",), ("trained",)]
