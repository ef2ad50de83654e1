"""Autoregression by least squares.

Source: Hamilton, Time Series Analysis (1994), section 5.2 (conditional maximum likelihood of an
AR process is least squares); statsmodels' AutoReg is the oracle of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import filled, require_length, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

DEFAULT_LAGS = 24


@dataclass(frozen=True, slots=True)
class Params:
    """How far back it looks."""

    lags: int | None = parameter(None, "values looked back at; none: 24, or a tenth of a short series")

    def __post_init__(self) -> None:
        if self.lags is not None and self.lags < 1:
            raise ValueError(f"lags is {self.lags}; it is at least 1")


@dataclass(frozen=True, slots=True)
class AutoReg:
    """y[t] = constant + Σ weights[k]·y[t−1−k]."""

    constant: float
    weights: Floats  # (lags,), the nearest first
    last: Floats  # (lags,) the end of the training data, the newest first
    residuals: ResidualScale

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"AR({self.weights.size})"

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.residuals.threshold

    def predict(self, steps: int) -> Floats:
        """Forecast by feeding each forecast back, shape (steps,)."""
        import numpy as np

        lags = self.weights.size
        known = np.empty(lags + steps)
        known[:lags] = self.last[::-1]
        backwards = self.weights[::-1].copy()
        for step in range(lags, lags + steps):
            known[step] = self.constant + backwards @ known[step - lags : step]
        return known[lags:]

    def one_step(self, values: ArrayLike) -> Floats:
        """Forecast each value from those before it; gaps are bridged by straight lines."""
        import numpy as np

        given = filled(values, before=float(self.last[0]))
        known = np.concatenate([self.last[::-1], given])
        return _fitted(known, self.constant, self.weights)

    def score(self, values: ArrayLike) -> Floats:
        """One-step errors in training residual sds."""
        return self.residuals.scores(values, self.one_step(values))

    def continued(self, values: Floats, rows: int | None) -> AutoReg:
        """The weights as they are, after the last of `values`."""
        del rows
        require_length(values, self.weights.size)
        return replace(self, last=filled(values)[-self.weights.size :][::-1].copy())

    def state(self) -> State:
        """The weights and the last values."""
        return {
            "constant": self.constant,
            "weights": self.weights,
            "last": self.last,
            "sd": self.residuals.sd,
            "threshold": self.residuals.threshold,
        }


def train(dataset: Dataset, params: Params) -> AutoReg:
    """Fit by least squares, by its normal equations, over the rows whose lags are all known.

    A fit that would explode has its weights shrunk (weights[k]·r^(k+1)) until its largest root is
    inside the unit circle.
    """
    import numpy as np

    needed = 3 if params.lags is None else 2 * params.lags + 2
    values = training_values(dataset, at_least=needed, varying=True)
    lags = params.lags or max(1, min(DEFAULT_LAGS, values.size // 10))
    center, spread = float(np.nanmean(values)), float(np.nanstd(values))
    scaled = (values - center) / spread
    products, sums, count = _moments(scaled, lags)
    if count < lags + 2:
        products, sums, count = _moments(filled(scaled), lags)
    weights = _stable(_solved(products - np.outer(sums, sums) / count))
    offset = float(sums[0] - weights @ sums[1:]) / count
    constant = center * (1 - float(weights.sum())) + spread * offset
    known = filled(values)
    residuals = known[lags:] - _fitted(known, constant, weights)
    return AutoReg(constant, weights, known[-lags:][::-1].copy(), ResidualScale.of(residuals))


def restore(state: State) -> AutoReg:
    """The model whose `state` was saved."""
    scale = ResidualScale(state["sd"], state["threshold"])
    return AutoReg(state["constant"], state["weights"], state["last"], scale)


def _moments(values: Floats, lags: int) -> tuple[Floats, Floats, int]:
    """Over the rows where a value and its lags are all known: the sums of products of the value and
    each lag (lags + 1, lags + 1), the sums (lags + 1,), and the number of rows.

    A product's sum differs from the one before it on its diagonal by the first and last term only.
    """
    import numpy as np

    windows = np.lib.stride_tricks.sliding_window_view(values, lags + 1)
    known = ~np.isnan(values)
    if not known.all():
        rows = windows[np.lib.stride_tricks.sliding_window_view(known, lags + 1).all(axis=1)][:, ::-1]
        return rows.T @ rows, rows.sum(axis=0), len(rows)
    count = len(windows)
    products = np.zeros((lags + 1, 2 * lags + 2))
    early, late = values[:lags][::-1], values[count:][::-1]
    gained = np.zeros((lags, 2 * lags))
    gained[:, :lags] = np.outer(early, early) - np.outer(late, late)
    first = np.correlate(values, values[lags:], "valid")[::-1]
    diagonals = _diagonals(products)
    diagonals[0] = first
    diagonals[1:, :lags] = first[:lags] + np.cumsum(_diagonals(gained), axis=0)
    upper = np.triu(products[:, : lags + 1])
    sums = values.sum() - np.concatenate([[early.sum()], early.sum() - np.cumsum(early)])
    sums -= np.concatenate([[0.0], np.cumsum(late)])
    return upper + np.triu(upper, 1).T, sums, count


def _diagonals(matrix: Floats) -> Floats:
    """A view of a square matrix, with as many columns again beside it, whose column k is diagonal k."""
    import numpy as np

    row, column = matrix.strides
    return np.lib.stride_tricks.as_strided(matrix, (len(matrix),) * 2, (row + column, column))


def _solved(products: Floats) -> Floats:
    """The weights of least squares; the smallest ones where the lags depend on each other."""
    import numpy as np

    matrix, right = products[1:, 1:], products[1:, 0]
    values, vectors = np.linalg.eigh(matrix)
    kept = values > values[-1] * 1e-12
    weights: Floats = vectors[:, kept] @ ((vectors[:, kept].T @ right) / values[kept])
    return weights


def _fitted(known: Floats, constant: float, weights: Floats) -> Floats:
    import numpy as np

    fitted: Floats = constant + np.convolve(known[:-1], weights, "valid")
    return fitted


def _stable(weights: Floats) -> Floats:
    import numpy as np

    if _is_stationary(weights):
        return weights
    companion = np.eye(weights.size, k=-1)
    companion[0] = weights
    root = float(np.abs(np.linalg.eigvals(companion)).max())
    if root <= 1.0 + 1e-9:  # rounding
        return weights
    shrunk: Floats = weights * (0.999 / root) ** np.arange(1, weights.size + 1)
    return shrunk


def _is_stationary(weights: Floats) -> bool:
    """Whether all partial autocorrelations are below 1 (Levinson's recursion backwards)."""
    while weights.size:
        partial = float(weights[-1])
        if abs(partial) >= 1.0:
            return False
        weights = (weights[:-1] + partial * weights[-2::-1]) / (1.0 - partial * partial)
    return True
