"""Slices queued again by age and by drift: which, how many, and with which ranges."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update

from ledger.database import reading, writing
from ledger.records import Facts, Failure, Success
from ledger.requeue import Selection, Terms
from ledger.schema import drift_checks, slices
from ledger.status import Outcome
from ledger.store import Ledger

JANUARY = {
    "train_from": "2026-01-01",
    "train_to": "2026-01-20",
    "test_from": "2026-01-21",
    "test_to": "2026-01-30",
}
DRIFTED = Selection(drifted=True)
MONTHLY = Selection(older_than=timedelta(days=30))


@pytest.fixture
def ledger(place, clock):
    with Ledger.open(place, create=False) as opened:
        yield Ledger(opened.engine, clock)


@pytest.fixture
def row(ledger):
    def read(slice_id="a"):
        with reading(ledger.engine) as conn:
            return conn.execute(select(slices).where(slices.c.id == slice_id)).one()

    return read


def train(ledger, *, passed=True, runner=None):
    """One attempt of the next slice."""
    runner = ledger.register_runner({}) if runner is None else runner
    with ledger.recording() as record:
        assert record.complete(record.claim(runner), Success(passed=passed), Facts())


def fail(ledger):
    """An attempt that fails for good."""
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        held = record.claim(runner)
        record.fail(held, Failure("E", "no"), Facts(), outcome=Outcome.FAILED, retry_at=None)


def check(ledger, slice_id="a", *, verdict="drifted", window_to="2026-02-10 07:35:00", p=0.001):
    """A drift check of the champion."""
    with writing(ledger.engine) as conn:
        judged = conn.execute(select(slices.c.champion_id).where(slices.c.id == slice_id)).scalar_one()
        conn.execute(
            insert(drift_checks).values(
                slice_id=slice_id, attempt_id=judged, window_from="2026-02-01", window_to=window_to,
                detector="panel", p=p, verdict=verdict, reason="level +0.9 sd", checked_at=ledger.now(),
            )
        )  # fmt: skip


def active(found):
    return (found.active_train_from, found.active_train_to, found.active_test_from, found.active_test_to)


def test_by_age_ranges_roll_forward_by_the_days_since_the_champion_was_trained(
    ledger, make_slice, row, clock
):
    make_slice("a", **JANUARY)
    train(ledger)
    clock.advance(days=30, hours=5)

    report = ledger.requeue(MONTHLY)

    assert (report.queued, report.rolled, report.unmoved) == (1, 1, 0)
    assert (row().status, row().reason) == ("pending", "expired")
    assert active(row()) == ("2026-01-31", "2026-02-19", "2026-02-20", "2026-03-01")
    assert row().train_from == "2026-01-01"


def test_a_training_that_was_rejected_does_not_make_the_next_roll_go_too_far(ledger, make_slice, row, clock):
    make_slice("a", **JANUARY)
    train(ledger)
    for _ in range(2):
        clock.advance(days=30, hours=1)
        ledger.requeue(MONTHLY)
        train(ledger, passed=False)

    assert active(row()) == ("2026-03-02", "2026-03-21", "2026-03-22", "2026-03-31")


def test_slices_of_one_night_keep_their_ranges_in_common(ledger, make_slice, row, clock):
    make_slice("a", **JANUARY)
    make_slice("b", **JANUARY)
    runner = ledger.register_runner({})
    train(ledger, runner=runner)
    clock.advance(hours=9)
    train(ledger, runner=runner)
    clock.advance(days=30, hours=20)

    ledger.requeue(MONTHLY)

    assert active(row("a")) == active(row("b"))


def test_row_numbers_stay_and_are_counted(ledger, make_slice, row, clock):
    make_slice("a")
    train(ledger)
    clock.advance(days=31)

    report = ledger.requeue(MONTHLY)

    assert report.lines() == [
        "1 slices queued again",
        "1 of them keep their ranges, which are row numbers and do not move with time",
    ]
    assert active(row()) == (None, None, None, None)


def test_ranges_are_kept_where_that_is_asked(ledger, make_slice, row, clock):
    make_slice("a", **JANUARY)
    train(ledger)
    clock.advance(days=31)

    report = ledger.requeue(MONTHLY, Terms(keep_ranges=True))

    assert (report.queued, report.rolled, active(row())) == (1, 0, (None, None, None, None))


def test_ranges_that_an_import_has_put_in_their_place_stay(ledger, make_slice, row, clock):
    make_slice("a", **JANUARY)
    train(ledger)
    with writing(ledger.engine) as conn:
        conn.execute(update(slices).values(train_from="2026-02-01", status="failed"))
    clock.advance(days=31)

    assert ledger.requeue(MONTHLY).rolled == 0
    assert (row().status, active(row())) == ("pending", (None, None, None, None))


def test_a_drifted_slice_is_queued_to_the_end_of_the_window_with_what_drifted(ledger, make_slice, row):
    make_slice("a", **JANUARY)
    make_slice("b", **JANUARY)
    train(ledger)
    train(ledger)
    check(ledger, "a")
    check(ledger, "b", verdict="suspect")

    report = ledger.requeue(DRIFTED)

    assert (report.queued, report.rolled) == (1, 1)
    assert (row().status, row().reason, row("b").status) == ("pending", "drift:level +0.9 sd", "succeeded")
    assert active(row()) == ("2026-01-11", "2026-01-30", "2026-01-31", "2026-02-09")
    assert row().champion_id is not None


def test_a_drift_verdict_on_a_model_that_was_replaced_queues_nothing(ledger, make_slice, row):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)
    ledger.requeue(Selection(ids=("a",)))
    train(ledger)

    assert ledger.requeue(DRIFTED).queued == 0
    assert row().status == "succeeded"


def test_one_drift_check_queues_its_slice_once_whatever_becomes_of_it(ledger, make_slice, row):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)

    first = ledger.requeue(DRIFTED).queued
    again = ledger.requeue(DRIFTED).queued
    train(ledger, passed=False)
    later = ledger.requeue(DRIFTED).queued

    assert (first, again, later, row().status) == (1, 0, 0, "rejected")


def test_the_next_window_that_drifted_queues_it_again(ledger, make_slice, row):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)
    ledger.requeue(DRIFTED)
    train(ledger, passed=False)
    check(ledger, window_to="2026-02-20 07:35:00")

    assert ledger.requeue(DRIFTED).queued == 1
    assert row().active_test_to == "2026-02-19"


def test_a_check_that_found_it_stable_again_takes_the_verdict_back(ledger, make_slice):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)
    check(ledger, verdict="stable")

    assert ledger.requeue(DRIFTED).queued == 0


def test_a_check_without_newer_data_takes_nothing_back(ledger, make_slice):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)
    check(ledger, verdict="insufficient", p=None)

    assert ledger.requeue(DRIFTED).queued == 1


def test_a_drifted_slice_whose_training_fails_for_good_keeps_its_champion_and_is_seen(
    ledger, make_slice, row
):
    make_slice("a", **JANUARY)
    train(ledger)
    champion = row().champion_id
    check(ledger)
    ledger.requeue(DRIFTED)
    fail(ledger)

    with reading(ledger.engine) as conn:
        seen = conn.execute(text("SELECT slice_id, status, has_champion FROM failures")).one()

    assert (row().status, row().champion_id, row().reason) == ("failed", champion, "drift:level +0.9 sd")
    assert tuple(seen) == ("a", "failed", 1)


def test_a_slice_that_is_being_trained_is_queued_for_its_drift_when_that_has_ended(ledger, make_slice):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)
    ledger.requeue(Selection(ids=("a",)))
    runner = ledger.register_runner({})
    with ledger.recording() as record:
        held = record.claim(runner)
    meanwhile = ledger.requeue(DRIFTED)
    with ledger.recording() as record:
        record.complete(held, Success(passed=False), Facts())

    assert (meanwhile.queued, meanwhile.running) == (0, 1)
    assert ledger.requeue(DRIFTED).queued == 1


def test_a_budget_takes_the_most_urgent_and_leaves_the_rest_for_the_next_time(ledger, make_slice, row):
    for name, priority in (("a", 0), ("b", 0), ("c", 1)):
        make_slice(name, **JANUARY, priority=priority)
    for _ in range(3):
        train(ledger)
    for name, p in (("a", 0.01), ("b", 0.001), ("c", 0.04)):
        check(ledger, name, p=p)

    report = ledger.requeue(DRIFTED, Terms(budget=2))

    assert (report.queued, report.over_budget) == (2, 1)
    assert [row(name).status for name in "abc"] == ["succeeded", "pending", "pending"]
    assert ledger.requeue(DRIFTED, Terms(budget=2)).queued == 1


def test_what_was_trained_within_the_cooldown_stays(ledger, make_slice, clock):
    make_slice("a", **JANUARY)
    train(ledger)
    clock.advance(days=3)
    check(ledger)

    cooling = ledger.requeue(DRIFTED, Terms(cooldown=timedelta(days=7)))
    clock.advance(days=5)

    assert (cooling.queued, cooling.cooling) == (0, 1)
    assert ledger.requeue(DRIFTED, Terms(cooldown=timedelta(days=7))).queued == 1


def test_a_dry_run_says_the_same_and_does_nothing(ledger, make_slice, row, clock):
    make_slice("a", **JANUARY)
    train(ledger)
    check(ledger)

    told = ledger.requeue(DRIFTED, dry_run=True)

    assert (row().status, active(row())) == ("succeeded", (None, None, None, None))
    assert ledger.requeue(DRIFTED) == told
