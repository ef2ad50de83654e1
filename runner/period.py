"""The rows of one season, as they follow from the time step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400.0
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}  # of an index, in seconds
KNOWN = (  # (shortest step, longest step in seconds, rows in a season)
    (60.0, 60.0, 1_440),
    (300.0, 300.0, 288),
    (600.0, 600.0, 144),
    (3_600.0, 3_600.0, 24),
    (DAY, DAY, 7),
    (7 * DAY, 7 * DAY, 52),
    (28 * DAY, 31 * DAY, 12),
    (89 * DAY, 92 * DAY, 4),
)


def step_of(index: pd.Index[Any]) -> float | None:
    """The median step of a DatetimeIndex in seconds; None for other indexes and single rows."""
    import numpy as np
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex) or len(index) < 2:
        return None
    steps = np.diff(index.asi8)  # in the unit of the index
    forward = steps[steps > 0]
    return float(np.median(forward)) * UNITS[index.unit] if forward.size else None


def period_of(step: float | None) -> int:
    """The rows in a day of minutes and hours, a week of days, a year of the rest; else 1.

    10 min 144, 5 min 288, 1 min 1,440, hourly 24, daily 7, weekly 52, monthly 12, quarterly 4.
    """
    if step is None:
        return 1
    return next((rows for low, high, rows in KNOWN if low - 0.5 <= step <= high + 0.5), 1)
