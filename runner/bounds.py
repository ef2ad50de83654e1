"""The ranges of a slice as SQL conditions on the time column, whatever times are stored as."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.ranges import Instant, Interval, Kind
from runner.timeaxis import MILLISECONDS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_ISO = re.compile(r"\d{4}-\d{2}")


def bounds(clock: ColumnElement[Any], sample: Any, *ranges: Interval) -> list[ColumnElement[bool]]:
    """Conditions that an index can serve and that lose no row; the exact cut comes after them.

    `sample` is one value of the column. There are none where it does not say how to compare.
    """
    if len({each.kind for each in ranges}) > 1:
        return []
    low, high = min(each.low for each in ranges), max(each.high for each in ranges)
    if isinstance(low, datetime) and isinstance(high, datetime):
        return _of_times(clock, sample, low, high)
    if isinstance(low, Decimal) and isinstance(high, Decimal) and _is_number(sample):
        return [clock >= _plain(low), clock <= _plain(high)]
    return []


def after(clock: ColumnElement[Any], sample: Any, moment: Instant) -> list[ColumnElement[bool]]:
    """The condition for what comes later than `moment`: see `bounds`."""
    kind: Kind = "time" if isinstance(moment, datetime) else "number"
    return bounds(clock, sample, Interval(kind, moment, moment))[:1]  # the lower bound comes first


def _of_times(
    clock: ColumnElement[Any], sample: Any, low: datetime, high: datetime
) -> list[ColumnElement[bool]]:
    if isinstance(sample, datetime):
        if sample.tzinfo is not None:
            low, high = low.replace(tzinfo=UTC), high.replace(tzinfo=UTC)
        return [clock >= low, clock <= high]
    if isinstance(sample, date):
        return [clock >= low.date(), clock <= high.date()]
    if isinstance(sample, str) and _ISO.match(sample):
        # Whatever stands between date and time, and whatever the offset, dates compare as text.
        return [clock >= _day(low, -1), clock < _day(high, 2)]
    if _is_number(sample):
        unit = 1000 if float(sample) >= MILLISECONDS[0] else 1
        start, end = low.replace(tzinfo=UTC).timestamp(), high.replace(tzinfo=UTC).timestamp()
        return [clock >= start * unit, clock <= end * unit]
    return []


def _is_number(sample: Any) -> bool:
    return isinstance(sample, (int, float, Decimal))


def _day(moment: datetime, days: int) -> str:
    try:
        return (moment + timedelta(days=days)).date().isoformat()
    except OverflowError:
        return moment.date().isoformat()


def _plain(number: Decimal) -> int | float:
    return int(number) if number == int(number) else float(number)
