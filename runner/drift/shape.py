"""Whether the innovations have another distribution, whatever their mean and spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.drift.finding import Evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.view import View

    Floats = NDArray[np.float64]

NEAR = 2.0**-10  # mean distances: quantiles are stored to a quarter of it, and ties must meet


def of(view: View) -> Evidence:
    """The Kolmogorov–Smirnov distance of innovations from the stored quantiles; asymptotic p.

    Each side is centred and in units of its own mean distance, so level and scale do not show here;
    the p is therefore too large rather than too small (Lilliefors 1967). Sizes are those of as many
    independent values.
    """
    import numpy as np
    from scipy.special import kolmogorov

    noise = view.noise
    effect = distance(noise.quantiles, np.sort(view.innovations.values) / view.spread)
    clustered = max(noise.spread_variance / noise.distance_variance, 1.0)
    size, other = view.innovations.values.size, view.profile.size
    worth = size * other / (size + other) / clustered
    p = float(kolmogorov(effect * worth**0.5))
    counted = effect > view.profile.floor("shape")
    return Evidence("shape", effect, p, counted, f"distribution of the noise {effect:.2f} away")


def distance(quantiles: Floats, ordered: Floats) -> float:
    """The largest distance between the distribution of `ordered` and that of 65 stored quantiles.

    At the quantiles only, where it is a lower bound: between them it may be larger by 1/64.
    Values that are equal to a quantile, as far as it was stored, are compared on both sides of it, so
    that ties on either side make no difference.
    """
    last = quantiles.size - 1
    under, over = quantiles - NEAR, quantiles + NEAR
    below, up_to = ordered.searchsorted(under), ordered.searchsorted(over, side="right")
    low, high = quantiles.searchsorted(under), quantiles.searchsorted(over, side="right") - 1
    more, fewer = below / ordered.size - low / last, high / last - up_to / ordered.size
    return max(float(more.max()), float(fewer.max()), 0.0)
