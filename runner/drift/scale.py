"""Whether the innovations are spread wider or less wide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.noise import robust_sd
from runner.drift.stretch import steady_mean

if TYPE_CHECKING:
    from runner.drift.view import View

GONE = 1e-6  # of sigma: no noise is less
SPOKEN = 0.05  # p below which it is worth to look closer
STILL = 0.5  # times its size: such noise may be none at all


def of(view: View) -> Evidence:
    """The log ratio of the mean distances of innovations, as far as no one stretch makes it.

    p by the normal distribution, with the long-run variance of the training for both.
    """
    import numpy as np
    from scipy.special import ndtr

    noise, values = view.noise, view.innovations.values
    effect = math.log(max(steady_mean(np.abs(values), noise.spread), GONE) / noise.spread)
    relative = noise.spread_variance / noise.spread**2
    error = math.sqrt(relative * (1 / view.profile.size + 1 / values.size))
    p = 2 * float(ndtr(-abs(effect) / error))
    counted = abs(effect) > view.profile.floor("scale")
    return Evidence("scale", effect, p, counted, _told(view, p))


def _told(view: View, p: float) -> str:
    ratio, values = view.spread / view.noise.spread, view.points.values
    if ratio < STILL and bool((values == values[0]).all()):
        return f"stands still at {values[0]:.6g}"
    if p < SPOKEN:  # what is winsorised has grown by less than the noise
        ratio = robust_sd(view.plain, tied=False) or ratio
    return f"noise {ratio:.2g} times as large"
