"""What a training range looked like: all that a drift check must know of it, in some 400 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runner.drift.finding import LEAST
from runner.drift.noise import Noise
from runner.drift.points import Points
from runner.drift.season import Season

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ROWS = 50_000  # the last ones are looked at
SHORTEST = 100
CLIP = 4.0  # robust standard deviations of the values: an incident is no drift
TINY = 1e-3  # of the spread of the raw values: what a season leaves below it is taken as this
EQUAL = 1e-9  # of the values: what they may differ by and still be one constant


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The profile of one training range; two are equal where their bytes are.

    timed: positions are seconds since 1970, else the numbers of the index; counter: what is described
    are increments per step; irregular: less than half of the steps are regular; size: rows described;
    start, end: their positions; step: their median distance; center, scale: mean and robust sd without
    the season, in the unit of the values; scale is 0 where they are constant; seasons: amplitudes in
    units of scale; noise: None where the range is too short or constant; floors: by statistic, the
    effect that the slice's own test range showed.
    """

    timed: bool
    counter: bool
    irregular: bool
    size: int
    start: float
    end: float
    step: float
    center: float
    scale: float
    seasons: tuple[Season, ...]
    noise: Noise | None
    floors: dict[str, float]

    @classmethod
    def of(
        cls, train: pd.Series[Any], test: pd.Series[Any] | None, periods: Sequence[float] | None = None
    ) -> Profile:
        """Describe `train`, and how far `test` is from it, which no later finding may fall below.

        Both are indexed by time, epoch seconds or row numbers. `periods` are seasons in seconds (rows
        where the index has no times); by default a day, a week and a year, as far as the range allows,
        or the length at which rows repeat themselves. Values that are not finite are left out; a range
        of fewer than 100 gives a profile whose checks say `insufficient`. Raises ValueError where a
        value is no number.
        """
        from runner.drift.floors import floors_of

        plain = _described(Points.of(train).last(ROWS), periods)
        if plain.noise is None:  # no check will say anything: nothing is to be added, or rounded
            return plain
        stored = cls.from_bytes(plain.to_bytes())  # what is computed with is what will be read back
        if test is None:
            return stored
        return cls.from_bytes(replace(stored, floors=floors_of(stored, Points.of(test))).to_bytes())

    def floor(self, statistic: str) -> float:
        """The effect that a finding of this statistic must exceed to count."""
        return max(LEAST[statistic], self.floors.get(statistic, 0.0))

    def to_bytes(self) -> bytes:
        """Pack the profile: a version, the fields and a checksum."""
        from runner.drift.packing import packed

        return packed(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Profile:
        """Unpack what to_bytes gave. Raises ProfileError for anything else, naming what is wrong."""
        from runner.drift.packing import unpacked

        return unpacked(content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())


def _described(points: Points, periods: Sequence[float] | None) -> Profile:
    import numpy as np

    from runner.drift import autoregression, counter
    from runner.drift.points import median_step

    step = median_step(points.at)
    counts = counter.is_counter(points.values)
    if counts:
        points = counter.increments(points, step)
    size = points.at.size
    start, end = (float(points.at[0]), float(points.at[-1])) if size else (0.0, 0.0)
    center = float(np.median(points.values)) if size else 0.0
    near = np.abs(np.diff(points.at) - step) <= autoregression.TOLERANCE * step
    plain = Profile(
        timed=points.timed,
        counter=counts,
        irregular=bool(size > 1 and near.mean() < autoregression.REGULAR),
        size=size,
        start=start,
        end=end,
        step=step,
        center=center,
        scale=0.0,
        seasons=(),
        noise=None,
        floors={},
    )
    if size < SHORTEST or not step or np.ptp(points.values) <= EQUAL * np.abs(points.values).max():
        return plain
    return _with_noise(plain, points, periods)


def _with_noise(plain: Profile, points: Points, periods: Sequence[float] | None) -> Profile:

    from runner.drift import autoregression, season
    from runner.drift.noise import is_tied, robust_sd

    wanted = season.periods_of(points, plain.step, periods)
    waves = [season.waves_at(points.at, period, count) for period, count in wanted]
    basis = season.Basis.of(waves, points.at.size)
    tied = is_tied(points.values)
    whole = robust_sd(points.values, tied=tied)
    values = _winsorised(points.values, plain.center, whole)
    for _ in range(2):  # the second time incidents inside the season's range are winsorised as well
        center, amplitudes, fitted = basis.fit(values)
        scale = max(robust_sd(points.values - fitted, tied=tied), TINY * whole)
        values = _winsorised(points.values, fitted, scale)
    left = (values - fitted) / scale
    runs = autoregression.runs_of(points.at, plain.step, irregular=plain.irregular)
    middle = float(left.mean())
    return replace(
        plain,
        center=center + middle * scale,
        scale=scale,
        seasons=tuple(Season(p, a / scale) for (p, _), a in zip(wanted, amplitudes, strict=True)),
        noise=Noise.of(left - middle, runs, season.turns_of(wanted, plain.step), tied=tied),
    )


def _winsorised(values: Floats, center: Floats | float, scale: float) -> Floats:
    import numpy as np

    return np.clip(values, center - CLIP * scale, center + CLIP * scale)
