"""Range values: understood, compared and rolled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
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
    "written",
    [
        "",
        "yesterday",
        "NaN",
        "Infinity",
        "2014-13-01",
        "1992-00",
        "12:00",
        "--1",
        "-NaN",
        "+Infinity",
        "2014-W05",
        "2014-W05-3",
        "2014-01-01+02:00",
    ],
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
        ("2014-01-01 00:00:00", 0.5, "2014-01-01 00:00:00.500000"),
        ("2014-01-01 00:00:00.250000", 1, "2014-01-01 00:00:01.250000"),
    ],
)
def test_a_rolled_value_is_written_the_way_it_was(written, by, moved):
    assert roll(written, by) == moved


NUMBERS = st.decimals(-(10**90), 10**90) | st.integers().map(Decimal)
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
SEPARATORS = st.sampled_from(["T", " "])
DAY = timedelta(days=1)


@given(
    st.text() | st.from_regex(r"[+-]?(NaN|sNaN|Inf|\d{1,6})([eE.-]\d{1,22})?|\d{4}-[W\d]\d[-+ T\d:.,Z]{0,16}")
)
@example("-NaN")
@example("+Infinity")
@example("9999-12")
@example("0001-01-01T00:00:00+02:00")
@example("1e9999999999999999999999")
def test_whatever_is_written_is_understood_or_told(written):
    try:
        found = interval(written, written)
    except RangeError:
        return
    assert not found.reversed
    assert found.overlaps(found)


@given(st.lists(NUMBERS, min_size=2, max_size=2))
def test_numbers_are_in_the_order_of_decimals(ends):
    start, end = ends
    written = [f" {value}" for value in ends]

    assert parse(written[0]).low == start
    assert interval(*written).reversed is (end < start)


@given(st.tuples(MOMENTS, MOMENTS), st.tuples(OFFSETS, OFFSETS), SEPARATORS)
def test_times_are_in_the_order_of_datetimes_whatever_their_offset(moments, offsets, separator):
    start, end = (moment.replace(tzinfo=offset) for moment, offset in zip(moments, offsets, strict=True))
    written = [moment.isoformat(separator) for moment in (start, end)]

    assert parse(written[0]).low == start.astimezone(UTC).replace(tzinfo=None)
    assert interval(*written).reversed is (end < start)


@given(MOMENTS, st.timedeltas(-2 * DAY, 2 * DAY))
def test_a_date_holds_every_moment_of_its_day_and_no_other(moment, by):
    day, other = moment.date(), moment + by

    assert interval(str(day), str(day)).overlaps(interval(str(other), str(other))) is (other.date() == day)


@given(MOMENTS, st.timedeltas(-40 * DAY, 40 * DAY))
def test_a_month_holds_every_moment_of_its_days_and_no_other(moment, by):
    month, other = f"{moment:%Y-%m}".zfill(7), moment + by
    same = (other.year, other.month) == (moment.year, moment.month)

    assert interval(month, month).overlaps(interval(str(other), str(other))) is same


@given(st.tuples(*[st.integers(-5, 5)] * 4).filter(lambda ends: ends[0] <= ends[1] and ends[2] <= ends[3]))
def test_ranges_overlap_when_they_share_a_value_at_their_ends_too(ends):
    first, second = (interval(str(start), str(end)) for start, end in (ends[:2], ends[2:]))
    shared = set(range(ends[0], ends[1] + 1)) & set(range(ends[2], ends[3] + 1))

    assert first.overlaps(second) is second.overlaps(first) is bool(shared)


@given(NUMBERS, st.integers(-(10**9), 10**9))
def test_a_number_rolls_exactly(value, by):
    assert Fraction(roll(str(value), by)) == Fraction(value) + by


def test_a_number_of_too_many_digits_does_not_roll():
    with pytest.raises(RangeError, match="'1e9999' cannot be moved by 1"):
        roll("1e9999", 1)


@given(st.integers(-(10**40), 10**40), st.integers(-(10**9), 10**9))
def test_rolling_there_and_back_changes_nothing(value, by):
    assert roll(roll(str(value), by), -by) == str(value)


@given(
    MOMENTS, st.none() | OFFSETS, SEPARATORS, st.integers(-(10**9), 10**9) | st.integers(-(10**11), 10**11)
)
def test_a_time_rolls_by_as_much_as_was_asked(moment, offset, separator, halves):
    written = moment.replace(tzinfo=offset).isoformat(separator)
    by = timedelta(seconds=halves / 2)
    try:
        moved = roll(written, halves / 2)
    except RangeError:
        with pytest.raises(OverflowError):
            moment + by
    else:
        assert parse(moved).low == parse(written).low + by
        assert moved[10] == separator


@given(MOMENTS, st.integers(-4_000_000, 4_000_000))
def test_a_date_rolls_by_whole_days_and_stays_a_date(moment, days):
    day = moment.date()
    try:
        moved = roll(day.isoformat(), days * 86_400)
    except RangeError:
        with pytest.raises(OverflowError):
            day + timedelta(days=days)
    else:
        assert moved == (day + timedelta(days=days)).isoformat()


@given(MOMENTS, st.integers(-200_000, 200_000))
def test_a_month_rolls_by_whole_months_and_stays_a_month(moment, months):
    count = moment.year * 12 + moment.month - 1 + months
    try:
        moved = roll(f"{moment.year:04d}-{moment.month:02d}", months * 30.436875 * 86_400)
    except RangeError:
        assert not 12 <= count < 120_000
    else:
        assert moved == f"{count // 12:04d}-{count % 12 + 1:02d}"
