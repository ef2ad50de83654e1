"""Events of a runner whose COMMIT nobody heard of: written once, however often they are told."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select, update

from ledger.database import reading, writing
from ledger.records import Artifact, Facts, Failure, Success
from ledger.schema import artifacts, attempts, metrics, slices
from ledger.status import Outcome

GOOD = Success({"mae": 0.5, "bias": float("nan")}, (Artifact("a/b", "json", 3, "f" * 64),))


@pytest.fixture
def me(ledger):
    return ledger.register_runner({})


@pytest.fixture
def held(ledger, make_slice, me):
    make_slice("a")
    with ledger.recording() as record:
        return record.claim(me)


@pytest.fixture
def count(ledger):
    def rows(table) -> int:
        with reading(ledger.engine) as conn:
            return conn.execute(select(func.count()).select_from(table)).scalar_one()

    return rows


def test_a_result_told_twice_stands_and_is_there_once(ledger, held, count):
    told = []
    for _ in range(2):
        with ledger.recording() as record:
            told.append(record.complete(held, GOOD, Facts()))

    assert told == [True, True]
    assert (count(metrics), count(artifacts)) == (2, 1)


def test_a_failure_told_twice_stands_and_counts_once(ledger, held):
    told = []
    for _ in range(2):
        with ledger.recording() as record:
            told.append(record.fail(held, Failure("E", "m"), Facts(), outcome=Outcome.FAILED, retry_at=None))

    assert told == [True, True]
    with reading(ledger.engine) as conn:
        assert conn.execute(select(slices.c.status, slices.c.tries)).one() == ("failed", 1)


def test_a_result_after_a_failure_of_the_same_attempt_does_not_stand(ledger, held, count):
    with ledger.recording() as record:
        record.fail(held, Failure("E", "m"), Facts(), outcome=Outcome.FAILED, retry_at=None)

    with ledger.recording() as record:
        assert not record.complete(held, GOOD, Facts())

    assert (count(metrics), count(artifacts)) == (0, 0)


def test_one_lost_claim_spoils_nothing_for_the_others(ledger, make_slice, me, held):
    make_slice("b")
    with ledger.recording() as record:
        other = record.claim(me)
    with ledger.recording() as record:
        record.release(held, reason="stopped")

    with ledger.recording() as record:
        assert not record.complete(held, GOOD, Facts())
        assert record.complete(other, Success({"mae": 1.0}), Facts())

    assert ledger.status().counts["succeeded"] == 1


def test_a_claim_that_its_runner_never_heard_of_is_given_back(ledger, make_slice, me, held):
    make_slice("b")
    with ledger.recording() as record:
        unheard = record.claim(me)

    with ledger.recording() as record:
        assert record.release_unknown(me, {held.attempt_id}) == 1

    with reading(ledger.engine) as conn:
        found = conn.execute(select(slices.c.id, slices.c.status, slices.c.tries).order_by(slices.c.id)).all()
        ended = select(attempts.c.outcome).where(attempts.c.id == unheard.attempt_id)
        assert conn.execute(ended).scalar_one() == "interrupted"
    assert found == [("a", "running", 0), ("b", "pending", 0)]


def test_a_result_for_an_attempt_that_a_restored_ledger_does_not_know_does_not_stand(ledger, held):
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(status="pending", runner_id=None, attempt=0))
        conn.execute(delete(attempts))

    with ledger.recording() as record:
        assert not record.complete(held, GOOD, Facts())
