"""The time of each row: what a column holds, understood as times or as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ledger.ranges import EPOCHS, Interval
from runner.errors import UnfitDataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SECONDS, MILLISECONDS = EPOCHS["s"], EPOCHS["ms"]

PARTS = 64
"""Parts of an axis that are kept: slices of one table mostly have the same ranges."""


class TimeError(UnfitDataError):
    """The time column holds something that is no time, or not what the ranges are written in."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """One time per row. `numbers` are the values as numbers, where the source has numbers.

    The index has the name of the time column; `source` is what messages call the data.
    """

    index: pd.Index[Any]
    numbers: NDArray[np.float64] | None
    source: str
    _parts: dict[Interval, tuple[Any, pd.Index[Any]]] = field(default_factory=dict, repr=False, compare=False)

    def part(self, interval: Interval) -> tuple[slice | NDArray[np.intp], pd.Index[Any]]:
        """Where the rows of `interval` are, in order of time, and their times. Raises as `inside` does.

        Rows of equal time stay in the order of the source.
        """
        if interval not in self._parts:
            part = self._part(interval)
            self._make_room(len(part[1]))
            self._parts[interval] = part
        return self._parts[interval]

    def _make_room(self, rows: int) -> None:
        """Drop the oldest parts: a file may be cut by every slice elsewhere, and each part takes memory."""
        kept = sum(len(index) for _, index in self._parts.values())
        while self._parts and (len(self._parts) >= PARTS or kept + rows > 2 * len(self.index)):
            _, index = self._parts.pop(next(iter(self._parts)))
            kept -= len(index)

    def _part(self, interval: Interval) -> tuple[slice | NDArray[np.intp], pd.Index[Any]]:
        import numpy as np

        places = np.flatnonzero(self.inside(interval))
        index = self.index[places]
        if not index.is_monotonic_increasing:
            order = np.argsort(index, kind="stable")
            places, index = places[order], index[order]
        if places.size and bool((np.diff(places) == 1).all()):
            return slice(int(places[0]), int(places[-1]) + 1), index
        return places, index

    def inside(self, interval: Interval) -> NDArray[np.bool_]:
        """Which rows lie in `interval`, both ends included. Raises TimeError where kinds do not fit."""
        import numpy as np
        import pandas as pd

        low: Any
        high: Any
        if interval.kind == "number":
            if self.numbers is None:
                raise TimeError(
                    f"{self.source}: the ranges are numbers, but {_holds(self.index.name)} times "
                    f"({self.span()}); write the ranges as times, or name a column of row numbers "
                    "as time_column"
                )
            low, high = float(interval.low), float(interval.high)  # type: ignore[arg-type]
            return np.asarray((self.numbers >= low) & (self.numbers <= high), dtype=bool)
        if not isinstance(self.index, pd.DatetimeIndex):
            raise TimeError(
                f"{self.source}: the ranges are times, but {_holds(self.index.name)} numbers that are no "
                f"epoch ({self.span()}); write the ranges as such numbers, or name the column of times "
                "as time_column"
            )
        assert isinstance(interval.low, datetime)
        assert isinstance(interval.high, datetime)
        low, high = np.datetime64(interval.low, "us"), np.datetime64(interval.high, "us")
        return np.asarray((self.index >= low) & (self.index <= high), dtype=bool)

    def span(self) -> str:
        """The first and last time in words, for messages."""
        return f"{self.index.min()} to {self.index.max()}" if len(self.index) else "nothing"


def row_numbers(count: int, source: str) -> TimeAxis:
    """The axis of data without a time: its rows are numbered from 0."""
    import numpy as np
    import pandas as pd

    return TimeAxis(pd.RangeIndex(count), np.arange(count, dtype=np.float64), source)


def time_axis(values: pd.Series[Any] | pd.Index[Any], source: str) -> TimeAxis:
    """Understand a column of times: datetimes, ISO text, months, epoch seconds or ms, numbers.

    Offsets are turned into UTC and dropped. Raises TimeError naming `source` and the first value
    that is none.
    """
    import pandas as pd

    column = pd.Series(values).reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(column):
        return TimeAxis(_naive(pd.DatetimeIndex(column)), None, source)
    numbers = pd.to_numeric(column, errors="coerce")
    if not column.empty and numbers.notna().all():
        return _numeric(numbers, source)
    text = column.astype("string").str.strip()
    times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if (wrong := times.isna()).any():
        first = column[wrong].iloc[0]
        raise TimeError(
            f"{source}: {_holds(column.name)} {str(first)[:60]!r}, which is no ISO time and no number; "
            "write times as 2026-01-31 23:55:00, or turn them into such in get_data() of a worker file"
        )
    return TimeAxis(_naive(pd.DatetimeIndex(times)), None, source)


def _numeric(numbers: pd.Series[Any], source: str) -> TimeAxis:
    import numpy as np
    import pandas as pd

    values = np.asarray(numbers, dtype=np.float64)
    unit: Literal["s", "ms"]
    for unit, (low, high) in EPOCHS.items():
        if low <= values.min() and values.max() <= high:
            return TimeAxis(pd.DatetimeIndex(pd.to_datetime(numbers, unit=unit)), values, source)
    return TimeAxis(pd.Index(numbers), values, source)


def _naive(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return index if index.tz is None else index.tz_convert("UTC").tz_localize(None)


def _holds(name: Any) -> str:
    return "its rows have" if name is None else f"the time column {str(name)!r} holds"
