"""Growing an isolation forest: by the compiled kernel, or by scikit-learn where there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.trainers.forest import Forest, kernel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the forest and its trees are."""

    window: int
    trees: int
    samples: int  # no more than there are windows

    @property
    def depth(self) -> int:
        """The depth at which a tree ends, that of an average search tree over its samples."""
        return math.ceil(math.log2(max(self.samples, 2)))


def grow(series: Single, size: Size, seed: int) -> Forest:
    """A forest over the windows of `series`; the same seed gives the same forest."""
    compiled = kernel()
    feature, cut, leaves = _empty(size)
    if compiled is None:
        _by_scikit_learn(series, size, seed, feature, cut, leaves)
    else:
        compiled.grow(series, size.window, size.samples, size.depth, seed, feature, cut, leaves)
    return Forest.of(feature, cut, leaves)


def _empty(size: Size) -> tuple[Any, Any, Any]:
    import numpy as np

    places = 1 << size.depth
    return (
        np.zeros((size.trees, places - 1), dtype=np.int16),
        np.full((size.trees, places - 1), np.inf, dtype=np.float32),
        np.zeros((size.trees, places), dtype=np.int32),
    )


def _by_scikit_learn(series: Single, size: Size, seed: int, feature: Any, cut: Any, leaves: Any) -> None:
    import numpy as np
    from sklearn.ensemble import IsolationForest

    windows = np.lib.stride_tricks.sliding_window_view(series, size.window)
    grown = IsolationForest(n_estimators=size.trees, max_samples=size.samples, random_state=seed % 2**32).fit(
        windows
    )
    for row, estimator in enumerate(grown.estimators_):
        _lay_out(estimator.tree_, size.depth, feature[row], cut[row], leaves[row])


def _lay_out(tree: Any, depth: int, feature: Any, cut: Any, leaves: Any) -> None:
    """Write one tree of scikit-learn into the rows of a heap."""
    import numpy as np

    cuts = tree.threshold.astype(np.float32)
    # A single value is at most the cut exactly when it is at most the next single value below it.
    cuts = np.where(cuts > tree.threshold, np.nextafter(cuts, np.float32(-np.inf)), cuts)
    waiting = [(0, 0, 0)]  # the tree's node, its level, and how far across it stands
    while waiting:
        node, level, across = waiting.pop()
        left = tree.children_left[node]
        if left < 0:
            leaves[across << (depth - level)] = tree.n_node_samples[node]
            continue
        place = (1 << level) - 1 + across
        feature[place], cut[place] = tree.feature[node], cuts[node]
        waiting.append((left, level + 1, 2 * across))
        waiting.append((tree.children_right[node], level + 1, 2 * across + 1))
