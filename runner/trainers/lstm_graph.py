"""The training of an LSTM layer inside one TensorFlow graph.

Source: "Better performance with tf.function" and "XLA: optimizing compiler" (tensorflow.org). A new
Keras model per slice costs fifteen times as much and 11 MB that are never given back.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]

SHORTEST = 64


@dataclass(slots=True)
class Training:
    """A training as a function: compiled by XLA where that works, plain TensorFlow elsewhere."""

    compiled: Any
    plain: Any
    errors: type[Exception]
    usable: bool = True

    def __call__(self, *given: Any) -> Any:
        """Train; the first time that XLA fails, say so, and do without it from then on."""
        if self.usable:
            try:
                return self.compiled(*given)
            except self.errors as error:
                self.usable = False
                why = str(error).partition("\n")[0]
                warnings.warn(f"XLA cannot be used, the lstm trains more slowly: {why}", stacklevel=2)
        return self.plain(*given)


def initial(units: int, chance: np.random.Generator) -> list[Single]:
    """What Keras starts with: Glorot uniform kernels, an orthogonal recurrent one, forget bias 1."""
    import numpy as np

    def glorot(rows: int, columns: int) -> Single:
        limit = np.sqrt(6.0 / (rows + columns))
        return chance.uniform(-limit, limit, (rows, columns)).astype(np.float32)

    q, r = np.linalg.qr(chance.standard_normal((4 * units, units)))
    bias = np.zeros(4 * units, np.float32)
    bias[units : 2 * units] = 1.0
    orthogonal = (q * np.sign(np.diag(r))).T.astype(np.float32)
    return [glorot(1, 4 * units), orthogonal, bias, glorot(units, 1), np.zeros(1, np.float32)]


def padded(
    scaled: NDArray[np.float64], window: int, epochs: int, batch: int, chance: np.random.Generator
) -> tuple[Single, NDArray[np.int32], np.int32]:
    """The series, the windows of each step, and the number of steps.

    The series is filled up to a power of two and the steps to match, so that slices of all lengths
    share a few compilations. A batch that is not full ends in places of -1, which count nothing.
    """
    import numpy as np

    count = scaled.size - window
    per_epoch = -(-count // batch)
    length = max(SHORTEST, 1 << (scaled.size - 1).bit_length())
    series = np.zeros(length, np.float32)
    series[: scaled.size] = scaled
    places = np.full((epochs * -(-length // batch), batch), -1, np.int32)
    for epoch in range(epochs):
        rows = places[epoch * per_epoch : (epoch + 1) * per_epoch].reshape(-1)
        rows[:count] = chance.permutation(count)
    return series, places, np.int32(epochs * per_epoch)


def forward(tf: Any, windows: Any, weights: Any) -> Any:
    """The next value after each window, (batch, window) → (batch,)."""
    kernel, recurrent, bias, dense, offset = weights
    length, units = windows.shape[1], recurrent.shape[0]
    inputs = tf.transpose(windows)[:, :, None] * kernel[0] + bias

    def step(place: Any, hidden: Any, cell: Any) -> Any:
        into, forget, new, out = tf.split(inputs[place] + hidden @ recurrent, 4, axis=1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(into) * tf.tanh(new)
        return place + 1, tf.sigmoid(out) * tf.tanh(cell), cell

    nothing = tf.zeros((windows.shape[0], units))
    # XLA can only differentiate a loop whose length it knows
    loop = tf.while_loop(
        lambda place, *_: place < length, step, (0, nothing, nothing), maximum_iterations=length
    )
    return (loop[1] @ dense)[:, 0] + offset[0]


@functools.lru_cache(maxsize=64)
def training(window: int, units: int, batch: int) -> Training:
    """A whole training, traced once for every slice of this architecture.

    It takes what `padded` gives, the learning rate and the first weights, and returns the last ones.
    """
    from runner.trainers.adam import adam_step
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()

    def train(series: Any, places: Any, steps: Any, rate: Any, *first_weights: Any) -> Any:
        reach = tf.range(window + 1)

        def step(place: Any, weights: Any, first: Any, second: Any) -> Any:
            chosen = places[place]
            counts = tf.cast(chosen >= 0, tf.float32)
            windows = tf.gather(series, tf.maximum(chosen, 0)[:, None] + reach)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                errors = forward(tf, windows[:, :window], weights) - windows[:, window]
                loss = tf.reduce_sum(counts * errors**2) / tf.reduce_sum(counts)
            gradients = tape.gradient(loss, list(weights))
            moments = (list(first), list(second))
            updated, moments = adam_step(tf, list(weights), gradients, moments, place, rate)
            return place + 1, tuple(updated), tuple(moments[0]), tuple(moments[1])

        zeros = tuple(tf.zeros_like(weight) for weight in first_weights)
        start = (0, tuple(first_weights), zeros, zeros)
        return tf.while_loop(lambda place, *_: place < steps, step, start)[1]

    signature = _signature(tf, units, batch)
    return Training(
        tf.function(train, jit_compile=True, input_signature=signature),
        tf.function(train, input_signature=signature),
        tf.errors.OpError,
    )


def _signature(tf: Any, units: int, batch: int) -> list[Any]:
    weights = [(1, 4 * units), (units, 4 * units), (4 * units,), (units, 1), (1,)]
    return [
        tf.TensorSpec((None,)),
        tf.TensorSpec((None, batch), tf.int32),
        tf.TensorSpec((), tf.int32),
        tf.TensorSpec(()),
        *[tf.TensorSpec(size) for size in weights],
    ]
