"""The seasonal naive forecast: every value is the one a season ago. The baseline of all others.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.trainer import Dataset, State
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import filled, require_length, training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Params:
    """It has none but `period`, which every trainer has."""


@dataclass(frozen=True, slots=True)
class SeasonalNaive:
    """The last season of the training data."""

    season: Floats
    residuals: ResidualScale

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return f"seasonal naive({self.season.size})"

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.residuals.threshold

    def predict(self, steps: int) -> Floats:
        """Repeat the last season, shape (steps,)."""
        import numpy as np

        return np.resize(self.season, steps)

    def one_step(self, values: ArrayLike) -> Floats:
        """The value a season before each; a missing one stands for its own forecast."""
        import numpy as np

        given = np.asarray(values, dtype=np.float64)
        period = self.season.size
        known = np.concatenate([self.season, given])
        for start in range(period, known.size, period):  # a season at a time: gaps take the one before
            part = known[start : start + period]
            before = known[start - period : start - period + part.size]
            known[start : start + period] = np.where(np.isnan(part), before, part)
        return known[: given.size]

    def score(self, values: ArrayLike) -> Floats:
        """One-step errors in training residual sds."""
        return self.residuals.scores(values, self.one_step(values))

    def continued(self, values: Floats, rows: int | None) -> SeasonalNaive:
        """The last season of `values`, with the scale as it is."""
        del rows
        require_length(values, self.season.size)
        return replace(self, season=filled(values)[-self.season.size :].copy())

    def state(self) -> State:
        """The last season and the scale of the residuals."""
        return {"season": self.season, "sd": self.residuals.sd, "threshold": self.residuals.threshold}


def train(dataset: Dataset, params: Params) -> SeasonalNaive:
    """Keep the last season; with less than one, the last value. Gaps are bridged by straight lines."""
    del params
    values = filled(training_values(dataset, at_least=1, varying=False))
    period = dataset.period if values.size >= dataset.period else 1
    residuals = ResidualScale.of(values[period:] - values[:-period])
    return SeasonalNaive(values[-period:].copy(), residuals)


def restore(state: State) -> SeasonalNaive:
    """The model whose `state` was saved."""
    return SeasonalNaive(state["season"], ResidualScale(state["sd"], state["threshold"]))
