"""Isolation forest over sliding windows: what few random cuts separate from the rest is strange.

Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008. Compiled trees, grown as scikit-learn's
IsolationForest grows them; without numba scikit-learn itself grows them, more slowly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.forest import Forest
from runner.trainers.forest_growing import Size, grow
from runner.trainers.series import filled, require_length, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

LONGEST = 2**15
"""Values in a window: their places are kept as numbers of 16 bits."""


@dataclass(frozen=True, slots=True)
class Params:
    """The size of the windows and of the forest."""

    window: int = parameter(24, "values in a window")
    trees: int = parameter(100, "trees in the forest")
    samples: int = parameter(256, "windows each tree is grown on")
    quantile: float = parameter(0.995, "share of the training scores below the threshold")

    def __post_init__(self) -> None:
        if min(self.window, self.trees) < 1 or self.samples < 2:
            raise ValueError("window and trees are at least 1, samples at least 2")
        if self.window > LONGEST:
            raise ValueError(f"window is {self.window}; it is at most {LONGEST}")
        if not 0 < self.quantile <= 1:
            raise ValueError(f"quantile is {self.quantile}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class IsolationForestModel:
    """A forest, the values its first windows begin with, and the threshold."""

    forest: Forest
    window: int
    last: Floats  # (window − 1,) the end of the training data, scaled
    center: float
    spread: float
    threshold: float

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"isolation forest({len(self.forest.size)} trees, window {self.window})"

    def score(self, values: ArrayLike) -> Floats:
        """Score each value by the window that ends with it; gaps are bridged by straight lines."""
        import numpy as np

        before = float(self.last[-1]) if self.last.size else None
        scaled = (np.asarray(values, dtype=np.float64) - self.center) / self.spread
        known = np.concatenate([self.last, filled(scaled, before=before)])
        return self.forest.scores(known.astype(np.float32), self.window)

    def continued(self, values: Floats, rows: int | None) -> IsolationForestModel:
        """The forest and the scale as they are, after the last of `values`."""
        del rows
        require_length(values, self.last.size)
        scaled = (filled(values) - self.center) / self.spread
        return replace(self, last=scaled[scaled.size - self.last.size :].copy())

    def state(self) -> State:
        """The trees and the last values."""
        return {
            **self.forest.state(),
            "window": self.window,
            "last": self.last,
            "center": self.center,
            "spread": self.spread,
            "threshold": self.threshold,
        }


def train(dataset: Dataset, params: Params) -> IsolationForestModel:
    """Grow the forest on the training windows; the threshold is a quantile of their scores."""
    import numpy as np

    values = filled(training_values(dataset, at_least=params.window + 8, varying=True))
    center, spread = float(values.mean()), float(values.std())
    values = (values - center) / spread  # trees see single precision, and no split below 1e-7
    series = values.astype(np.float32)
    samples = min(params.samples, values.size - params.window + 1)
    forest = grow(series, Size(params.window, params.trees, samples), dataset.seed)
    threshold = float(np.quantile(forest.scores(series, params.window), params.quantile))
    last = values[values.size - params.window + 1 :].copy()
    return IsolationForestModel(forest, params.window, last, center, spread, threshold)


def restore(state: State) -> IsolationForestModel:
    """The model whose `state` was saved."""
    kept = {name: state[name] for name in ("window", "last", "center", "spread", "threshold")}
    return IsolationForestModel(Forest.restored(state), **kept)
