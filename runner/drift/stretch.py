"""A mean that one incident cannot move: without the stretch that speaks most for a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHARE = 10  # the stretch is a tenth of the values


def steady_mean(values: Floats, known: float) -> float:
    """The mean of values of shape (n,) without the tenth of them, in a row, that is farthest from `known`.

    Farthest on the side on which the mean of all is; where the rest is on the other side, `known`
    itself. What has changed for good is in every stretch, an incident is in one.
    """
    import numpy as np

    length = max(values.size // SHARE, 1)
    sums = np.zeros(values.size + 1)
    values.cumsum(out=sums[1:])
    total, parts = float(sums[-1]), sums[length:] - sums[:-length]
    if total > known * values.size:
        return max((total - float(parts.max())) / (values.size - length), known)
    return min((total - float(parts.min())) / (values.size - length), known)
