"""LSTM forecaster: one layer over a sliding window, then a straight line to the next value.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; forget
bias 1 as Keras has it. One compiled graph serves every slice of the same architecture: it gets
fresh weights and the padded series, and the whole training happens inside it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import filled, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

CHUNK = 4_096
SETTLED = 1e-9
"""A recursive forecast that moves less than this over a whole window (in training sds) stays there."""


@dataclass(frozen=True, slots=True)
class Params:
    """The architecture and the training."""

    window: int = parameter(32, "values looked back at")
    units: int = parameter(16, "units of the layer")
    epochs: int = parameter(5, "passes over the training windows")
    batch: int = parameter(32, "windows in one step")
    learning_rate: float = parameter(0.001, "of the Adam optimiser")

    def __post_init__(self) -> None:
        if min(self.window, self.units, self.epochs, self.batch) < 1 or self.learning_rate <= 0:
            raise ValueError("window, units, epochs and batch are at least 1, learning_rate is above 0")


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights as Keras orders them: gates i, f, c, o side by side."""

    kernel: Floats  # (1, 4·units)
    recurrent: Floats  # (units, 4·units)
    bias: Floats  # (4·units,)
    dense: Floats  # (units, 1)
    offset: Floats  # (1,)

    def forward(self, windows: Floats) -> Floats:
        """The next value after each window, (n, window) → (n,)."""
        import numpy as np

        units = self.recurrent.shape[0]
        hidden = np.zeros((len(windows), units))
        cell = np.zeros((len(windows), units))
        inputs = windows[:, :, None] * self.kernel[0] + self.bias
        for step in range(windows.shape[1]):
            gates = inputs[:, step] + hidden @ self.recurrent
            squashed = 1.0 / (1.0 + np.exp(-gates))
            cell = squashed[:, units : 2 * units] * cell + squashed[:, :units] * np.tanh(
                gates[:, 2 * units : 3 * units]
            )
            hidden = squashed[:, 3 * units :] * np.tanh(cell)
        return np.asarray(hidden @ self.dense[:, 0] + self.offset[0])


@dataclass(frozen=True, slots=True)
class Lstm:
    """Trained weights, the end of the training data, and the scale of both."""

    weights: Weights
    last: Floats  # (window,) the end of the training data, scaled
    center: float
    spread: float
    residuals: ResidualScale

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"LSTM({self.weights.recurrent.shape[0]} units, window {self.last.size})"

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.residuals.threshold

    def predict(self, steps: int) -> Floats:
        """Forecast by feeding each forecast back, shape (steps,)."""
        import numpy as np

        window = self.last.size
        known = np.empty(window + steps)
        known[:window] = self.last
        still = 0
        for place in range(window, window + steps):
            known[place] = self.weights.forward(known[None, place - window : place])[0]
            still = still + 1 if abs(known[place] - known[place - 1]) < SETTLED else 0
            if still > window:
                known[place:] = known[place]
                break
        return self.center + self.spread * known[window:]

    def one_step(self, values: ArrayLike) -> Floats:
        """Forecast each value from those before it; gaps are bridged by straight lines."""
        import numpy as np

        scaled = (np.asarray(values, dtype=np.float64) - self.center) / self.spread
        known = np.concatenate([self.last, filled(scaled, before=float(self.last[-1]))])
        return self.center + self.spread * _rolled(self.weights, known, self.last.size)

    def score(self, values: ArrayLike) -> Floats:
        """One-step errors in training residual sds."""
        return self.residuals.scores(values, self.one_step(values))

    def state(self) -> State:
        """The weights in single precision, as they were trained, and the last values."""
        import numpy as np

        names = ("kernel", "recurrent", "bias", "dense", "offset")
        return {
            **{name: getattr(self.weights, name).astype(np.float32) for name in names},
            "last": self.last,
            "center": self.center,
            "spread": self.spread,
            "sd": self.residuals.sd,
            "threshold": self.residuals.threshold,
        }


def train(dataset: Dataset, params: Params) -> Lstm:
    """Train on every window of the scaled series; gaps are bridged by straight lines."""
    import numpy as np

    values = filled(training_values(dataset, at_least=params.window + 2, varying=True))
    center, spread = float(values.mean()), float(values.std())
    scaled = (values - center) / spread
    chance = np.random.default_rng(dataset.seed)
    weights = _trained(scaled, _initial(params.units, chance), params, chance)
    residuals = spread * (scaled[params.window :] - _rolled(weights, scaled, params.window))
    return Lstm(weights, scaled[-params.window :].copy(), center, spread, ResidualScale.of(residuals))


