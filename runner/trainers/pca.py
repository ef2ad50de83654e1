"""Subspace of sliding windows: a stretch is strange that lies far from the windows of the training.

Source: Sub-PCA of the benchmark TSB-AD (Liu & Paparrizos, "The Elephant in the Room", NeurIPS 2024),
with the distance of `window_space` and windows of two lengths: short ones see a spike, those of a
season a night without its dip. Where the settings come from stands in docs/detection.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.autocorrelation import repeat_length
from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.series import filled, require_length, training_values
from runner.trainers.window_space import WindowSpace, described, pooling, spread_over_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Single = NDArray[np.float32]

LONGEST = 288
"""Values in the long windows where nothing else is said: a day of 5 minutes."""

SHARE = 3
"""Windows are at most a third of the training, or there is nothing to compare them with."""

FARTHEST = 1e6
"""Standard deviations that a value is at most taken to lie away: beyond that, sums lose its neighbours."""

FLOOR = 1e-6
"""The least distance that counts as usual."""


@dataclass(frozen=True, slots=True)
class Params:
    """The lengths of the windows."""

    window: int = parameter(24, "values in a short window")
    long: int | None = parameter(None, "values in a long window; none: one season, at most 288")
    quantile: float = parameter(0.995, "share of the training scores below the threshold")

    def __post_init__(self) -> None:
        if self.window < 2 or (self.long is not None and self.long < 2):
            raise ValueError("window and long are at least 2")
        if not 0 < self.quantile <= 1:
            raise ValueError(f"quantile is {self.quantile}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Scale:
    """The windows of one length, and the distance that their `quantile` in training stays below."""

    space: WindowSpace
    usual: float

    def scores(self, series: Floats) -> Floats:
        """How far from usual the windows around each value are, shape (n,)."""
        windows = described(series, self.space.pooled, self.space.mean.size)
        return spread_over_values(self.space.distances(windows), self.space.width) / self.usual


@dataclass(frozen=True, slots=True)
class PcaModel:
    """The scales, the values that the first windows begin with, and the threshold."""

    scales: tuple[Scale, ...]
    last: Single  # (longest window − 1,) the end of the training data, scaled
    center: float
    spread: float
    threshold: float

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"pca(windows of {' and '.join(str(scale.space.width) for scale in self.scales)} values)"

    def score(self, values: ArrayLike) -> Floats:
        """Score each value by all windows that hold it, those that begin before it and after it.

        1 is the limit of the usual in training. The last values have fewer windows: so far only
        those that have ended. Missing values are bridged by straight lines.
        """
        import numpy as np

        scaled = (np.asarray(values, dtype=np.float64) - self.center) / self.spread
        scaled = np.clip(scaled, -FARTHEST, FARTHEST)
        known = np.concatenate([self.last, filled(scaled, before=float(self.last[-1]))])
        total = np.zeros(scaled.size)
        for scale in self.scales:
            begun = known[self.last.size - scale.space.width + 1 :]
            total += scale.scores(begun)[scale.space.width - 1 :]
        return total / len(self.scales)

    def continued(self, values: Floats, rows: int | None) -> PcaModel:
        """The spaces and the scale as they are, after the last of `values`."""
        import numpy as np

        del rows
        require_length(values, self.last.size)
        scaled = (filled(values)[-self.last.size :] - self.center) / self.spread
        return replace(self, last=scaled.astype(np.float32))

    def state(self) -> State:
        """The spaces and the last values; of each whitening the lower triangle."""
        import numpy as np

        spaces = [scale.space for scale in self.scales]
        return {
            "pooled": [space.pooled for space in spaces],
            "means": [space.mean.size for space in spaces],
            "usual": [scale.usual for scale in self.scales],
            "mean": np.concatenate([space.mean for space in spaces]),
            "whitening": np.concatenate(
                [space.whitening[np.tril_indices(space.mean.size)] for space in spaces]
            ),
            "last": self.last,
            "center": self.center,
            "spread": self.spread,
            "threshold": self.threshold,
        }


def train(dataset: Dataset, params: Params) -> PcaModel:
    """Learn both spaces; the threshold is a quantile of scores by halves, each by the other's spaces.

    Windows overlap, so a space is closer to the windows it was learnt from than to any others: a
    threshold from their own distances would give alarms all the time.
    """
    import numpy as np

    values = filled(training_values(dataset, at_least=params.window + 8, varying=True))
    center, spread = float(values.mean()), float(values.std())
    scaled = (values - center) / spread
    scales, unseen = [], np.zeros(values.size)
    for width in _widths(scaled, dataset.period, params):
        scale, found = _learn(scaled, width, params.quantile)
        scales.append(scale)
        unseen += found
    threshold = float(np.quantile(unseen / len(scales), params.quantile))
    longest = max(scale.space.width for scale in scales)
    last = scaled[values.size - longest + 1 :].astype(np.float32)
    return PcaModel(tuple(scales), last, center, spread, threshold)


def restore(state: State) -> PcaModel:
    """The model whose `state` was saved."""
    import numpy as np

    scales, mean, whitening = [], state["mean"], state["whitening"]
    for pooled, means, usual in zip(state["pooled"], state["means"], state["usual"], strict=True):
        triangle = np.tril_indices(means)
        whole = np.zeros((means, means), dtype=np.float32)
        whole[triangle] = whitening[: triangle[0].size]
        scales.append(Scale(WindowSpace(pooled, mean[:means], whole), usual))
        mean, whitening = mean[means:], whitening[triangle[0].size :]
    kept = {name: state[name] for name in ("last", "center", "spread", "threshold")}
    return PcaModel(tuple(scales), **kept)


def _widths(values: Floats, period: int, params: Params) -> list[int]:
    """The lengths of the windows: the short one, and the long one if it is longer."""
    long = params.long
    if long is None:
        long = min(LONGEST, period if period > 1 else 2 * repeat_length(values))
    long = min(long, values.size // SHARE)
    return [params.window, long] if long > params.window else [params.window]


def _learn(values: Floats, width: int, quantile: float) -> tuple[Scale, Floats]:
    """The scale of this width, and the score of each training value by the space of the other half."""
    import numpy as np

    pooled = pooling(width)
    means = width // pooled
    windows = described(values, pooled, means)
    space = WindowSpace.of(windows, pooled)
    own = spread_over_values(space.distances(windows), space.width)
    usual = max(float(np.quantile(own, quantile)), FLOOR)
    half = len(windows) // 2
    first, second = WindowSpace.of(windows[:half], pooled), WindowSpace.of(windows[half:], pooled)
    other = np.concatenate([second.distances(windows[:half]), first.distances(windows[half:])])
    return Scale(space, usual), spread_over_values(other, space.width) / usual
