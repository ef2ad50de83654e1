"""The training of an LSTM layer inside one TensorFlow graph.

A new Keras model per slice costs fifteen times as much and 11 MB that are never given back.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from runner.trainers.batches import room
from runner.trainers.epochs import run_epochs
from runner.trainers.xla import Training

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Single = NDArray[np.float32]


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


def filled_up(scaled: NDArray[np.float64]) -> Single:
    """The series with zeros after it, as long as its `room`."""
    import numpy as np

    series = np.zeros(room(scaled.size), np.float32)
    series[: scaled.size] = scaled
    return series


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

    It takes what `batches` and `filled_up` give, the learning rate and the first weights, and returns
    the last ones or the best.
    """
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()

    def train(limits: Any, places: Any, held: Any, series: Any, rate: Any, *initial: Any) -> Any:
        reach = tf.range(window + 1)

        def squared(chosen: Any, weights: Any) -> tuple[Any, Any]:
            counts = tf.cast(chosen >= 0, tf.float32)
            windows = tf.gather(series, tf.maximum(chosen, 0)[:, None] + reach)
            errors = forward(tf, windows[:, :window], weights) - windows[:, window]
            return tf.reduce_sum(counts * errors**2), tf.reduce_sum(counts)

        def loss(place: Any, weights: Any) -> Any:
            total, count = squared(places[place], weights)
            return total / count

        def held_loss(place: Any, weights: Any) -> Any:
            return squared(held[place], weights)[0]

        return run_epochs(tf, loss, held_loss, limits, lambda _: rate, initial)

    signature = _signature(tf, units, batch)
    compiled = tf.function(train, jit_compile=True, input_signature=signature)
    return Training("lstm", compiled, tf.function(train, input_signature=signature), tf.errors.OpError)


def _signature(tf: Any, units: int, batch: int) -> list[Any]:
    weights = [(1, 4 * units), (units, 4 * units), (4 * units,), (units, 1), (1,)]
    return [
        tf.TensorSpec((4,), tf.int32),
        tf.TensorSpec((None, batch), tf.int32),
        tf.TensorSpec((None, batch), tf.int32),
        tf.TensorSpec((None,)),
        tf.TensorSpec(()),
        *[tf.TensorSpec(size) for size in weights],
    ]
