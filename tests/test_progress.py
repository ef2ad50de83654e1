"""How far a run is, as it is told."""

from __future__ import annotations

import io
from collections import deque

import pytest

from ledger.records import Claim, Slice
from runner import progress
from runner.assignment import Assignment
from runner.crew import Worker
from runner.progress import Lines, Pace, headline, progress_for
from runner.summary import Summary


class Monotonic:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class OneBusy:
    size = 1
    busy = (
        Worker(1, deque([Assignment(Claim(Slice("cpu-1", "0", "1", "2", "3"), 1, 1, 1, "0", 0, 0))]), 100.0),
    )
    free = ()


@pytest.fixture
def clock(monkeypatch):
    clock = Monotonic()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


def test_the_rate_is_that_of_the_last_two_minutes(clock):
    pace = Pace(1_000, clock)
    for second in range(300):
        clock.now += 1
        pace.note(second * (1 if second < 150 else 2))

    assert pace.rate(2 * 299) == pytest.approx(2.0, rel=0.05)


def test_the_time_left_is_a_band_that_narrows(clock):
    pace = Pace(1_000, clock)
    assert pace.remaining(0) == "?"
    for second in range(100):
        clock.now += 1
        pace.note(second)

    low, high = pace.remaining(100).split(" to ")

    assert (low, high) == ("12 min 30 s", "18 min 45 s")
    assert pace.remaining(1_000) == "0 s"


def test_the_headline_tells_what_is_not_well(clock):
    told = headline(Summary(succeeded=3, failed=2, rejected=1), Pace(10, clock))

    assert told.startswith("6 of 10 done, 2 failed, 1 rejected, ")


def test_a_log_gets_a_plain_line_every_thirty_seconds(clock):
    stream = io.StringIO()
    lines = Lines(Pace(10, clock), stream)
    for _ in range(70):
        clock.now += 1
        lines.show(Summary(succeeded=3), OneBusy())

    assert stream.getvalue().count("\n") == 2
    assert stream.getvalue().endswith("1 training\n")


def test_nothing_is_shown_when_that_is_asked_for():
    shown = progress_for(10, quiet=True)

    shown.show(Summary(), OneBusy())

    assert shown.close() is None


def test_the_screen_shows_what_each_worker_does(clock, monkeypatch):
    from rich import live

    drawn = []
    monkeypatch.setattr(live.Live, "start", lambda self: None)
    monkeypatch.setattr(live.Live, "stop", lambda self: None)
    monkeypatch.setattr(live.Live, "update", lambda self, what, refresh: drawn.append(what))
    clock.now = 107.0

    progress.Screen(Pace(10, clock)).show(Summary(succeeded=3), OneBusy())

    headline_, worker, _ = drawn[0].renderables
    assert str(headline_).startswith("3 of 10 done")
    assert str(worker) == "  worker 1  cpu-1  7.0 s"
