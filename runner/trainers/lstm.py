"""LSTM forecaster: one layer over a sliding window, then a straight line to the next value.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997; forget
bias 1 as Keras has it. One compiled graph (`runner.trainers.lstm_graph`) serves every slice of the
same architecture, with fresh weights for each. Forecasting needs numpy alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.adam import require_finite
from runner.trainers.batches import PATIENCE, batches
from runner.trainers.lstm_graph import filled_up, initial, training
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import filled, require_length, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

CHUNK = 4_096
SETTLED = 1e-9
"""A recursive forecast that moves less than this over a whole window (in training sds) stays there."""

NAMES = ("kernel", "recurrent", "bias", "dense", "offset")


@dataclass(frozen=True, slots=True)
class Params:
    """The architecture and the training."""

    window: int = parameter(32, "values looked back at")
    units: int = parameter(16, "units of the layer")
    epochs: int = parameter(5, "passes over the training windows, at most")
    batch: int = parameter(32, "windows in one step")
    learning_rate: float = parameter(0.001, "of the Adam optimiser")
    patience: int = parameter(0, PATIENCE)

    def __post_init__(self) -> None:
        sizes = (self.window, self.units, self.epochs, self.batch)
        if min(sizes) < 1 or not 0 < self.learning_rate < math.inf or self.patience < 0:
            raise ValueError(
                "window, units, epochs and batch are at least 1, learning_rate is above 0, "
                "patience is at least 0"
            )


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
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: one call for all four gates, and nothing overflows
        halved = np.repeat([0.5, 0.5, 1.0, 0.5], units)
        kernel, recurrent, bias = self.kernel[0] * halved, self.recurrent * halved, self.bias * halved
        hidden, cell = np.zeros((2, len(windows), units))
        for step in range(windows.shape[1]):
            gates = np.tanh(windows[:, step, None] * kernel + bias + hidden @ recurrent)
            into, forget, new, out = (gates[:, place * units : (place + 1) * units] for place in range(4))
            cell = 0.5 * ((1.0 + forget) * cell + (1.0 + into) * new)
            hidden = 0.5 * (1.0 + out) * np.tanh(cell)
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

    def continued(self, values: Floats, rows: int | None) -> Lstm:
        """The weights and the scale as they are, after the last of `values`."""
        del rows
        require_length(values, self.last.size)
        return replace(self, last=(filled(values)[-self.last.size :] - self.center) / self.spread)

    def state(self) -> State:
        """The weights in single precision, as they were trained, and the last values."""
        import numpy as np

        return {
            **{name: getattr(self.weights, name).astype(np.float32) for name in NAMES},
            "last": self.last,
            "center": self.center,
            "spread": self.spread,
            "sd": self.residuals.sd,
            "threshold": self.residuals.threshold,
        }


def train(dataset: Dataset, params: Params) -> Lstm:
    """Train on every window of the scaled series; gaps are bridged by straight lines.

    Raises ConstantDataError, NoDataError, TooShortError with fewer than window + 2 known values, and
    DivergedError.
    """
    import numpy as np

    values = filled(training_values(dataset, at_least=params.window + 2, varying=True))
    center, spread = float(values.mean()), float(values.std())
    scaled = (values - center) / spread
    chance = np.random.default_rng(dataset.seed)
    weights = _trained(scaled, params, chance)
    residuals = spread * (scaled[params.window :] - _rolled(weights, scaled, params.window))
    return Lstm(weights, scaled[-params.window :].copy(), center, spread, ResidualScale.of(residuals))


def restore(state: State) -> Lstm:
    """The model whose `state` was saved; it forecasts without TensorFlow."""
    import numpy as np

    weights = Weights(**{name: np.asarray(state[name], dtype=np.float64) for name in NAMES})
    scale = ResidualScale(state["sd"], state["threshold"])
    return Lstm(weights, state["last"], state["center"], state["spread"], scale)


def _rolled(weights: Weights, known: Floats, window: int) -> Floats:
    """One-step forecasts of everything after the first window."""
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(known[:-1], window)
    parts = [weights.forward(windows[start : start + CHUNK]) for start in range(0, len(windows), CHUNK)]
    return np.concatenate(parts)


def _trained(scaled: Floats, params: Params, chance: np.random.Generator) -> Weights:
    import numpy as np

    first = initial(params.units, chance)
    series = filled_up(scaled)
    sizes = (params.epochs, params.batch, params.patience)
    plan = batches(scaled.size - params.window, series.size, *sizes, chance)
    graph = training(params.window, params.units, params.batch)
    rate = np.float32(params.learning_rate)
    found = graph(plan.limits, plan.places, plan.held, series, rate, *first)
    return Weights(*(each.astype(np.float64) for each in require_finite(found, params.learning_rate)))
