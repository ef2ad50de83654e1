"""Whether innovations follow from the ones before, which those of the training did not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.stretch import steady_mean

if TYPE_CHECKING:
    from runner.drift.view import View

FEWEST = 30


def of(view: View) -> Evidence | None:
    """The difference of the lag-1 correlations of innovations, as far as no one stretch makes it.

    p by the normal distribution, with the long-run variance of the training for both.
    None where fewer than 30 neighbours are a regular step apart.
    """
    from scipy.special import ndtr

    noise, products = view.noise, view.innovations.products()
    if products.size < FEWEST:
        return None
    effect = steady_mean(products, noise.follows * view.power) / view.power - noise.follows
    error = math.sqrt(noise.follows_variance * (1 / view.profile.size + 1 / products.size))
    p = 2 * float(ndtr(-abs(effect) / error))
    told = f"values follow the one before {'more' if effect > 0 else 'less'} ({effect:+.2f})"
    return Evidence("dynamics", effect, p, abs(effect) > view.profile.floor("dynamics"), told)
