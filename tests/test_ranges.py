"""Range values: understood, compared and rolled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import RangeError
from ledger.ranges import interval, parse, roll


@pytest.mark.parametrize(
    ("written", "low"),
    [
        ("0", Decimal(0)),
        ("1800", Decimal(1800)),
        ("-3.5", Decimal("-3.5")),
        ("1472918400", Decimal(1472918400)),
        ("123456789012345678901234567890", Decimal("123456789012345678901234567890")),
        (" 7 ", Decimal(7)),
    ],
)
def test_numbers_are_exact(written, low):
    assert (parse(written).kind, parse(written).low) == ("number", low)


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("2014-04-01 00:05:00", datetime(2014, 4, 1, 0, 5), datetime(2014, 4, 1, 0, 5)),
        ("2014-04-01T00:05", datetime(2014, 4, 1, 0, 5), datetime(2014, 4, 1, 0, 5)),
        ("2014-04-01T02:00:00+02:00", datetime(2014, 4, 1), datetime(2014, 4, 1)),
        ("2014-04-01T00:00:00Z", datetime(2014, 4, 1), datetime(2014, 4, 1)),
        ("1600-01-15", datetime(1600, 1, 15), datetime(1600, 1, 15, 23, 59, 59, 999999)),
        ("1992-02", datetime(1992, 2, 1), datetime(1992, 2, 29, 23, 59, 59, 999999)),
        ("2100-12", datetime(2100, 12, 1), datetime(2100, 12, 31, 23, 59, 59, 999999)),
    ],
)
def test_times_are_naive_and_a_date_or_month_covers_all_of_itself(written, low, high):
    point = parse(written)

    assert (point.kind, point.low, point.high) == ("time", low, high)


@pytest.mark.parametrize(
    "written", ["", "yesterday", "NaN", "Infinity", "2014-13-01", "1992-00", "12:00", "--1"]
)
def test_anything_else_is_an_error_that_names_the_value(written):
    with pytest.raises(RangeError, match="neither a number nor a time"):
        parse(written)


def test_a_number_and_a_time_make_no_range():
    with pytest.raises(RangeError, match="both must be of one kind"):
        interval("1", "2014-01-01")


def test_numbers_compare_as_numbers_and_not_as_text():
    assert not interval("9", "10").reversed
    assert interval("10", "9").reversed


def test_a_range_within_one_day_is_not_reversed_and_holds_the_whole_day():
    day = interval("2014-01-01", "2014-01-01")

    assert not day.reversed
    assert day.overlaps(interval("2014-01-01 23:59:59", "2014-01-02"))
    assert not day.overlaps(interval("2014-01-02", "2014-01-02"))


@pytest.mark.parametrize(
    ("written", "by", "moved"),
    [
        ("10", 5, "15"),
        ("1.5", 1, "2.5"),
        ("2014-01-31", 86400, "2014-02-01"),
        ("1992-12", 31 * 86400, "1993-01"),
        ("2014-01-01 00:00:00", 90, "2014-01-01 00:01:30"),
        ("2014-01-01T00:00:00", -1, "2013-12-31T23:59:59"),
        ("2014-01-01T00:00:00Z", 60, "2014-01-01T00:01:00Z"),
        ("2014-01-01 00:00:00.250000", 1, "2014-01-01 00:00:01.250000"),
    ],
)
def test_a_rolled_value_is_written_the_way_it_was(written, by, moved):
    assert roll(written, by) == moved


@given(st.integers(-(10**15), 10**15), st.integers(-(10**9), 10**9))
def test_rolling_there_and_back_changes_nothing(value, by):
    assert roll(roll(str(value), by), -by) == str(value)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(microsecond=0)))
def test_every_iso_time_is_understood(moment):
    assert parse(str(moment)).low == moment
