"""An isolation forest as arrays: scoring windows with it, saving it in few bytes, reading it again.

Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008. Each tree is a heap of a fixed depth: the
children of node i are 2i + 1 (values up to the cut) and 2i + 2; below a leaf that ends early the
cuts are infinite, so a window always arrives at one of the 2^depth places at the bottom.
"""

from __future__ import annotations

import functools
import importlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.errors import SlowFitWarning
from runner.trainer import State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Single = NDArray[np.float32]

CHUNK = 4_096
"""Windows scored at once without numba: memory stays flat however long the series is."""


@functools.cache
def kernel() -> Any:
    """The compiled functions, or None where numba cannot be used: that is said once in a process."""
    from runner.trainers import compiled

    found = importlib.import_module("runner.trainers.forest_kernel")
    if compiled.trouble:
        told = f"{compiled.trouble[0]}: isolation forests take twenty times as long"
        warnings.warn(told, SlowFitWarning, stacklevel=2)
        return None
    return found


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees, one in each row."""

    feature: NDArray[np.int16]  # (trees, 2^depth − 1)
    cut: Single  # (trees, 2^depth − 1), infinite below a leaf
    size: NDArray[np.int32]  # (trees, 2^depth): samples in the leaf that ends there, 0 where none does
    length: Floats  # (trees, 2^depth): the path length a window that ends there gets

    @classmethod
    def of(cls, feature: NDArray[np.int16], cut: Single, size: NDArray[np.int32]) -> Forest:
        """The forest of these trees, with the path length of each leaf."""
        import numpy as np

        trees, places = size.shape
        inner = np.isfinite(cut)
        length = np.zeros((trees, places))
        width = 1
        while width < places:  # one level after the other: how many cuts lie above each place
            level = inner[:, width - 1 : 2 * width - 1]
            length += np.repeat(level, places // width, axis=1)
            width *= 2
        path = average_path(np.arange(int(size.max()) + 1))
        return cls(feature, cut, size, length + path[size])

    @property
    def depth(self) -> int:
        """Steps from the root to the bottom."""
        return int(self.size.shape[1]).bit_length() - 1

    def scores(self, series: Single, window: int) -> Floats:
        """The anomaly score of each window of `series`, shape (n − window + 1,).

        Near 1 is strange, below 0.5 normal.
        """
        import numpy as np

        total = np.zeros(series.size - window + 1)
        compiled = kernel()
        add = _add_lengths if compiled is None else compiled.add_lengths
        add(np.ascontiguousarray(series), self.feature, self.cut, self.length, self.depth, total)
        norm = float(average_path(self.size[0].sum(keepdims=True))[0])
        return np.asarray(2.0 ** (-total / (len(self.size) * norm)))

    def state(self) -> State:
        """Features and cuts of the inner nodes, and a bit for each node that tells which are."""
        import numpy as np

        inner = np.isfinite(self.cut)
        small = np.int8 if self.feature.max(initial=0) < 128 else np.int16
        return {
            "inner": np.packbits(inner, axis=1),
            "feature": self.feature[inner].astype(small),
            "cut": self.cut[inner],
            "size": self.size.astype(np.min_scalar_type(int(self.size.max()))),
        }

    @classmethod
    def restored(cls, state: State) -> Forest:
        """The forest whose `state` was saved."""
        import numpy as np

        size = state["size"].astype(np.int32)
        inner = np.unpackbits(state["inner"], axis=1, count=size.shape[1] - 1).astype(bool)
        feature = np.zeros(inner.shape, dtype=np.int16)
        cut = np.full(inner.shape, np.inf, dtype=np.float32)
        feature[inner], cut[inner] = state["feature"], state["cut"]
        return cls.of(feature, cut, size)


def average_path(count: NDArray[Any]) -> Floats:
    """The mean path length of an unsuccessful search among `count` values (equation 1 of the paper)."""
    import numpy as np

    size = count.astype(np.float64)
    path = np.where(size == 2, 1.0, 0.0)
    large = size > 2
    path[large] = 2 * (np.log(size[large] - 1) + np.euler_gamma) - 2 * (size[large] - 1) / size[large]
    return path


def _add_lengths(
    series: Single, feature: NDArray[np.int16], cut: Single, length: Floats, depth: int, total: Floats
) -> None:
    """What the kernel's `add_lengths` does, by numpy."""
    import numpy as np

    trees = np.arange(len(feature))
    for start in range(0, total.size, CHUNK):
        places = np.arange(start, min(start + CHUNK, total.size))[:, None]
        node = np.zeros((len(places), trees.size), dtype=np.int64)
        for _ in range(depth):
            node = 2 * node + 1 + (series[places + feature[trees, node]] > cut[trees, node])
        total[start : start + CHUNK] += length[trees, node - feature.shape[1]].sum(axis=1)
