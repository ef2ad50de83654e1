"""Whether the innovations are spread wider or less wide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.stretch import steady_mean

if TYPE_CHECKING:
    from runner.drift.view import View

GONE = 1e-6  # of sigma: no noise is less


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
    ratio = math.exp(effect)
    told = f"noise {ratio:.2g} times as large" if ratio >= 0.01 else "noise gone"
    return Evidence("scale", effect, p, abs(effect) > view.profile.floor("scale"), told)
