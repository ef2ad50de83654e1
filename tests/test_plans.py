"""The last plan against the runs since, as the ledger tells it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ledger.database import reading
from ledger.plans import Plan, against_plan, keep_plan
from ledger.runners import FINISHED
from ledger.store import Ledger


def planned(**values) -> Plan:
    usual = {
        "options": {"workers": 2}, "slices": 10, "sampled": 4, "seconds_low": 80.0, "seconds_expected": 100.0,
        "seconds_high": 120.0, "memory": 2**33, "artifact_bytes": 2**40, "rows": 2**41, "bytes": 2**42,
        "recommended": "one process", "detail": {"start_seconds": 10.0, "ö": None},
    }  # fmt: skip
    return Plan(**{**usual, **values})


@pytest.fixture
def timed(ledger, clock):
    """The ledger by a clock that is turned by hand."""
    return Ledger(ledger.engine, clock=clock)


def told(ledger, clock, *, alive=(), unfinished=10):
    with reading(ledger.engine) as conn:
        return against_plan(conn, unfinished=unfinished, alive=set(alive), now=clock.now)


def start(ledger, **options) -> int:
    return ledger.register_runner(options or {"workers": 2})


def test_without_a_plan_there_is_nothing_to_tell(timed, clock):
    start(timed)

    assert told(timed, clock) is None


def test_a_plan_comes_back_as_it_was_kept_and_the_last_one_counts(timed, clock):
    keep_plan(timed, planned(slices=1))
    clock.advance(seconds=1)
    keep_plan(timed, planned())

    found = told(timed, clock)

    assert found.plan == planned()
    assert (found.planned_at, found.runs, found.elapsed, found.done) == (clock.now, 0, 0.0, 0)
    assert found.inside is None


def test_a_run_at_work_is_projected_from_what_is_done(timed, clock):
    keep_plan(timed, planned())
    me = start(timed)
    clock.advance(seconds=55)

    found = told(timed, clock, alive=[me], unfinished=5)

    assert (found.elapsed, found.done, found.finished) == (55.0, 5, False)
    assert found.projected == 10 + 45 * 10 / 5
    assert found.inside is True


@pytest.mark.parametrize(("seconds", "unfinished"), [(55, 6), (10, 5)])
def test_what_is_too_little_is_not_projected(timed, clock, seconds, unfinished):
    keep_plan(timed, planned())
    me = start(timed)
    clock.advance(seconds=seconds)

    assert told(timed, clock, alive=[me], unfinished=unfinished).projected is None


def test_a_dead_runner_was_at_work_until_its_last_heartbeat(timed, clock):
    keep_plan(timed, planned())
    me = start(timed)
    clock.advance(seconds=30)
    timed.beat(me)
    clock.advance(days=1)

    assert told(timed, clock).elapsed == 30


@pytest.mark.parametrize(("seconds", "inside"), [(79, False), (80, True), (120, True), (121, False)])
def test_the_time_of_a_run_that_has_ended_is_inside_the_band_or_not(timed, clock, seconds, inside):
    keep_plan(timed, planned())
    me = start(timed)
    clock.advance(seconds=seconds)
    timed.end_runner(me, FINISHED)
    clock.advance(days=1)

    found = told(timed, clock, unfinished=3)  # what was queued later belongs to no plan

    assert (found.finished, found.done, found.projected, found.inside) == (True, 10, seconds, inside)


def test_an_interrupted_run_and_the_one_that_goes_on_count_together_without_the_pause(timed, clock):
    keep_plan(timed, planned())
    first = start(timed)
    clock.advance(seconds=40)
    timed.end_runner(first, "stopped")
    clock.advance(hours=8)
    second = start(timed)
    clock.advance(seconds=50)
    timed.end_runner(second, FINISHED)

    found = told(timed, clock)

    assert (found.runs, found.elapsed, found.inside) == (2, 90.0, True)


def test_machines_at_work_at_the_same_time_count_once(timed, clock):
    keep_plan(timed, planned())
    first = start(timed)
    clock.advance(seconds=10)
    second = start(timed)
    clock.advance(seconds=80)
    timed.end_runner(first, FINISHED)
    clock.advance(seconds=5)
    timed.end_runner(second, FINISHED)

    assert told(timed, clock).elapsed == 95


def test_runs_before_the_plan_and_after_its_end_and_those_that_could_not_start_do_not_count(timed, clock):
    timed.end_runner(start(timed), FINISHED)
    clock.advance(seconds=1)
    keep_plan(timed, planned())
    timed.end_runner(start(timed), "could not start")
    me = start(timed)
    clock.advance(seconds=90)
    timed.end_runner(me, FINISHED)
    clock.advance(days=30)
    start(timed)

    found = told(timed, clock)

    assert (found.runs, found.elapsed) == (1, 90.0)


def test_a_run_of_a_few_slices_does_not_end_the_plan(timed, clock):
    keep_plan(timed, planned())
    few = start(timed, workers=2, limit=3)
    clock.advance(seconds=20)
    timed.end_runner(few, FINISHED)

    found = told(timed, clock, unfinished=7)

    assert (found.finished, found.done, found.differs) == (False, 3, ())


def test_options_that_differ_are_named(timed, clock):
    keep_plan(timed, planned())
    start(timed, workers=8, trainer="arima")

    assert told(timed, clock).differs == ("trainer", "workers")


@pytest.mark.parametrize(("workers", "band"), [(1, (152.0, 190.0, 228.0)), (2, (80.0, 100.0, 120.0))])
def test_a_run_in_one_process_as_recommended_is_held_against_the_time_in_one_process(
    timed, clock, workers, band
):
    keep_plan(timed, planned(detail={"workers": 2, "one_process_seconds": 190.0}))
    run = start(timed, workers=workers)
    clock.advance(seconds=200)
    timed.end_runner(run, FINISHED)

    found = told(timed, clock, unfinished=0)

    assert found.differs == ()
    assert found.inside is (workers == 1)
    plan = found.plan
    assert (plan.seconds_low, plan.seconds_expected, plan.seconds_high) == pytest.approx(band)


def test_the_status_tells_the_plan_in_words_and_as_json(sqlite_ledger):
    keep_plan(sqlite_ledger, planned())
    start(sqlite_ledger, workers=3)
    place = str(sqlite_ledger.path)

    words = status_of(place)
    plain = json.loads(status_of(place, "--json"))["plan"]

    assert "  planned 20" in words
    assert "UTC: 1 min 20 s to 2 min 0 s for 10 slices\n" in words
    assert "the run has other options than the plan: workers" in words
    assert plain["seconds"] == {"low": 80.0, "expected": 100.0, "high": 120.0}
    assert (plain["runs"], plain["inside"], plain["other_options"]) == (1, None, ["workers"])


def status_of(place: str, *words: str) -> str:
    command = [sys.executable, "-m", "ledger", "status", "--ledger", place, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
