"""The space that windows of one length fill in training, and how far from it others lie.

A window longer than 24 values is taken as 24 means (piecewise aggregate approximation: Keogh,
Chakrabarti, Pazzani & Mehrotra, Knowledge and Information Systems 3, 2001). The distance is that of
Mahalanobis: along each principal component the deviation in units of the training's standard
deviation, Aggarwal's soft version of anomaly detection by PCA ("Outlier Analysis", 2nd edition,
section 3.3), with a ridge so that directions without training variance do not decide alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Single = NDArray[np.float32]

MEANS = 24
"""The most numbers a window is described by."""

RIDGE = 0.03
"""The variance added to every direction, as a share of the mean variance of the window's values."""

LEAST = 1e-3
"""The least mean variance that counts, as a share of that of the series: part of it may be constant."""

CHUNK = 16_384
"""Windows whose distance is taken at once: memory stays flat however long the series is."""


@dataclass(frozen=True, slots=True)
class WindowSpace:
    """Where windows of `pooled` × `mean.size` values lie; `whitening` makes their spread a unit ball."""

    pooled: int  # values in each mean
    mean: Single  # (means,)
    whitening: Single  # (means, means), lower triangular

    @property
    def width(self) -> int:
        """Values in a window."""
        return self.pooled * self.mean.size

    @classmethod
    def of(cls, windows: Floats, pooled: int) -> WindowSpace:
        """The space of `windows`, shape (n, means), as `described` gives them."""
        import numpy as np

        mean = windows.mean(axis=0)
        centered = windows - mean
        covariance = centered.T @ centered / len(windows)
        least = RIDGE * max(float(np.trace(covariance)) / mean.size, LEAST)
        covariance[np.diag_indices(mean.size)] += least
        whitening = np.linalg.inv(np.linalg.cholesky(covariance))
        return cls(pooled, mean.astype(np.float32), whitening.astype(np.float32))

    def distances(self, windows: Floats) -> Floats:
        """How far each of `windows`, shape (n, means), lies from the mean, about 1 in training."""
        import numpy as np

        found = np.empty(len(windows))
        whitening = self.whitening.astype(np.float64).T
        for start in range(0, len(windows), CHUNK):
            along = (windows[start : start + CHUNK] - self.mean) @ whitening
            found[start : start + CHUNK] = np.sqrt(np.einsum("ij,ij->i", along, along) / self.mean.size)
        return found


def pooling(width: int) -> int:
    """How many values go into each mean of a window of `width`."""
    return -(-width // MEANS)


def described(series: Floats, pooled: int, means: int) -> Floats:
    """Each window of `pooled` × `means` values by its means, shape (windows, means); a view."""
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(series)])
    averages = series if pooled == 1 else (sums[pooled:] - sums[:-pooled]) / pooled
    view = np.lib.stride_tricks.sliding_window_view(averages, (means - 1) * pooled + 1)
    return view[:, ::pooled]


def spread_over_values(found: Floats, width: int) -> Floats:
    """The mean of what was found for the windows that hold a value, shape (windows + width − 1,)."""
    import numpy as np

    sums = np.concatenate([[0.0], np.cumsum(found)])
    places = np.arange(found.size + width - 1)
    first = np.maximum(places - width + 1, 0)
    last = np.minimum(places + 1, found.size)
    return np.asarray((sums[last] - sums[first]) / (last - first))
