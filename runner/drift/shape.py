"""Whether the innovations have another distribution, whatever their mean and spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.noise import CLIP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.view import View

    Floats = NDArray[np.float64]

NEAR = 2.0**-11  # sigma: quantiles are stored to an eighth of it, and ties must meet


def of(view: View) -> Evidence:
    """The Kolmogorov–Smirnov distance of innovations from the stored quantiles; asymptotic p.

    It is the smaller of two: as they are, and with each side centred and in units of its own mean
    distance, so that a level or a scale does not show here (values of few kinds need the first: moved
    a little, all of a kind pass the quantile that they were equal to). Either bounds the p from above
    (Lilliefors 1967). Sizes are those of as many independent values.
    """
    import numpy as np
    from scipy.special import kolmogorov

    noise = view.noise
    own = np.sort(view.innovations.values) / view.spread
    effect = distance((noise.quantiles - noise.quantiles.mean()) / noise.spread, own)
    if effect > view.profile.floor("shape"):
        effect = min(effect, distance(noise.quantiles, np.sort(view.plain.clip(-CLIP, CLIP))))
    clustered = max(noise.spread_variance / noise.distance_variance, 1.0)
    size, other = view.plain.size, view.profile.size
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
