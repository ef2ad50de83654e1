"""Whether the innovations are spread wider or less wide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence

if TYPE_CHECKING:
    from runner.drift.view import View


def of(view: View) -> Evidence:
    """The log ratio of the mean distances of innovations; p by the normal distribution.

    The long-run variance is that of the training, for both.
    """
    from scipy.special import ndtr

    noise, values = view.noise, view.innovations.values
    effect = math.log(view.spread / noise.spread)
    relative = noise.spread_variance / noise.spread**2
    error = math.sqrt(relative * (1 / view.profile.size + 1 / values.size))
    p = 2 * float(ndtr(-abs(effect) / error))
    ratio = math.exp(effect)
    told = f"noise {ratio:.2g} times as large" if ratio >= 0.01 else "noise gone"
    return Evidence("scale", effect, p, abs(effect) > view.profile.floor("scale"), told)
