"""Whether a season is there that the training did not have, or one is gone, moved or resized."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.season import waves_of_grid
from runner.drift.wording import of_season

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.season import Season
    from runner.drift.view import View

    Floats = NDArray[np.float64]
    Waves = NDArray[np.complex128]

SURE = 10.0  # times its standard error squared: such a season has a size and a place that can change
LIKELY = (0.75, 0.2)  # of the chance of a false alarm: for larger, for later; the rest for any other change
WHOLE = 0.98  # of a cycle that a window must hold
SPOKEN = 0.05  # p below which a change is put in words
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Change:
    """What a season's test gave: p, and the change of its amplitudes in sd, shape (waves,)."""

    season: Season
    p: float
    amplitudes: Waves

    @property
    def effect(self) -> float:
        """The size of the change, as that of one wave of the same power."""
        import numpy as np

        return math.sqrt(float(np.vdot(self.amplitudes, self.amplitudes).real))


def of(view: View) -> Evidence | None:
    """What is left of each season in the innovations; F-tests. None where no cycle is whole.

    Three tests for each period: of all its waves, and of the two changes that are likeliest, the same
    season larger or later, where training had a season to speak of (against a change of size these
    two find what the first misses). The p of the strongest counts once for each period. Innovations
    are as good as independent, so that this is the generalised least squares test of the season itself.
    """
    span = view.points.span + view.profile.step
    found = [
        changed(view, season, waves)
        for season, waves in zip(view.profile.seasons, view.waves, strict=True)
        if span >= WHOLE * season.period
    ]
    if not found:
        return None
    strongest = min(found, key=lambda each: each.p)
    p, effect = min(1.0, strongest.p * len(found)), strongest.effect
    if p < SPOKEN:
        told = of_season(strongest.season, strongest.amplitudes)
    else:
        told = f"{strongest.season.name} season {effect:.1f} sd off"
    return Evidence("season", effect, p, effect > view.profile.floor("season"), told)


def without(view: View) -> View:
    """The view with what is left of every season taken out of its innovations."""
    import numpy as np

    from runner.drift.autoregression import Innovations

    basis = np.concatenate([_basis(view, waves) for waves in view.waves])
    square = basis @ basis.T
    square.ravel()[:: len(square) + 1] += TINY * basis.shape[1]
    left = np.linalg.solve(square, basis @ view.innovations.values) @ basis
    kept = Innovations(view.innovations.values - left, view.innovations.places)
    return replace(view, innovations=kept, plain=view.plain - left)


def changed(view: View, season: Season, waves: Waves) -> Change:
    """Regress the innovations on the waves of one season, and test what they explain."""
    from scipy.special import fdtrc

    noise, values, count = view.noise, view.innovations.values, len(season.amplitudes)
    basis, square, inverse = _prepared(view, season, waves)
    gains = gains_of(season, noise.phi, view.profile.step)
    louder, doubt = _noise_at(view, gains)
    raw = basis @ values
    seen, left = raw / louder, inverse @ raw
    explained, free = float(seen @ inverse @ seen), values.size - 2 * count - 1
    known = 1 + noise.tails * values.size / view.profile.size  # how well training knew the season
    error = max(view.power * values.size - float(left @ raw), TINY) / free * known
    trusted = 1 / (1 / free + doubt)
    p = float(fdtrc(2 * count, trusted, explained / (2 * count) / error)) / (1 - sum(LIKELY))
    for likely, chance in zip(_likely(season, gains), LIKELY, strict=True):
        size = float(likely @ likely) / (noise.power * noise.sigma**2)
        if view.profile.size / 2 * size > SURE * likely.size:  # were it chance, the change would lie along it
            along = likely / louder
            shown = float(along @ seen) ** 2 / float(along @ square @ along)
            p = min(p, float(fdtrc(1, trusted, shown / error)) / chance)
    return Change(season, p, (left[:count] + 1j * left[count:]) * noise.sigma / gains)


def _noise_at(view: View, gains: Waves) -> tuple[Floats, float]:
    """How much louder the noise of the waves is than an estimated autoregression says, shape (2 · waves,),
    and how uncertain it is, as 1 / degrees of freedom.

    At frequency zero both are known: there the estimate is too small by what `level_variance` puts
    right, and var(log) = 4 · level_variance / size, as the delta method has it for one lag. A wave
    gets of both the share that its spectrum has of the spectrum at zero.
    """
    import numpy as np

    noise = view.noise
    zero = max((1 - noise.sum) ** 2, TINY)
    estimate = noise.tails * noise.power * noise.sigma**2 / zero
    share = zero / np.maximum(gains.real**2 + gains.imag**2, zero)
    louder = 1 / np.sqrt(1 - share * (1 - min(estimate / noise.level_variance, 1.0)))
    doubt = 2 * noise.level_variance / view.profile.size * float(share[0]) ** 2 if noise.sum > 0 else 0.0
    return np.concatenate((louder, louder)), doubt


def _prepared(view: View, season: Season, waves: Waves) -> tuple[Floats, Floats, Floats]:
    """The basis of a season's test, shape (2 · waves, m), its products, and their inverse."""
    grid = view.points.grid if view.innovations.places is None else None
    if grid:
        return _of_grid(*grid, season.period, len(waves), view.noise.phi.size)
    return _solved(_basis(view, waves))


@lru_cache(maxsize=8)
def _of_grid(
    start: float, step: float, size: int, period: float, count: int, skip: int
) -> tuple[Floats, Floats, Floats]:
    """The same for a window without a break; all slices of a table share its times, and so this."""
    found = _solved(_centred(waves_of_grid(start, step, size, period, count)[:, skip:]))
    for each in found:
        each.setflags(write=False)
    return found


def _solved(basis: Floats) -> tuple[Floats, Floats, Floats]:
    import numpy as np

    square = basis @ basis.T
    square.ravel()[:: len(square) + 1] += TINY * basis.shape[1]
    inverse: Floats = np.linalg.inv(square).astype(np.float64)
    return basis, square, inverse


def _basis(view: View, waves: Waves) -> Floats:
    """The waves where there are innovations, centred, shape (2 · waves, m)."""
    places = view.innovations.places
    waves = waves[:, view.noise.phi.size :]
    return _centred(waves if places is None else waves[:, places])


def _centred(waves: Waves) -> Floats:
    import numpy as np

    basis: Floats = np.concatenate((waves.real, -waves.imag))
    basis -= basis.sum(axis=1, keepdims=True) / basis.shape[1]
    return basis


def gains_of(season: Season, phi: Floats, step: float) -> Waves:
    """What the autoregression leaves of each wave, complex, shape (waves,)."""
    import numpy as np

    turns = -2j * math.pi * step / season.period
    lags = np.outer(np.arange(1, season.amplitudes.size + 1), np.arange(1, phi.size + 1))
    found: Waves = 1 - np.exp(turns * lags) @ phi
    found[np.abs(found) < 1e-3] = 1e-3
    return found


def _likely(season: Season, gains: Waves) -> tuple[Floats, Floats]:
    """The season itself and its derivative as they look in innovations, each of shape (2 · waves,)."""
    import numpy as np

    larger = season.amplitudes * gains
    later = larger * 1j * np.arange(1, larger.size + 1)
    return np.concatenate((larger.real, larger.imag)), np.concatenate((later.real, later.imag))
