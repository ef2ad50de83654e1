"""ARIMA and seasonal ARIMA by exact maximum likelihood, fitted by statsmodels.

Source: Box, Jenkins, Reinsel & Ljung, Time Series Analysis (2015); Durbin & Koopman, Time Series
Analysis by State Space Methods (2012), chapter 4 for the filter. What is kept is the state space
form, the state after the last training value and the filter's gain: forecasts need nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.params import parameter
from runner.trainer import Dataset, State
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import training_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Params:
    """The orders of the model."""

    order: tuple[int, int, int] = parameter((1, 1, 1), "p,d,q")
    seasonal: tuple[int, int, int, int] | None = parameter(None, "P,D,Q,s; none: no seasonal part")

    def __post_init__(self) -> None:
        if min(self.order) < 0 or sum(self.order) == 0:
            raise ValueError(f"order is {self.order}; p, d and q are at least 0, and not all of them are")
        if self.seasonal is not None and (min(self.seasonal) < 0 or self.seasonal[3] < 2):
            raise ValueError(f"seasonal is {self.seasonal}; P, D and Q are at least 0, s is at least 2")


@dataclass(frozen=True, slots=True)
class Arima:
    """A state space model at the end of its training data, for values scaled by center and spread.

    value = center + spread·(design·state + intercept); state' = transition·state + gain·error.
    The gain is the one after the last training value, where it has converged in all but very
    short series.
    """

    name: str
    params: Floats
    design: Floats  # (m,)
    transition: Floats  # (m, m)
    gain: Floats  # (m,)
    start: Floats  # (m,) the state expected for the first value after training
    intercept: float
    center: float
    spread: float
    residuals: ResidualScale

    @property
    def model_used(self) -> str:
        """What was fitted."""
        return self.name

    @property
    def threshold(self) -> float:
        """Scores above it are anomalous."""
        return self.residuals.threshold

    def predict(self, steps: int) -> Floats:
        """Forecast the expected values, shape (steps,)."""
        import numpy as np

        return self._filter(np.full(steps, np.nan))

    def one_step(self, values: ArrayLike) -> Floats:
        """Forecast each value from those before it; a missing one teaches nothing."""
        import numpy as np

        return self._filter((np.asarray(values, dtype=np.float64) - self.center) / self.spread)

    def score(self, values: ArrayLike) -> Floats:
        """One-step errors in training residual sds."""
        return self.residuals.scores(values, self.one_step(values))

    def state(self) -> State:
        """Parameters, state and gain; the transition as its entries that are not 0."""
        import numpy as np

        rows, columns = np.nonzero(self.transition)
        return {
            "name": self.name,
            "params": self.params,
            "design": self.design,
            "transition": self.transition[rows, columns],
            "places": (rows * self.design.size + columns).astype(np.int16),
            "gain": self.gain,
            "start": self.start,
            "intercept": self.intercept,
            "center": self.center,
            "spread": self.spread,
            "sd": self.residuals.sd,
            "threshold": self.residuals.threshold,
        }

    def _filter(self, scaled: Floats) -> Floats:
        import numpy as np

        expected = np.empty(scaled.size)
        state = self.start
        for place, value in enumerate(scaled.tolist()):
            expected[place] = forecast = float(self.design @ state) + self.intercept
            state = self.transition @ state
            if value == value:  # not NaN
                state = state + self.gain * (value - forecast)
        return self.center + self.spread * expected


def train(dataset: Dataset, params: Params) -> Arima:
    """Fit by exact maximum likelihood; missing values are skipped by the filter."""
    import numpy as np

    values = training_values(dataset, at_least=_least(params), varying=True)
    center, spread = float(np.nanmean(values)), float(np.nanstd(values))
    model, fitted, filtered = _fit((values - center) / spread, params)
    ssm = model.ssm
    design, transition = (
        ssm["design"].reshape(1, -1)[0],
        ssm["transition"].reshape(len(ssm["transition"]), -1),
    )
    covariance = filtered.predicted_state_cov[:, :, -1]
    reach = covariance @ design
    errors = filtered.forecasts_error[0][max(1, model.loglikelihood_burn) :] * spread
    return Arima(
        name=_name(params),
        params=np.asarray(fitted, dtype=np.float64),
        design=np.array(design),
        transition=np.array(transition),
        gain=transition @ reach / max(float(design @ reach), np.finfo(float).tiny),
        start=np.array(filtered.predicted_state[:, -1]),
        intercept=float(np.ravel(ssm["obs_intercept"])[-1]),
        center=center,
        spread=spread,
        residuals=ResidualScale.of(errors),
    )


def restore(state: State) -> Arima:
    """The model whose `state` was saved."""
    import numpy as np

    size = state["design"].size
    transition = np.zeros(size * size)
    transition[state["places"]] = state["transition"]
    kept = {name: state[name] for name in ("name", "params", "design", "gain", "start", "intercept")}
    return Arima(
        **kept,
        transition=transition.reshape(size, size),
        center=state["center"],
        spread=state["spread"],
        residuals=ResidualScale(state["sd"], state["threshold"]),
    )


def _fit(values: Floats, params: Params) -> tuple[Any, Any, Any]:
    """The model, its parameters, and the filter's results at them."""
    from statsmodels.tsa.arima.model import ARIMA

    seasonal = params.seasonal or (0, 0, 0, 0)
    trend = "c" if params.order[1] == 0 and seasonal[1] == 0 else "n"
    model = ARIMA(values, order=params.order, seasonal_order=seasonal, trend=trend, concentrate_scale=True)
    fitted = model.fit(cov_type="none", low_memory=True, method_kwargs={"maxiter": 100})
    model.ssm.memory_conserve = 0  # one more pass, which keeps the errors, is cheaper than keeping all
    model.update(fitted.params)
    return model, fitted.params, model.ssm.filter()


def _least(params: Params) -> int:
    p, d, q = params.order
    least = p + d + q + 3
    if params.seasonal is not None:
        sp, sd, sq, s = params.seasonal
        least += s * (sp + sd + sq) + s
    return max(least, d + max(p, q + 1) + 3)


def _name(params: Params) -> str:
    order = ",".join(map(str, params.order))
    if params.seasonal is None:
        return f"ARIMA({order})"
    *inner, season = params.seasonal
    return f"ARIMA({order})({','.join(map(str, inner))}){season}"
