"""Whether a season is there that the training did not have, or one is gone, moved or resized."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.drift.finding import Evidence
from runner.drift.season import DAY, Season

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.view import View

    Floats = NDArray[np.float64]
    Waves = NDArray[np.complex128]

CLEAR = 0.5  # sd: a season of less is not spoken of as one that was there
SURE = 10.0  # times its standard error squared: such a season has a size and a place that can change
LIKELY = 0.35  # of the chance of a false alarm for each of the two likeliest changes, the rest for any other
WHOLE = 0.98  # of a cycle that a window must hold


def of(view: View) -> Evidence | None:
    """What is left of each season in the innovations; F-tests. None where no cycle is whole.

    Three tests for each period: of all its waves, and of the two changes that are likeliest, the same
    season larger or later, where training had a season to speak of (against a change of size these
    two find what the first misses). The p of the strongest counts once for each period. Innovations
    are as good as independent, so that this is the generalised least squares test of the season itself.
    """
    found = [_tested(view, place) for place in range(len(view.waves)) if _whole(view, place)]
    if not found:
        return None
    strongest = min(found, key=lambda each: each.p)
    effect = max(each.effect for each in found if each.p <= strongest.p)
    p = min(1.0, strongest.p * len(found))
    return Evidence("season", effect, p, effect > view.profile.floor("season"), strongest.told)


@dataclass(frozen=True, slots=True)
class _Tested:
    p: float
    effect: float
    told: str


def _whole(view: View, place: int) -> bool:
    span = view.points.span + view.profile.step
    return span >= WHOLE * view.profile.seasons[place].period


def _tested(view: View, place: int) -> _Tested:
    import numpy as np
    from scipy.special import fdtrc

    season, noise = view.profile.seasons[place], view.noise
    waves = _at_innovations(view, view.waves[place])
    values, count = view.innovations.values, len(season.amplitudes)
    basis = np.vstack([waves.real, -waves.imag])
    basis -= basis.mean(axis=1, keepdims=True)
    square, seen = basis @ basis.T, basis @ values
    square.flat[:: 2 * count + 1] += 1e-9 * values.size
    left = np.linalg.solve(square, seen)
    free = values.size - 2 * count - 1
    explained = float(left @ seen)
    known = 1 + noise.tails * values.size / view.profile.size  # how well training knew the season
    error = max(float(values @ values) - explained, 1e-9) / free * known
    gains = _gains(view, season, noise.phi)
    p = float(fdtrc(2 * count, free, explained / (2 * count) / error)) / (1 - 2 * LIKELY)
    likely = _likely(season, gains)
    if _sure(view, likely):
        seen_likely = (likely @ seen) ** 2 / np.einsum("ij,jk,ik->i", likely, square, likely) / error
        p = min(p, float(fdtrc(1, free, seen_likely.max())) / LIKELY)
    change = (left[:count] + 1j * left[count:]) * noise.sigma / gains
    return _Tested(p, float(np.sqrt(np.sum(np.abs(change) ** 2))), told(season, change))


def _at_innovations(view: View, waves: Waves) -> Waves:
    places = view.innovations.places
    waves = waves[:, view.noise.phi.size :]
    return waves if places is None else waves[:, places]


def _gains(view: View, season: Season, phi: Floats) -> Waves:
    """What the autoregression leaves of each wave, complex, shape (waves,)."""
    import numpy as np

    turns = -2j * math.pi * view.profile.step / season.period
    waves, lags = np.arange(1, season.amplitudes.size + 1), np.arange(1, phi.size + 1)
    found = 1 - np.exp(turns * np.outer(waves, lags)) @ phi
    return np.where(np.abs(found) < 1e-3, 1e-3, found)


def _likely(season: Season, gains: Waves) -> Floats:
    """The season itself and its derivative as they look in innovations, shape (2, 2 · waves)."""
    import numpy as np

    larger = season.amplitudes * gains
    later = larger * 1j * np.arange(1, larger.size + 1)
    return np.array([[*each.real, *each.imag] for each in (larger, later)])


def _sure(view: View, likely: Floats) -> bool:
    """Whether training had this season beyond doubt: were it chance, its change would lie along it."""
    noise = view.noise
    size = float(likely[0] @ likely[0]) / (noise.power * noise.sigma**2)
    return view.profile.size / 2 * size > SURE * likely.shape[1]


def told(season: Season, change: Waves) -> str:
    """The change of a season in words."""
    import numpy as np

    now = season.amplitudes + change
    size = float(np.sqrt(np.sum(np.abs(now) ** 2)))
    if season.size < CLEAR:
        return f"a {season.name} season of {size:.1f} sd appeared"
    alike = float(np.abs(np.vdot(season.amplitudes, now)) / (season.size * max(size, 1e-9)))
    moved = -float(np.angle(now[0] / season.amplitudes[0])) / (2 * math.pi) if season.amplitudes[0] else 0.0
    if size < 0.3 * season.size:
        return f"{season.name} season gone"
    if (abs(moved) * season.period >= 0.04 * season.period and alike < 0.98) or abs(moved) > 0.04:
        return f"{season.name} season {_distance(season, abs(moved))} {'later' if moved > 0 else 'earlier'}"
    ratio = size / season.size
    if 0.87 < ratio < 1.15:
        return f"{season.name} season of another shape"
    if 0.45 <= ratio <= 0.55:
        return f"{season.name} season half as large"
    return f"{season.name} season {ratio:.2g} times as large"


def _distance(season: Season, share: float) -> str:
    """A share of a period in words: hours for a day, else a percentage of the period."""
    return f"{share * 24:.2g} h" if season.period == DAY else f"{share:.0%} of its length"
