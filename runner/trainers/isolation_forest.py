"""Isolation forest over sliding windows: what few random cuts separate from the rest is strange.

Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008; fitted by scikit-learn. The trees are kept
as plain arrays and scored here, equal to scikit-learn's score_samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.series import filled, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

CHUNK = 4_096
"""Windows scored at once: memory stays flat however long the series is."""


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
        if not 0 < self.quantile <= 1:
            raise ValueError(f"quantile is {self.quantile}; it lies between 0 and 1")


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees in one set of arrays; the nodes of tree i start at roots[i]."""

    roots: Any  # (trees,) int32
    feature: Any  # (nodes,) int16, −1 in a leaf
    cut: Floats  # (nodes,)
    left: Any  # (nodes,) int32
    right: Any  # (nodes,) int32
    length: Floats  # (nodes,) the path length that a leaf stands for
    norm: float

    def scores(self, windows: Floats) -> Floats:
        """The anomaly score of each window, shape (n,): near 1 strange, below 0.5 normal."""
        import numpy as np

        found = np.empty(len(windows))
        for start in range(0, len(windows), CHUNK):
            part = windows[start : start + CHUNK].astype(np.float32)
            node = np.repeat(self.roots[None, :], len(part), axis=0)
            rows = np.arange(len(part))[:, None]
            while (inner := self.feature[node] >= 0).any():
                value = part[rows, np.maximum(self.feature[node], 0)]
                below = np.where(value <= self.cut[node], self.left[node], self.right[node])
                node = np.where(inner, below, node)
            depth = self.length[node].sum(axis=1)
            found[start : start + CHUNK] = 2.0 ** (-depth / (len(self.roots) * self.norm))
        return found


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
        return f"isolation forest({len(self.forest.roots)} trees, window {self.window})"

    def score(self, values: ArrayLike) -> Floats:
        """Score each value by the window that ends with it; gaps are bridged by straight lines."""
        import numpy as np

        before = float(self.last[-1]) if self.last.size else None
        scaled = (np.asarray(values, dtype=np.float64) - self.center) / self.spread
        known = np.concatenate([self.last, filled(scaled, before=before)])
        return self.forest.scores(np.lib.stride_tricks.sliding_window_view(known, self.window))

    def state(self) -> State:
        """The trees and the last values."""
        return {
            "roots": self.forest.roots,
            "feature": self.forest.feature,
            "cut": self.forest.cut,
            "left": self.forest.left,
            "right": self.forest.right,
            "length": self.forest.length,
            "norm": self.forest.norm,
            "window": self.window,
            "last": self.last,
            "center": self.center,
            "spread": self.spread,
            "threshold": self.threshold,
        }


def train(dataset: Dataset, params: Params) -> IsolationForestModel:
    """Grow the forest on the training windows; the threshold is a quantile of their scores."""
    import numpy as np
    from sklearn.ensemble import IsolationForest

    values = filled(training_values(dataset, at_least=params.window + 8, varying=True))
    center, spread = float(values.mean()), float(values.std())
    values = (values - center) / spread  # trees see single precision, and no split below 1e-7
    windows = np.lib.stride_tricks.sliding_window_view(values, params.window)
    grown = IsolationForest(
        n_estimators=params.trees,
        max_samples=min(params.samples, len(windows)),
        random_state=dataset.seed % 2**32,
    ).fit(windows)
    forest = _packed(grown)
    threshold = float(np.quantile(forest.scores(windows), params.quantile))
    last = values[values.size - params.window + 1 :].copy()
    return IsolationForestModel(forest, params.window, last, center, spread, threshold)


def restore(state: State) -> IsolationForestModel:
    """The model whose `state` was saved."""
    names = ("roots", "feature", "cut", "left", "right", "length", "norm")
    forest = Forest(**{name: state[name] for name in names})
    kept = {name: state[name] for name in ("window", "last", "center", "spread", "threshold")}
    return IsolationForestModel(forest, **kept)


def _packed(grown: Any) -> Forest:
    import numpy as np

    trees = [estimator.tree_ for estimator in grown.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    left = np.concatenate([tree.children_left + root for tree, root in zip(trees, roots, strict=True)])
    right = np.concatenate([tree.children_right + root for tree, root in zip(trees, roots, strict=True)])
    feature = np.concatenate([tree.feature for tree in trees])
    length = np.concatenate([_depths(tree) + _average_path(tree.n_node_samples) for tree in trees])
    return Forest(
        roots=roots,
        feature=np.where(feature < 0, -1, feature).astype(np.int16),
        cut=np.concatenate([tree.threshold for tree in trees]),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        length=length,
        norm=float(_average_path(np.array([grown.max_samples_]))[0]),
    )


def _depths(tree: Any) -> Floats:
    import numpy as np

    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # a parent comes before its children
        if tree.children_left[node] >= 0:
            depths[[tree.children_left[node], tree.children_right[node]]] = depths[node] + 1
    return depths


def _average_path(count: Any) -> Floats:
    """The mean path length of an unsuccessful search among `count` values (equation 1 of the paper)."""
    import numpy as np

    size = np.asarray(count, dtype=np.float64)
    path = np.where(size == 2, 1.0, 0.0)
    large = size > 2
    path[large] = 2 * (np.log(size[large] - 1) + np.euler_gamma) - 2 * (size[large] - 1) / size[large]
    return path
