"""What is new in a source: the rows after a moment, the last so many of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledger.ranges import Instant, Interval, Kind, parse
from runner.cut import frame_of, numbers_in
from runner.windows import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.cut import Data

END = datetime(2261, 12, 31)
"""A time after all others that every library can hold."""
LAST = Decimal(2**53)


@dataclass(frozen=True, slots=True)
class Recent:
    """The last `rows` rows after `after`, which itself does not belong to them."""

    after: Instant
    rows: int

    @property
    def kind(self) -> Kind:
        """Whether it is about times or about numbers."""
        return "time" if isinstance(self.after, datetime) else "number"

    @property
    def interval(self) -> Interval:
        """The same as a range."""
        if isinstance(self.after, datetime):
            return Interval("time", self.after + timedelta(microseconds=1), END)
        return Interval("number", Decimal(math.nextafter(float(self.after), math.inf)), Decimal("Infinity"))

    @property
    def ends(self) -> tuple[str, str]:
        """The same as values of a split file: the last moment that is known, and one after all others."""
        return written(self.after), written(END if isinstance(self.after, datetime) else LAST)


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows that are new, in order of time, and the first and the last moment as a split file writes them."""

    data: Data
    first: str
    last: str


def after(*ends: str | None) -> Instant:
    """The last moment of all these range values. Raises RangeError as `parse` does."""
    return max(parse(end).high for end in ends if end is not None)


def new_rows(window: Window, columns: Collection[str], recent: Recent) -> NewRows | None:
    """Cut the new rows out of what was read; None where there are none.

    Raises TimeError where the source's times are no such values as the ranges, and NotNumericError for text.
    """
    places, index = window.axis.part(recent.interval)
    if not len(index):
        return None
    index = index[-recent.rows :]
    if isinstance(places, slice):
        places = slice(max(places.start, places.stop - recent.rows), places.stop)
    else:
        places = places[-recent.rows :]
    part = {name: numbers_in(window.columns[name], places, name, window.axis.source) for name in columns}
    ends = _ends(window, places, index, recent.kind)
    return NewRows(frame_of(part, index), *ends)


def _ends(window: Window, places: Any, index: Any, kind: Kind) -> tuple[str, str]:
    if kind == "time":
        return written(index[0].to_pydatetime()), written(index[-1].to_pydatetime())
    numbers: NDArray[Any] = window.axis.numbers[places]  # type: ignore[index]
    return written(Decimal(float(numbers[0]))), written(Decimal(float(numbers[-1])))


def written(moment: Instant) -> str:
    """A moment as a split file may write it."""
    if isinstance(moment, datetime):
        return moment.isoformat(sep=" ")
    return str(int(moment)) if moment == int(moment) else repr(float(moment))
