"""The Adam optimiser inside a TensorFlow graph, so that a whole training is one call.

Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; the defaults are
those of Keras.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runner.errors import UnfitDataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BETA_1 = 0.9
BETA_2 = 0.999
EPSILON = 1e-7


class DivergedError(UnfitDataError):
    """A training ended in weights that are no numbers."""


def require_finite(weights: Iterable[Any], rate: float) -> list[NDArray[np.float32]]:
    """The weights as arrays. Raises DivergedError when one of them is NaN or infinite."""
    import numpy as np

    found = [np.asarray(each) for each in weights]
    if not all(np.isfinite(each).all() for each in found):
        raise DivergedError(f"the training diverged; set learning_rate below {rate:g}")
    return found


def adam_step(
    tf: Any,
    weights: list[Any],
    gradients: list[Any],
    moments: tuple[list[Any], list[Any]],
    step: Any,
    rate: Any,
) -> tuple[list[Any], tuple[list[Any], list[Any]]]:
    """One update; `step` counts from 0. Returns the new weights and moments."""
    count = tf.cast(step + 1, tf.float32)
    scale = rate * tf.sqrt(1.0 - tf.pow(BETA_2, count)) / (1.0 - tf.pow(BETA_1, count))
    first = [BETA_1 * old + (1 - BETA_1) * new for old, new in zip(moments[0], gradients, strict=True)]
    second = [BETA_2 * old + (1 - BETA_2) * new * new for old, new in zip(moments[1], gradients, strict=True)]
    updated = [
        weight - scale * mean / (tf.sqrt(square) + EPSILON)
        for weight, mean, square in zip(weights, first, second, strict=True)
    ]
    return updated, (first, second)
