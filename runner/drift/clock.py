"""Whether clocks were put forward or back between two times, somewhere."""

from __future__ import annotations

from datetime import UTC, datetime

HOUR = 3_600.0
TURNS = (((3, 8), (4, 7)), ((9, 24), (11, 7)))
"""Between these dates, both included, fall the changes of all clocks that now are changed twice a year."""


def may_have_changed(start: float, end: float) -> bool:
    """Whether a date on which clocks are changed lies between two times in seconds since 1970."""
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (start, end))
    for year in range(first.year, last.year + 1):
        for low, high in TURNS:
            if first <= first.replace(year=year, month=high[0], day=high[1]) and last >= last.replace(
                year=year, month=low[0], day=low[1]
            ):
                return True
    return False
