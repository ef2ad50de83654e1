"""When a slice is tried again, and when a run gives up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from ledger.records import Claim, Failure, Slice
from ledger.status import Outcome
from runner.breaker import FIRST, RECENT, Breaker
from runner.retry import RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def held(tries: int = 0, crashes: int = 0) -> Claim:
    return Claim(Slice("a", "0", "1", "2", "3"), 1, 1, 1, "0", tries, crashes)


def retry(claim: Claim, outcome: Outcome = Outcome.FAILED, *, final: bool = False, chance: float = 1.0):
    class Fixed(random.Random):
        def uniform(self, low: float, high: float) -> float:
            return low + (high - low) * chance

    policy = RetryPolicy(max_attempts=8, first=1.0, limit=30.0)
    return policy.retry_at(claim, Failure("E", "m", final=final), outcome, now=NOW, chance=Fixed())


@pytest.mark.parametrize(("tries", "seconds"), [(0, 1), (1, 2), (2, 4), (4, 16), (5, 30), (6, 30)])
def test_the_pause_doubles_up_to_a_limit(tries, seconds):
    assert retry(held(tries)) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("chance", [0.0, 0.5])
def test_the_pause_is_anything_up_to_that(chance):
    assert retry(held(3), chance=chance) == NOW + timedelta(seconds=8 * chance)


def test_spent_tries_end_in_failure():
    assert retry(held(tries=6)) is not None
    assert retry(held(tries=7)) is None


def test_crashes_count_by_themselves():
    assert retry(held(tries=7, crashes=1), Outcome.CRASHED) is not None
    assert retry(held(crashes=2), Outcome.CRASHED) is None


def test_what_cannot_get_better_is_not_tried_again():
    assert retry(held(), final=True) is None


def test_the_first_attempts_failing_alike_stop_the_run():
    breaker = Breaker()
    for _ in range(FIRST - 1):
        breaker.failed(Failure("SourceError", "away"))

    assert breaker.verdict() is None
    breaker.failed(Failure("SourceError", "gone away\nsecond line"))
    assert breaker.verdict() == "the first 20 attempts all failed alike with SourceError: gone away"


@pytest.mark.parametrize("odd", ["another error", None])
def test_one_that_ends_otherwise_keeps_it_going(odd):
    breaker = Breaker()
    breaker.succeeded() if odd is None else breaker.failed(Failure(odd, ""))
    for _ in range(FIRST):
        breaker.failed(Failure("E", ""))

    assert breaker.verdict() is None


def test_most_of_the_last_attempts_failing_stop_the_run():
    breaker = Breaker()
    for _ in range(RECENT):
        breaker.succeeded()
    for _ in range(RECENT // 2):
        breaker.failed(Failure("E", "m"))

    assert breaker.verdict() is None
    breaker.failed(Failure("E", "m"))
    assert breaker.verdict() == "101 of the last 200 attempts failed, 101 of them with E: m"


def test_what_the_data_forbids_never_stops_a_run():
    breaker = Breaker()
    for _ in range(5 * RECENT):
        breaker.failed(Failure("ConstantDataError", "", final=True, by_data=True))

    assert breaker.verdict() is None
