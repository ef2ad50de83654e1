"""Series that only count up: their increments are what drifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.drift.points import Points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UPWARDS = 0.98  # of the steps must not go down; a counter that starts again goes down now and then
MOVING = 0.1  # of the steps must go up: what rose once or twice is a level, not a counter


def is_counter(values: Floats) -> bool:
    """Whether nearly every step goes up or stays, and not only a few of them go up."""
    import numpy as np

    steps = np.diff(values)
    return bool(steps.size >= 50 and (steps >= 0).mean() >= UPWARDS and (steps > 0).mean() >= MOVING)


def increments(points: Points, step: float) -> Points:
    """The growth per `step` up to each point but the first.

    Over a gap it is the mean growth in it. Where the counter started again the growth is not known
    and left out; but if that is so for more than 2 % of the steps, it is no such counter any more, and
    the falls are kept, for the panel to find.
    """
    import numpy as np

    grown, passed = np.diff(points.values), np.diff(points.at)
    known = passed > 0
    if (grown >= 0).mean() >= UPWARDS:
        known &= grown >= 0
    return Points(points.at[1:][known], grown[known] / passed[known] * step, points.timed)
