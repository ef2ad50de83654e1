"""Whether a season is there that the training did not have, or one is gone, moved or resized."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.response import Response
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
LARGER, LATER, ANY = 0.6, 0.2, 0.2
"""Of the chance of a false alarm: for the same season larger, the same later, and any other change."""
CHANCE = 4.0  # times the error of each part of a wave: it has two
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
    import numpy as np
    from scipy.special import fdtrc

    values, count = view.innovations.values, len(season.amplitudes)
    basis, square, inverse = _prepared(view, season, waves)
    response = Response.of(view.profile, season)
    louder = np.concatenate((response.louder, response.louder))
    plain = basis @ values
    left, seen = inverse @ plain, plain / louder
    free = float(values.size - 2 * count - 1)
    known = 1 + view.noise.tails * values.size / view.profile.size  # how well training knew the season
    error = max(view.power * values.size - float(left @ plain), TINY) / free * known
    free = 1 / (1 / free + response.doubt)
    p = float(fdtrc(2 * count, free, float(seen @ inverse @ seen) / (2 * count) / error)) / ANY
    for likely, chance in _likely(view, season, response):
        likely /= louder
        shown = float(likely @ seen) ** 2 / float(likely @ square @ likely)
        p = min(p, float(fdtrc(1, free, shown / error)) / chance)
    sizes = (left[:count] + 1j * left[count:]) * view.noise.sigma / response.gains
    return Change(season, p, sizes)


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


def _likely(view: View, season: Season, response: Response) -> Iterator[tuple[Floats, float]]:
    """The likeliest changes as they look in innovations, each of shape (2 · waves,), and their chances.

    None where training had no season to speak of. Waves are shrunk by what chance adds to them (the positive
    part of James & Stein 1961, each wave by itself): unshrunk they point away from every window.
    """
    import numpy as np

    larger = season.amplitudes * response.gains
    error = view.noise.power * view.noise.sigma**2 / (view.profile.size / 2) * response.louder**2
    sizes = (larger.real**2 + larger.imag**2) / error
    if float(sizes.sum()) <= SURE * 2 * sizes.size:  # were it chance, the change would lie along it
        return
    larger *= 1 - CHANCE / np.maximum(sizes, CHANCE)
    later = larger * 1j * np.arange(1, larger.size + 1)
    yield np.concatenate((larger.real, larger.imag)), LARGER
    yield np.concatenate((later.real, later.imag)), LATER
