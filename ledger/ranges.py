"""Range values: the text of a split file's train_from … test_to, understood, compared and rolled."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact, InvalidOperation, localcontext
from functools import lru_cache
from typing import Literal, TypeAlias

from ledger.errors import RangeError

Instant: TypeAlias = Decimal | datetime
Kind: TypeAlias = Literal["number", "time"]

EPOCHS: dict[Literal["s", "ms"], tuple[float, float]] = {"s": (1e8, 4.2e9), "ms": (1e11, 4.2e12)}
"""Numbers that are taken as times: seconds and milliseconds since 1970, from 1973 to 2103."""

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Python would read a week (2014-W05) as its Monday, and an offset after a date as a time of day.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?|[0-9]{8}[Tt ].*")
_DIGITS = 500
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


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


@lru_cache(maxsize=4096)  # most slices of a split file share their ranges
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
        last = datetime(year, month, calendar.monthrange(year, month)[1])
        return Point("time", last.replace(day=1), last + (_DAY - _TICK))
    if not _TIME.fullmatch(written):
        raise _not_understood(value)
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):  # in UTC it may lie before the year 1 or after 9999
        raise _not_understood(value) from None
    whole_day = _DAY - _TICK if _DATE.fullmatch(written) else timedelta()
    return Point("time", moment, moment + whole_day)


@lru_cache(maxsize=4096)
def interval(start: str, end: str) -> Interval:
    """The range from `start` to `end`. Raises RangeError when one is a number and the other a time."""
    first, last = parse(start), parse(end)
    if first.kind != last.kind:
        raise RangeError(f"{start!r} is a {first.kind} and {end!r} a {last.kind}; both must be of one kind")
    return Interval(first.kind, first.low, last.high)


def roll(value: str, by: Decimal | float) -> str:
    """Move a value forward by `by` (seconds for a time), written the way it was.

    A date or a month moves by whole ones; raises RangeError as `parse` does, and where the
    calendar or the digits of a number end.
    """
    point = parse(value)
    try:
        if isinstance(point.low, Decimal):
            return _moved_number(point.low, by)
        return _moved_time(value.strip(), point.low, float(by))
    except (OverflowError, ValueError, Inexact):
        raise RangeError(f"{value!r} cannot be moved by {by}: that is out of range") from None


def _moved_number(low: Decimal, by: Decimal | float) -> str:
    with localcontext(prec=_DIGITS) as context:  # the usual 28 digits would round long numbers
        context.traps[Inexact] = True
        return str(low + Decimal(str(by)))


def _moved_time(written: str, low: datetime, seconds: float) -> str:
    if _MONTH.fullmatch(written):
        count = low.year * 12 + low.month - 1 + round(seconds / (365.2425 / 12 * 86400))
        return datetime(count // 12, count % 12 + 1, 1).isoformat()[:7]
    span = timedelta(seconds=seconds)
    if _DATE.fullmatch(written):
        return (low + timedelta(days=round(span / _DAY))).date().isoformat()
    moment = datetime.fromisoformat(written) + span
    separator = "T" if "T" in written else " "
    fraction = "microseconds" if "." in written or moment.microsecond else "seconds"
    rolled = moment.isoformat(separator, timespec=fraction)
    return rolled.replace("+00:00", "Z") if written.endswith("Z") else rolled


def _number(written: str) -> Decimal | None:
    if not written or not (written[0].isdigit() or written[0] in "+-."):
        return None
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _not_understood(value: str) -> RangeError:
    return RangeError(f"{value!r} is neither a number nor a time such as 2026-01-31 or 2026-01-31 23:55:00")
