"""A window as its profile sees it: without the season, in units of the training's spread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from runner.drift import autoregression, season
from runner.drift.noise import Noise, centred
from runner.drift.points import Points
from runner.drift.profile import CLIP, Profile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.autoregression import Innovations

    Floats = NDArray[np.float64]


ELSEWHERE = CLIP / 2
"""A level so far from the training's is a centre of its own for what is winsorised."""


@dataclass(frozen=True)
class View:
    """A window of n points beside a profile that has noise.

    waves: of each season at the window's positions, shape (waves, n) each; level: the mean of the values
    less centre and season, in units of scale, winsorised at 4; plain: the innovations of these, shape
    (m,), in units of sigma; innovations: the same centred and winsorised at 3.
    """

    profile: Profile
    noise: Noise
    points: Points
    waves: tuple[NDArray[np.complex128], ...]
    level: float
    plain: Floats
    innovations: Innovations

    @classmethod
    def of(cls, profile: Profile, noise: Noise, points: Points) -> View:
        """Look at `points`, which are increments already where the profile is a counter's."""
        import numpy as np

        at, grid = points.at, points.grid
        waves = tuple(
            season.waves_of_grid(*grid, s.period, s.amplitudes.size)
            if grid
            else season.waves_at(at, s.period, s.amplitudes.size)
            for s in profile.seasons
        )
        values = (points.values - profile.center) / profile.scale
        for each, block in zip(profile.seasons, waves, strict=True):
            values -= each.at(block)
        clipped = values.clip(-CLIP, CLIP)
        level = float(clipped.sum()) / values.size
        if abs(level) > ELSEWHERE:  # nearly all would be clipped to one value, and noise be told as gone
            clipped = (values - np.median(values)).clip(-CLIP, CLIP)
        values = clipped
        runs = autoregression.runs_of(at, profile.step, irregular=profile.irregular)
        found = autoregression.innovations(values, noise.phi, runs)
        found.values[:] /= noise.sigma
        return cls(profile, noise, points, waves, level, found.values, centred(found))

    @cached_property
    def spread(self) -> float:
        """The mean distance of the innovations, in units of sigma; never 0."""
        import numpy as np

        values = self.innovations.values
        return max(float(np.abs(values).sum()) / values.size, 1e-6)

    @cached_property
    def power(self) -> float:
        """The mean square of the innovations, in units of sigma²; never 0."""
        values = self.innovations.values
        return max(float(values @ values) / values.size, 1e-12)
