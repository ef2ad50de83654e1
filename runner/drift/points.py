"""A series as plain arrays: where each finite value lies on the absolute axis, and the value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SECONDS = (1e8, 4.2e9)  # epoch seconds from 1973 to 2103: such numbers are taken as times
MILLISECONDS = (1e11, 4.2e12)
_EARLIEST = -9.2e9  # seconds, the year 1678: a time that is missing lies before it in every unit
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class Points:
    """The finite values of a series in order of position, both of shape (n,).

    `at` are seconds since 1970 (UTC) where `timed`, else the numbers of the index (row numbers).
    """

    at: Floats
    values: Floats
    timed: bool

    @classmethod
    def of(cls, series: pd.Series[Any]) -> Points:
        """Take a series apart; what is not finite is left out.

        An index of epoch seconds or milliseconds is understood as times. Rows out of order are
        sorted, rows of equal time keep their order.
        """
        import numpy as np

        values = np.asarray(series.to_numpy(), dtype=np.float64)
        at, timed = positions(series.index)
        known = np.isfinite(values) & np.isfinite(at)
        if not known.all():
            values, at = values[known], at[known]
        if at.size > 1 and (at[1:] < at[:-1]).any():
            order = np.argsort(at, kind="stable")
            values, at = values[order], at[order]
        return cls(at, values, timed)

    @property
    def span(self) -> float:
        """The distance between the first and the last position; 0 without points."""
        return float(self.at[-1] - self.at[0]) if self.at.size else 0.0

    @cached_property
    def grid(self) -> tuple[float, float, int] | None:
        """The first position, the step and the number of points, where all steps are the same."""
        if self.at.size < 2:
            return None
        step = float(self.at[1] - self.at[0])
        even = bool((self.at[1:] - self.at[:-1] == step).all())
        return (float(self.at[0]), step, self.at.size) if even else None

    def last(self, count: int) -> Points:
        """The last `count` points, or all where there are fewer."""
        return self if self.at.size <= count else Points(self.at[-count:], self.values[-count:], self.timed)


def positions(index: pd.Index[Any]) -> tuple[Floats, bool]:
    """The index as numbers, NaN where it has none, and whether they are seconds since 1970."""
    import numpy as np
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex):
        at = index.asi8 / _PER_SECOND[index.unit]
        if at.size and at.min() < _EARLIEST:
            at = np.where(index.isna(), np.nan, at)
        return at, True
    at = np.asarray(index, dtype=np.float64)
    known = at[np.isfinite(at)]
    if known.size and not isinstance(index, pd.RangeIndex):
        for (low, high), unit in ((SECONDS, 1.0), (MILLISECONDS, 1e3)):
            if low <= known.min() and known.max() <= high:
                return at / unit, True
    return at, False


def median_step(at: Floats) -> float:
    """The median distance between neighbours that are apart; 0 where no two are."""
    import numpy as np

    steps = np.diff(at)
    forward = steps[steps > 0]
    return float(np.median(forward)) if forward.size else 0.0
