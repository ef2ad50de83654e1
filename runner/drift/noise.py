"""What is left of a series without its season: its autoregression, and how its innovations are spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.autoregression import Innovations

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

QUANTILES = 65
CLIP = 3.0  # robust standard deviations of the innovations: an incident is no drift
BATCHES = 20
CHANCE = 1.6  # times an autoregression's long-run variance: 20 batch means show more by chance one time in 20
TINY = 1e-3  # of the scale: noise below it is taken as this


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The noise of a training range, in units of the profile's scale.

    phi: coefficients of the autoregression, shape (p,); sigma: robust sd of its innovations; power,
    spread: their mean square and mean distance, in units of sigma, winsorised; tails: what the power
    would be times that without winsorising; follows: the correlation of an innovation with the one
    before; level_variance, spread_variance, follows_variance: long-run variances of the values, the
    distances and the products that these are means of; quantiles: of the innovations, not centred, in
    units of sigma, winsorised, shape (65,), at the levels 0, 1/64 … 1.
    """

    phi: Floats
    sigma: float
    power: float
    tails: float
    quantiles: Floats
    level_variance: float
    spread: float
    spread_variance: float
    follows: float
    follows_variance: float

    @classmethod
    def of(cls, values: Floats, runs: Places | None, turns: Floats, *, tied: bool) -> Noise:
        """Describe centred values of shape (n,), less waves of `turns` radians per step, shape (w,).

        `tied` says that more than half of them were equal before the waves were taken out.
        """
        import numpy as np

        from runner.drift import autoregression

        counts = np.array(
            [
                values.size - lag if runs is None else (runs >= lag).sum()
                for lag in range(autoregression.ORDERS + 1)
            ]
        )
        lags = autoregression.autocovariances(values, runs, autoregression.ORDERS)
        phi = autoregression.fitted(lags, counts.astype(np.float64))
        found = autoregression.innovations(values, phi, runs)
        sigma = max(robust_sd(found.values, tied=tied), TINY)
        np.divide(found.values, sigma, out=found.values)
        unit = centred(found)
        variance = float(np.var(found.values))
        level = level_variance(variance * sigma**2, found.values.size, phi, turns)
        wander = long_run_variance(values)
        level = wander if wander > CHANCE * level else level
        distances, products = np.abs(unit.values), unit.products()
        spread, power = float(distances.mean()), float(unit.values @ unit.values) / unit.values.size or 1.0
        return cls(
            phi=phi,
            sigma=sigma,
            power=power,
            quantiles=quantiles(found.values),
            tails=variance / power,
            level_variance=level,
            spread=spread * (1 + (2 * turns.size + phi.size) / values.size),
            spread_variance=long_run_variance(distances),
            follows=float(products.mean()) / power if products.size else 0.0,
            follows_variance=long_run_variance(products / power) if products.size else 1.0,
        )

    @property
    def distance_variance(self) -> float:
        """The variance of the innovations' distances, in units of sigma²."""
        return max(self.power - self.spread**2, 1e-12)

    @property
    def sum(self) -> float:
        """The sum of the autoregression's coefficients; near 1 the values have no level."""
        return float(self.phi.sum())


def centred(found: Innovations) -> Innovations:
    """Innovations in units of sigma, centred and winsorised at 3."""
    from runner.drift.autoregression import Innovations

    values = found.values - found.values.sum() / max(found.values.size, 1)
    return Innovations(values.clip(-CLIP, CLIP, out=values), found.places)


def quantiles(values: Floats) -> Floats:
    """65 values of those of shape (n,), winsorised at 3 and sorted, the lowest and highest included."""
    import numpy as np

    ordered = np.sort(values.clip(-CLIP, CLIP))
    places = np.ceil(np.arange(QUANTILES) / (QUANTILES - 1) * ordered.size).astype(np.intp) - 1
    return ordered[np.maximum(places, 0)]


def level_variance(variance: float, size: int, phi: Floats, turns: Floats) -> float:
    """The long-run variance of values by their autoregression: variance / (1 − Σφ)² of `size` innovations.

    Σφ is put right for its bias (see `bias_of_sum`), by half of 1 − Σφ at most.
    """
    import numpy as np

    from runner.drift.response import bias_of_sum

    total = float(phi.sum())
    gain = max(1.0 - total, TINY)
    if total > 0 and size:
        waves = 1 - np.exp(-1j * np.outer(turns, np.arange(1, phi.size + 1))) @ phi
        gain -= min(bias_of_sum(total, float(np.sum(gain**2 / np.abs(waves) ** 2)), size), gain / 2)
    return max(variance / gain**2, 1e-12)


def long_run_variance(values: Floats) -> float:
    """n times the variance of the mean of n autocorrelated values, by the means of 20 batches.

    Never less than if they were independent. Source: batch means, e.g. Law & Kelton, "Simulation
    Modeling and Analysis", §9.5.
    """
    import numpy as np

    centred = values - values.sum() / values.size
    plain = float(centred @ centred) / values.size
    size = values.size // BATCHES
    if size < 2:
        return max(plain, 1e-12)
    means = centred[: size * BATCHES].reshape(BATCHES, size).sum(axis=1) / size
    return max(plain, size * float(np.var(means, ddof=1)), 1e-12)


def median(values: Floats) -> float:
    """The middle one of the values, the upper of two middle ones; of shape (n,), n > 0."""
    import numpy as np

    middle = values.size // 2
    return float(np.partition(values, middle)[middle])


def is_tied(values: Floats) -> bool:
    """Whether more than half of the values are equal, so that their median says nothing of their spread."""
    import numpy as np

    return bool(median(np.abs(values - median(values))) == 0)


def robust_sd(values: Floats, *, tied: bool) -> float:
    """The median absolute deviation × 1.4826; the sd of values that are `tied`, or were before a fit."""
    import numpy as np

    if not values.size:
        return 0.0
    return float(np.std(values)) if tied else 1.4826 * median(np.abs(values - median(values)))
