"""Ranges moved forward in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.ranges import interval
from ledger.records import Ranges
from ledger.rolling import moved, until, whole

DAY = 86_400
DATES = Ranges("2026-01-01", "2026-01-20", "2026-01-21", "2026-01-30")
TIMES = Ranges("2026-01-01 00:00", "2026-01-20T23:55:00Z", "2026-01-21 00:00:00", "2026-01-30 23:55:00")
SECONDS = Ranges("1767225600", "1768953300", "1768953600", "1769817300")
MILLISECONDS = Ranges("1767225600000", "1768953300000", "1768953600000", "1769817300000")
MONTHS = Ranges("1992-01", "2001-12", "2002-01", "2002-12")
ROWS = Ranges("0", "799", "800", "999")
MIXED = Ranges("2026-01-01", "2026-01-20 12:00:00", "2026-01-20 12:05:00", "2026-01-30")


@pytest.mark.parametrize(
    ("ranges", "days", "expected"),
    [
        (DATES, 30, Ranges("2026-01-31", "2026-02-19", "2026-02-20", "2026-03-01")),
        (DATES, 30.9, Ranges("2026-01-31", "2026-02-19", "2026-02-20", "2026-03-01")),
        (DATES, 0.9, DATES),
        (TIMES, 1.5, Ranges("2026-01-02 12:00:00", "2026-01-22T11:55:00Z", "2026-01-22 12:00:00", "2026-02-01 11:55:00")),
        (SECONDS, 1, Ranges("1767312000", "1769039700", "1769040000", "1769903700")),
        (MILLISECONDS, 1, Ranges("1767312000000", "1769039700000", "1769040000000", "1769903700000")),
        (MONTHS, 30, Ranges("1992-02", "2002-01", "2002-02", "2003-01")),
        (MIXED, 1.5, Ranges("2026-01-02", "2026-01-21 12:00:00", "2026-01-21 12:05:00", "2026-01-31")),
        (DATES, -3, DATES),
        (ROWS, 30, None),
        (Ranges("0", "1768953300", "1768953600", "1769817300"), 30, None),
        (Ranges("9999-12-01", "9999-12-20", "9999-12-21", "9999-12-30"), 30, None),
    ],
)  # fmt: skip
def test_ranges_move_by_the_time_in_their_own_units(ranges, days, expected):
    assert moved(ranges, days * DAY) == expected


@pytest.mark.parametrize("ranges", [DATES, TIMES, SECONDS, MILLISECONDS, MIXED])
@given(seconds=st.integers(0, 400 * DAY))
def test_lengths_stay_as_they_were_and_nothing_moves_further_than_time_has_passed(ranges, seconds):
    later = moved(ranges, seconds)

    assert later is not None
    assert [_length(later, which) for which in ("train", "test")] == [
        _length(ranges, which) for which in ("train", "test")
    ]
    by = _span(later, "test").high - _span(ranges, "test").high
    in_seconds = (
        by.total_seconds() if isinstance(by, timedelta) else int(by) / (1000 if ranges is MILLISECONDS else 1)
    )
    assert 0 <= seconds - in_seconds < DAY


def _span(ranges, which):
    return interval(getattr(ranges, f"{which}_from"), getattr(ranges, f"{which}_to"))


def _length(ranges, which):
    return _span(ranges, which).high - _span(ranges, which).low


@pytest.mark.parametrize(
    ("ranges", "end", "test_to"),
    [
        (DATES, "2026-02-10 07:35:00", "2026-02-09"),
        (DATES, "2026-02-10", "2026-02-10"),
        (TIMES, "2026-02-10 07:35:00", "2026-02-10 07:35:00"),
        (SECONDS, "1770708900", "1770708900"),
        (SECONDS, "2026-02-10 07:35:00", "1770708900"),
        (MILLISECONDS, "2026-02-10 07:35:00", "1770708900000"),
        (TIMES, "1770708900", "2026-02-10 07:35:00"),
        (ROWS, "1499", "1499"),
        (TIMES, "2026-01-05", "2026-01-30 23:55:00"),
    ],
)
def test_a_test_range_ends_where_the_window_ends(ranges, end, test_to):
    assert until(ranges, end).test_to == test_to


def test_row_numbers_and_times_are_not_compared():
    assert until(ROWS, "2026-02-10") is None


@pytest.mark.parametrize(
    ("passed", "seconds"),
    [
        (timedelta(days=30, hours=7), 30 * DAY),
        (timedelta(hours=7, minutes=30), 7 * 3_600),
        (timedelta(minutes=7, seconds=30), 7 * 60),
        (timedelta(days=-1), 0),
    ],
)
def test_time_passes_in_whole_days_or_hours(passed, seconds):
    assert whole(passed) == seconds
