"""The time of each row: what a column holds, understood as times or as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ledger.ranges import Interval
from runner.errors import UnfitDataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SECONDS = (1e8, 4.2e9)  # epoch seconds from 1973 to 2103: such numbers are taken as times
MILLISECONDS = (1e11, 4.2e12)
EPOCHS: dict[Literal["s", "ms"], tuple[float, float]] = {"s": SECONDS, "ms": MILLISECONDS}


class TimeError(UnfitDataError):
    """The time column holds something that is no time, or not what the ranges are written in."""


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """One time per row. `numbers` are the values as numbers, where the source has numbers."""

    index: pd.Index[Any]
    numbers: NDArray[np.float64] | None

    def inside(self, interval: Interval) -> NDArray[np.bool_]:
        """Which rows lie in `interval`, both ends included. Raises TimeError where kinds do not fit."""
        import numpy as np
        import pandas as pd

        low: Any
        high: Any
        if interval.kind == "number":
            if self.numbers is None:
                raise TimeError("the ranges are numbers, but the time column holds times")
            low, high = float(interval.low), float(interval.high)  # type: ignore[arg-type]
            return np.asarray((self.numbers >= low) & (self.numbers <= high), dtype=bool)
        if not isinstance(self.index, pd.DatetimeIndex):
            raise TimeError("the ranges are times, but the time column holds numbers that are no epoch")
        assert isinstance(interval.low, datetime)
        assert isinstance(interval.high, datetime)
        low, high = np.datetime64(interval.low, "us"), np.datetime64(interval.high, "us")
        return np.asarray((self.index >= low) & (self.index <= high), dtype=bool)

    def span(self) -> str:
        """The first and last time in words, for messages."""
        return f"{self.index.min()} to {self.index.max()}" if len(self.index) else "nothing"


def time_axis(values: pd.Series[Any] | pd.Index[Any]) -> TimeAxis:
    """Understand a column of times: datetimes, ISO text, months, epoch seconds or ms, numbers.

    Offsets are turned into UTC and dropped. Raises TimeError naming the first value that is none.
    """
    import pandas as pd

    column = pd.Series(values).reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(column):
        return TimeAxis(_naive(pd.DatetimeIndex(column)), None)
    numbers = pd.to_numeric(column, errors="coerce")
    if not column.empty and numbers.notna().all():
        return _numeric(numbers)
    text = column.astype("string").str.strip()
    times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    if (wrong := times.isna()).any():
        first = column[wrong].iloc[0]
        raise TimeError(f"the time column holds {str(first)[:60]!r}, which is no ISO time and no number")
    return TimeAxis(_naive(pd.DatetimeIndex(times)), None)


def _numeric(numbers: pd.Series[Any]) -> TimeAxis:
    import numpy as np
    import pandas as pd

    values = np.asarray(numbers, dtype=np.float64)
    unit: Literal["s", "ms"]
    for unit, (low, high) in EPOCHS.items():
        if low <= values.min() and values.max() <= high:
            return TimeAxis(pd.DatetimeIndex(pd.to_datetime(numbers, unit=unit)), values)
    return TimeAxis(pd.Index(numbers), values)


def _naive(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
