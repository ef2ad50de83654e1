"""Claims: who may train a slice, and that nobody else can record a result for it."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text, update

from ledger import claims, closing, queue, runners
from ledger.database import reading, writing
from ledger.errors import LeaseLostError
from ledger.hosts import this_process
from ledger.records import Artifact, Claim, Facts, Failure, Success
from ledger.schema import artifacts, attempts, metrics, slices
from ledger.status import Outcome

GOOD = Success(metrics={"mae": 0.5}, artifacts=(Artifact("a/b", "json", 3, "f" * 64),))


@pytest.fixture
def runner(ledger, clock):
    with writing(ledger.engine) as conn:
        return runners.register(conn, this_process(), options={}, version="0", now=clock.now)


@pytest.fixture
def claim(ledger, runner, clock):
    def take(runner_id: int | None = None) -> Claim | None:
        with writing(ledger.engine) as conn:
            return claims.claim(conn, runner_id or runner, now=clock.now)

    return take


@pytest.fixture
def row(ledger):
    def read(slice_id: str = "a"):
        with reading(ledger.engine) as conn:
            return conn.execute(select(slices).where(slices.c.id == slice_id)).one()

    return read


@pytest.fixture
def attempt(ledger):
    def read(number: int = 1, slice_id: str = "a"):
        with reading(ledger.engine) as conn:
            return conn.execute(
                select(attempts).where(attempts.c.slice_id == slice_id, attempts.c.number == number)
            ).one()

    return read


def test_nothing_is_claimed_where_nothing_is_pending(make_slice, claim):
    make_slice(status="succeeded")

    assert claim() is None


def test_a_claim_carries_the_slice_as_it_was_imported(make_slice, claim):
    make_slice(
        "a",
        database_name="db",
        table_name="t",
        column_name="c #1",
        extra='{"region": "eu"}',
        params='{"p": "1"}',
    )

    held = claim()

    assert (held.slice.id, held.slice.database, held.slice.table, held.slice.column) == (
        "a",
        "db",
        "t",
        "c #1",
    )
    assert held.slice.region == "eu"
    assert held.slice.params == {"p": "1"}
    assert held.slice.base == "/data"
    assert held.attempt == 1


def test_ranges_that_were_rolled_forward_are_the_ones_in_force(make_slice, claim, attempt):
    make_slice("a", active_train_from="5", active_train_to="14", active_test_from="15", active_test_to="19")

    held = claim()

    assert (held.slice.train_from, held.slice.test_to) == ("5", "19")
    assert (attempt().train_from, attempt().test_to) == ("5", "19")


def test_slices_are_claimed_by_priority_then_in_the_order_of_import(make_slice, claim):
    make_slice("first")
    make_slice("urgent", priority=5)
    make_slice("deferred", priority=9, deferred=1)
    make_slice("second")

    order = [claim().slice.id for _ in range(4)]

    assert order == ["urgent", "first", "second", "deferred"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_claim_uses_the_index_of_pending_slices_alone(ledger, make_slice, claim):
    make_slice("a")
    seen: list[tuple[str, object]] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))

    claim()

    sql, values = next(call for call in seen if call[0].startswith("UPDATE slices"))
    with reading(ledger.engine) as conn:
        plan = "\n".join(str(step[3]) for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
    # SQLite may look at a bound value when it plans, PostgreSQL's generic plans never do.
    assert sql.count("status = 'pending'") == 2
    assert "USING INDEX slices_pending" in plan or "USING COVERING INDEX slices_pending" in plan
    assert "SCAN slices\n" not in plan
    assert "TEMP B-TREE" not in plan


def test_a_result_is_recorded_whole(ledger, make_slice, claim, row, attempt, clock):
    make_slice("a", tries=2)
    held = claim()
    clock.advance(seconds=3)

    with writing(ledger.engine) as conn:
        facts = Facts(fit_seconds=1.5, train_rows=10, trainer="arima")
        closing.complete(conn, held, GOOD, facts, now=clock.now)

    assert (row().status, row().champion_id, row().tries, row().runner_id) == (
        "succeeded",
        held.attempt_id,
        0,
        None,
    )
    assert (attempt().outcome, attempt().fit_seconds, attempt().trainer) == ("succeeded", 1.5, "arima")
    assert attempt().finished_at - attempt().started_at == timedelta(seconds=3)
    with reading(ledger.engine) as conn:
        assert conn.execute(select(metrics.c.name, metrics.c.value)).all() == [("mae", 0.5)]
        assert conn.execute(select(artifacts.c.path, artifacts.c.bytes)).all() == [("a/b", 3)]


def test_a_model_that_misses_the_gate_is_kept_but_does_not_serve(
    ledger, make_slice, claim, row, attempt, clock
):
    make_slice("a")
    held = claim()

    with writing(ledger.engine) as conn:
        missed = Success(metrics={"mae": 9.0}, passed=False, verdict="mae 9 is not < 0.5")
        closing.complete(conn, held, missed, Facts(), now=clock.now)

    assert (row().status, row().champion_id) == ("rejected", None)
    assert (attempt().outcome, attempt().reason) == ("rejected", "mae 9 is not < 0.5")


@pytest.mark.parametrize(
    ("value", "kind"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (1.0, "finite")]
)
def test_values_that_sql_cannot_hold_are_told_by_their_kind(ledger, make_slice, claim, clock, value, kind):
    make_slice("a")
    held = claim()

    with writing(ledger.engine) as conn:
        closing.complete(conn, held, Success(metrics={"m": value}), Facts(), now=clock.now)

    with reading(ledger.engine) as conn:
        stored = conn.execute(select(metrics.c.value, metrics.c.kind)).one()
    assert stored == (1.0 if kind == "finite" else None, kind)


def test_a_runner_that_lost_its_slice_cannot_record_a_result(ledger, make_slice, claim, runner, row, clock):
    make_slice("a")
    stale = claim()
    with writing(ledger.engine) as conn:
        claims.take_back_lost(conn, dead=[runner], now=clock.now)
    fresh = claim()

    with pytest.raises(LeaseLostError), writing(ledger.engine) as conn:
        closing.complete(conn, stale, GOOD, Facts(), now=clock.now)

    assert (row().status, row().attempt, row().champion_id) == ("running", fresh.attempt, None)
    with reading(ledger.engine) as conn:
        assert conn.execute(select(metrics)).all() == []


@pytest.mark.parametrize("late", ["fail", "release"])
def test_a_runner_that_lost_its_slice_cannot_give_it_up_either(
    ledger, make_slice, claim, runner, row, clock, late
):
    make_slice("a")
    stale = claim()
    with writing(ledger.engine) as conn:
        claims.take_back_lost(conn, dead=[runner], now=clock.now)
    claim()
    give_up = {
        "fail": lambda conn: closing.fail(
            conn, stale, Failure("E", "m"), Facts(), retry_at=None, now=clock.now
        ),
        "release": lambda conn: closing.release(conn, stale, reason="stopped", now=clock.now),
    }[late]

    with pytest.raises(LeaseLostError), writing(ledger.engine) as conn:
        give_up(conn)

    assert (row().status, row().tries) == ("running", 0)


def test_a_failure_with_a_time_to_try_again_waits_for_it(ledger, make_slice, claim, row, attempt, clock):
    make_slice("a")
    held = claim()
    later = clock.now + timedelta(seconds=2)

    with writing(ledger.engine) as conn:
        failure = Failure("ValueError", "bad", "Traceback …")
        closing.fail(conn, held, failure, Facts(), retry_at=later, now=clock.now)

    assert (row().status, row().not_before, row().tries, row().crashes) == ("waiting", later, 1, 0)
    assert (attempt().outcome, attempt().error_type, attempt().error_message) == (
        "failed",
        "ValueError",
        "bad",
    )


def test_a_crash_counts_as_a_crash_and_not_as_a_try(ledger, make_slice, claim, row, clock):
    make_slice("a")
    held = claim()

    with writing(ledger.engine) as conn:
        killed = Failure("Killed", "signal 9")
        closing.fail(conn, held, killed, Facts(), outcome=Outcome.CRASHED, retry_at=None, now=clock.now)

    assert (row().status, row().tries, row().crashes) == ("failed", 0, 1)


def test_a_waiting_slice_is_pending_again_when_its_time_has_come(ledger, make_slice, row, clock):
    make_slice("a", status="waiting", not_before=clock.now + timedelta(seconds=5))
    make_slice("later", status="waiting", not_before=clock.now + timedelta(seconds=50))
    clock.advance(seconds=5)

    with writing(ledger.engine) as conn:
        queued = queue.queue_due(conn, now=clock.now)
        still = queue.next_due(conn)

    assert (queued, row().status, row().reason) == (1, "pending", "retry")
    assert still == row("later").not_before


def test_a_slice_that_waits_by_a_clock_that_was_set_back_is_tried_at_once(
    ledger, make_slice, claim, row, clock
):
    make_slice("a")
    longest = timedelta(seconds=30)
    clock.advance(days=1)
    held, soon = claim(), clock.now + timedelta(seconds=5)
    with writing(ledger.engine) as conn:
        closing.fail(conn, held, Failure("E", "m"), Facts(), retry_at=soon, now=clock.now)

    with writing(ledger.engine) as conn:
        assert queue.queue_due(conn, now=clock.now, longest=longest) == 0
    clock.advance(days=-1)
    make_slice("by a longer backoff", status="waiting", not_before=clock.now + timedelta(hours=1))
    with writing(ledger.engine) as conn:
        assert queue.queue_due(conn, now=clock.now, longest=longest) == 1

    assert (row().status, row("by a longer backoff").status) == ("pending", "waiting")


def test_a_slice_given_back_is_pending_and_owes_nothing(ledger, make_slice, claim, row, attempt, clock):
    make_slice("a", tries=1)
    held = claim()

    with writing(ledger.engine) as conn:
        closing.release(conn, held, reason="the run was stopped", now=clock.now)

    assert (row().status, row().reason, row().tries) == ("pending", "interrupted", 1)
    assert (attempt().outcome, attempt().reason) == ("interrupted", "the run was stopped")


def test_what_a_dead_runner_held_is_pending_and_owes_nothing(
    ledger, make_slice, claim, runner, row, attempt, clock
):
    make_slice("a", tries=1, crashes=1)
    claim()

    with writing(ledger.engine) as conn:
        count = claims.take_back_lost(conn, dead=[runner], now=clock.now)

    assert count == 1
    assert (row().status, row().tries, row().crashes, row().deferred) == ("pending", 1, 1, 0)
    assert attempt().outcome == "lost"


def test_the_slices_of_a_living_runner_stay_with_it(ledger, make_slice, claim, row, clock):
    make_slice("a")
    claim()

    with writing(ledger.engine) as conn:
        count = claims.take_back_lost(conn, dead=[999], now=clock.now)

    assert (count, row().status) == (0, "running")


def test_a_slice_lost_with_its_runner_three_times_goes_behind_all_others(
    ledger, make_slice, claim, runner, row, clock
):
    make_slice("a", priority=1)
    make_slice("b")

    def lose():
        claim()
        with writing(ledger.engine) as conn:
            claims.take_back_lost(conn, dead=[runner], now=clock.now)

    lose(), lose(), lose()

    assert row().deferred == 1
    assert claim().slice.id == "b"


@pytest.mark.parametrize("passed", [True, False])
def test_a_slice_behind_all_others_that_gives_a_model_is_behind_no_more(
    ledger, make_slice, claim, row, clock, passed
):
    make_slice("a", deferred=1, tries=1, crashes=2)
    held = claim()

    with writing(ledger.engine) as conn:
        closing.complete(conn, held, Success(passed=passed), Facts(), now=clock.now)

    assert (row().deferred, row().tries, row().crashes) == (0, 0, 0)


def test_a_row_changed_while_it_was_trained_is_trained_once_more(ledger, make_slice, claim, row, clock):
    make_slice("a")
    held = claim()
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(spec_hash="new"))

    with writing(ledger.engine) as conn:
        closing.complete(conn, held, GOOD, Facts(), now=clock.now)

    assert (row().status, row().reason, row().champion_id) == ("pending", "changed", held.attempt_id)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CRASHED])
def test_what_a_row_did_is_not_held_against_the_one_in_its_place(
    ledger, make_slice, claim, row, clock, outcome
):
    make_slice("a")
    held = claim()
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(spec_hash="new"))

    with writing(ledger.engine) as conn:
        failure = Failure("ValueError", "bad")
        closing.fail(conn, held, failure, Facts(), outcome=outcome, retry_at=clock.now, now=clock.now)

    assert (row().status, row().reason, row().tries, row().crashes) == ("pending", "changed", 0, 0)


def test_two_completions_in_one_transaction_do_not_hurt_each_other(ledger, make_slice, claim, row, clock):
    make_slice("a")
    make_slice("b")
    lost, held = claim(), claim()
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).where(slices.c.id == "a").values(status="pending", runner_id=None))

    with writing(ledger.engine) as conn:
        with pytest.raises(LeaseLostError):
            closing.complete(conn, lost, GOOD, Facts(), now=clock.now)
        closing.complete(conn, held, GOOD, Facts(), now=clock.now)

    assert (row("a").status, row("b").status) == ("pending", "succeeded")


def test_the_database_refuses_a_running_slice_that_nobody_owns(ledger, make_slice):
    make_slice("a")

    with pytest.raises(Exception, match="owned_while_running"), writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'running'"))


def test_ids_of_attempts_are_never_used_again(ledger, make_slice, claim):
    make_slice("a")
    held = claim()
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET status='pending', runner_id=NULL, attempt=0"))
        conn.execute(text("DELETE FROM attempts"))

    assert claim().attempt_id > held.attempt_id
