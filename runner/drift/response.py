"""What an estimated autoregression leaves of each wave, and how surely that is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.profile import Profile
    from runner.drift.season import Season

    Floats = NDArray[np.float64]
    Waves = NDArray[np.complex128]

LEAST = 1e-3  # of a wave that is left


@dataclass(frozen=True, slots=True)
class Response:
    """How one season's waves look in innovations.

    gains: what is left of each wave, complex, shape (waves,); louder: the innovations' sd at its
    frequency, times that at all frequencies, shape (waves,), 1 if the autoregression were known;
    doubt: the inverse of the degrees of freedom with which the innovations' variance there is known.
    """

    gains: Waves
    louder: Floats
    doubt: float

    @classmethod
    def of(cls, profile: Profile, season: Season) -> Response:
        """The response of a profile that has noise.

        An autoregression fitted to what a season was taken out of follows itself too little (see
        `bias_of_sum`): at the season's frequencies later innovations are louder than training's were, by
        what the gain there owes to the sum of its coefficients. That sum's own variance, (1 − Σφ²) / n,
        makes their level there as uncertain as one of 1 / doubt degrees of freedom (delta method).
        """
        import numpy as np

        assert profile.noise is not None
        total, gain = profile.noise.sum, max(1.0 - profile.noise.sum, LEAST)
        gains = gains_of(season, profile.noise.phi, profile.step)
        if total <= 0:
            return cls(gains, np.ones(gains.size), 0.0)
        # few numbers: as plain ones they take a third of the time
        shares = [min(gain**2 / (each.real**2 + each.imag**2), 1.0) for each in gains.tolist()]
        true = gain - min(bias_of_sum(total, sum(shares), profile.size), gain / 2)
        less = 1 - (true / gain) ** 2
        louder = np.array([(1 - share * less) ** -0.5 for share in shares])
        return cls(gains, louder, 2 * max(shares) ** 2 * (1 + total) / (true * profile.size))


def bias_of_sum(total: float, shares: float, size: int) -> float:
    """By how much an autoregression's sum is estimated too low from `size` values, where it is positive.

    By (1 + 3φ) / n with an estimated mean (Marriott & Pope 1954), by φ / n for Yule–Walker, and by
    (1 + φ) / n for each further regressor, in proportion to what the spectrum has at its frequency:
    `shares` of its value at 0, summed over the waves that were taken out, two regressors each.
    """
    removed = 1 + 2 * shares
    return (3 * total + (1 + total) * removed) / size


def gains_of(season: Season, phi: Floats, step: float) -> Waves:
    """What the autoregression leaves of each wave, complex, shape (waves,)."""
    import numpy as np

    found: Waves = 1 - _turns(season.period, season.amplitudes.size, step, phi.size) @ phi
    small = np.abs(found) < LEAST
    if small.any():
        found[small] = LEAST
    return found


@lru_cache(maxsize=32)
def _turns(period: float, waves: int, step: float, order: int) -> Waves:
    """exp(−2πi · h · lag · step / period), shape (waves, order)."""
    import numpy as np

    lags = np.outer(np.arange(1, waves + 1), np.arange(1, order + 1))
    found: Waves = np.exp(-2j * math.pi * step / period * lags)
    found.setflags(write=False)
    return found
