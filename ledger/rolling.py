"""Train and test ranges moved forward in time, their lengths kept."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ledger.errors import RangeError
from ledger.ranges import EPOCHS, Instant, parse, roll
from ledger.records import Ranges

_PER_SECOND = {"s": 1, "ms": 1000}
_DAY = 86_400
_LONGEST_DATE = timedelta(days=2)  # a month is longer


def moved(ranges: Ranges, seconds: float) -> Ranges | None:
    """The ranges `seconds` later, or as much less as whole dates need; None where they are row numbers.

    All four move by the same time, written the way they were. Months move by the nearest whole ones.
    """
    points = [(point.low, point.high) for point in map(parse, _values(ranges))]
    units = {_unit(low) for low, _ in points}
    unit = units.pop()
    if unit is None or units:
        return None
    spans = [high - low for low, high in points if isinstance(low, datetime) and isinstance(high, datetime)]
    if timedelta(0) < max(spans, default=timedelta(0)) < _LONGEST_DATE:
        seconds -= seconds % _DAY
    return _by(ranges, Decimal(math.floor(seconds)) * unit)


def until(ranges: Ranges, end: str) -> Ranges | None:
    """The ranges moved forward so that the test range ends at `end`, or at the last whole date before.

    Ranges that end there or later stay. None where one of them is a row number and the other a time.
    """
    last, target = parse(ranges.test_to), parse(end)
    if isinstance(last.high, Decimal) and isinstance(target.high, Decimal):
        return _by(ranges, target.high - last.high)
    since, to = _seconds(last.high), _seconds(target.high)
    return None if since is None or to is None else moved(ranges, to - since)


def whole(passed: timedelta) -> float:
    """The seconds that have passed, in whole days, or hours, or minutes where it was not a day or an hour.

    So the time of day of a range stays, and slices that were trained in one night keep ranges in common.
    """
    seconds = passed.total_seconds()
    unit = _DAY if seconds >= _DAY else 3_600 if seconds >= 3_600 else 60
    return max(0.0, seconds // unit * unit)


def _by(ranges: Ranges, by: Decimal) -> Ranges | None:
    if by <= 0:
        return ranges
    try:
        return Ranges(*(roll(value, by) for value in _values(ranges)))
    except RangeError:  # the calendar ends
        return None


def _values(ranges: Ranges) -> tuple[str, str, str, str]:
    return ranges.train_from, ranges.train_to, ranges.test_from, ranges.test_to


def _unit(low: Instant) -> int | None:
    """How many units of a value a second has; None for a number that is no time."""
    if isinstance(low, datetime):
        return 1
    return next((_PER_SECOND[name] for name, (least, most) in EPOCHS.items() if least <= low <= most), None)


def _seconds(high: Instant) -> float | None:
    """A value as seconds since 1970, None for a number that is no time."""
    if isinstance(high, datetime):
        return high.replace(tzinfo=UTC).timestamp()
    unit = _unit(high)
    return None if unit is None else float(high) / unit
