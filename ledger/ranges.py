"""Range values: the text of a split file's train_from … test_to, understood, compared and rolled."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, TypeAlias

from ledger.errors import RangeError

Instant: TypeAlias = Decimal | datetime
Kind: TypeAlias = Literal["number", "time"]

_MONTH = re.compile(r"\d{4}-\d{2}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """What one value means: a number, or a time; a date without a time covers its whole day."""

    kind: Kind
    low: Instant
    high: Instant


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends belong to it. Times are naive: an offset has been turned into UTC."""

    kind: Kind
    low: Instant
    high: Instant

    @property
    def reversed(self) -> bool:
        """Whether it ends before it begins."""
        return self.high < self.low  # type: ignore[operator]

    def overlaps(self, other: Interval) -> bool:
        """Whether some value belongs to both."""
        return self.low <= other.high and other.low <= self.high  # type: ignore[operator]


def parse(value: str) -> Point:
    """Understand one value: a number, an ISO date or date-time, or a month (`1992-01`).

    A bare integer such as 1800 is a number. Raises RangeError naming the value.
    """
    written = value.strip()
    if (number := _number(written)) is not None:
        return Point("number", number, number)
    if _MONTH.fullmatch(written):
        year, month = int(written[:4]), int(written[5:])
        if not (year and 1 <= month <= 12):
            raise _not_understood(value)
        days = calendar.monthrange(year, month)[1]
        start = datetime(year, month, 1)
        return Point("time", start, start + timedelta(days=days) - _TICK)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise _not_understood(value) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    whole_day = timedelta(days=1) - _TICK if _DATE.fullmatch(written) else timedelta()
    return Point("time", moment, moment + whole_day)


@lru_cache(maxsize=4096)  # most slices of a split file share their ranges
def interval(start: str, end: str) -> Interval:
    """The range from `start` to `end`. Raises RangeError when one is a number and the other a time."""
    first, last = parse(start), parse(end)
    if first.kind != last.kind:
        raise RangeError(f"{start!r} is a {first.kind} and {end!r} a {last.kind}; both must be of one kind")
    return Interval(first.kind, first.low, last.high)


def roll(value: str, by: Decimal | float) -> str:
    """Move a value forward by `by` (seconds for a time), written the way it was.

    A date or a month moves by whole ones; raises RangeError as `parse` does.
    """
    written = value.strip()
    point = parse(written)
    if isinstance(point.low, Decimal):
        return str(point.low + Decimal(str(by)))
    span = timedelta(seconds=float(by))
    if _MONTH.fullmatch(written):
        moved = point.low.year * 12 + point.low.month - 1 + round(float(by) / (365.2425 / 12 * 86400))
        return f"{moved // 12:04d}-{moved % 12 + 1:02d}"
    if _DATE.fullmatch(written):
        return (point.low + timedelta(days=round(span / timedelta(days=1)))).date().isoformat()
    moment = datetime.fromisoformat(written) + span
    separator = "T" if "T" in written else " "
    fraction = "microseconds" if "." in written else "seconds"
    rolled = moment.isoformat(separator, timespec=fraction)
    return rolled.replace("+00:00", "Z") if written.endswith("Z") else rolled


def _number(written: str) -> Decimal | None:
    if not written or not (written[0].isdigit() or written[0] in "+-."):
        return None  # Decimal would take "NaN" and "Infinity" too
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def _not_understood(value: str) -> RangeError:
    return RangeError(f"{value!r} is neither a number nor a time such as 2026-01-31 or 2026-01-31 23:55:00")