def restore(state: State) -> Lstm:
    """The model whose `state` was saved."""
    import numpy as np

    names = ("kernel", "recurrent", "bias", "dense", "offset")
    weights = Weights(**{name: state[name].astype(np.float64) for name in names})
    scale = ResidualScale(state["sd"], state["threshold"])
    return Lstm(weights, state["last"], state["center"], state["spread"], scale)


def _rolled(weights: Weights, known: Floats, window: int) -> Floats:
    """One-step forecasts of everything after the first window."""
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(known[:-1], window)
    parts = [weights.forward(windows[start : start + CHUNK]) for start in range(0, len(windows), CHUNK)]
    return np.concatenate(parts)


def _initial(units: int, chance: np.random.Generator) -> list[Any]:
    """Glorot uniform kernels, an orthogonal recurrent one, forget bias 1: what Keras starts with."""
    import numpy as np

    def glorot(rows: int, columns: int) -> Any:
        limit = np.sqrt(6.0 / (rows + columns))
        return chance.uniform(-limit, limit, (rows, columns)).astype(np.float32)

    q, r = np.linalg.qr(chance.standard_normal((4 * units, units)))
    bias = np.zeros(4 * units, np.float32)
    bias[units : 2 * units] = 1.0
    orthogonal = (q * np.sign(np.diag(r))).T.astype(np.float32)
    return [glorot(1, 4 * units), orthogonal, bias, glorot(units, 1), np.zeros(1, np.float32)]


def _trained(scaled: Floats, initial: list[Any], params: Params, chance: np.random.Generator) -> Weights:
    import numpy as np

    count = scaled.size - params.window
    batch = min(params.batch, count)
    steps_per_epoch = count // batch
    order = np.concatenate(
        [chance.permutation(count)[: steps_per_epoch * batch] for _ in range(params.epochs)]
    )
    length = 1 << max(6, (scaled.size - 1).bit_length())  # few lengths, so few compilations
    series = np.zeros(length, np.float32)
    series[: scaled.size] = scaled
    places = np.zeros((params.epochs * (length // batch + 1), batch), np.int32)
    steps = params.epochs * steps_per_epoch
    places[:steps] = order.reshape(steps, batch)
    graph = _graph(params.window, batch, params.learning_rate)
    found = graph(series, places, np.int32(steps), *initial)
    return Weights(*(np.asarray(each, dtype=np.float64) for each in found))


@functools.cache
def _graph(window: int, batch: int, rate: float) -> Any:
    """A training as one compiled function; XLA where it works, plain TensorFlow elsewhere."""
    from runner.trainers.adam import adam_step
    from runner.trainers.tensorflow import tensorflow

    tf = tensorflow()

    def forward(windows: Any, weights: list[Any]) -> Any:
        kernel, recurrent, bias, dense, offset = weights
        units = recurrent.shape[0]
        inputs = tf.transpose(windows)[:, :, None] * kernel[0] + bias

        def step(place: Any, hidden: Any, cell: Any) -> Any:
            into, forget, new, out = tf.split(inputs[place] + hidden @ recurrent, 4, axis=1)
            cell = tf.sigmoid(forget) * cell + tf.sigmoid(into) * tf.tanh(new)
            return place + 1, tf.sigmoid(out) * tf.tanh(cell), cell

        nothing = tf.zeros((batch, units))
        _, hidden, _ = tf.while_loop(
            lambda place, *_: place < window, step, (0, nothing, nothing), maximum_iterations=window
        )
        return (hidden @ dense)[:, 0] + offset[0]

    def train(series: Any, places: Any, steps: Any, *initial: Any) -> Any:
        reach = tf.range(window + 1)

        def step(place: Any, weights: Any, first: Any, second: Any) -> Any:
            windows = tf.gather(series, places[place][:, None] + reach)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = tf.reduce_mean((forward(windows[:, :window], list(weights)) - windows[:, window]) ** 2)
            gradients = tape.gradient(loss, list(weights))
            updated, moments = adam_step(
                tf, list(weights), gradients, (list(first), list(second)), place, rate
            )
            return place + 1, tuple(updated), tuple(moments[0]), tuple(moments[1])

        zeros = tuple(tf.zeros_like(weight) for weight in initial)
        return tf.while_loop(lambda place, *_: place < steps, step, (0, tuple(initial), zeros, zeros))[1]

    compiled = tf.function(train, jit_compile=True)
    plain = tf.function(train)

    def run(series: Any, places: Any, steps: Any, *initial: Any) -> Any:
        given = [tf.constant(value) for value in (series, places, steps, *initial)]
        try:
            return compiled(*given)
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError, tf.errors.InternalError):
            return plain(*given)  # XLA cannot be used here

    return run
