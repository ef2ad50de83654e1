"""A word about claims that have become slow."""

from __future__ import annotations

import pytest

from runner.claimtimes import LAST, SLOW_SECONDS, ClaimTimes


class Monotonic:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Monotonic()


@pytest.fixture
def times(clock):
    return ClaimTimes("postgresql", clock)


def claims(times, clock, *, count: int, seconds: float) -> None:
    for _ in range(count):
        with times.measured():
            clock.now += seconds


def test_slow_claims_are_told_once_with_what_to_look_for(times, clock):
    claims(times, clock, count=LAST, seconds=2.5 * SLOW_SECONDS)

    told, again = times.warning(), times.warning()

    assert told.startswith("a claim takes 250 ms (median of 100): a transaction that stays open")
    assert again is None


def test_a_few_claims_that_stood_behind_a_lock_say_nothing(times, clock):
    claims(times, clock, count=LAST // 2, seconds=30)
    claims(times, clock, count=LAST // 2 + 1, seconds=0.001)

    assert times.warning() is None


def test_nothing_is_told_before_there_are_enough(times, clock):
    claims(times, clock, count=LAST - 1, seconds=30)

    assert times.warning() is None


def test_claims_that_become_slow_later_are_told_too(times, clock):
    claims(times, clock, count=10 * LAST, seconds=0.001)
    assert times.warning() is None
    claims(times, clock, count=LAST, seconds=1)

    assert times.warning() is not None
