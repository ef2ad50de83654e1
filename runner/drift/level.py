"""Whether the mean has moved, by its long-run standard error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence

if TYPE_CHECKING:
    from runner.drift.view import View

UNIT_ROOT = 0.985  # sum of the autoregression above which the values have no level to test
FEWEST = 8.0  # independent values that a window must be worth


def of(view: View) -> Evidence | None:
    """The difference of the means in sd; p by t with the window's effective size less one.

    None near a unit root and where the window is worth fewer than eight independent values.
    """
    from scipy.special import stdtr

    noise, size = view.noise, view.points.at.size
    worth = size / max(noise.level_variance, 1.0)
    if noise.sum > UNIT_ROOT or worth < FEWEST:
        return None
    louder = max(view.power / noise.power, 1.0)
    error = math.sqrt(noise.level_variance * (1 / view.profile.size + louder / size))
    p = 2 * float(stdtr(view.profile.size / noise.level_variance / 2, -abs(view.level) / error))
    floor = view.profile.floor("level")
    return Evidence("level", view.level, p, abs(view.level) > floor, f"level {view.level:+.1f} sd")
