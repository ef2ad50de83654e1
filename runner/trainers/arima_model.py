"""A fitted ARIMA model, by itself: what it needs to go on from the end of its training data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING

from runner.errors import UnfitDataError
from runner.trainer import State
from runner.trainers.residuals import ResidualScale
from runner.trainers.series import require_length

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cycles:
    """A sum of waves: what a time of day or a day of week adds."""

    frequencies: Floats  # (k,) turns per row
    weights: Floats  # (2k,) of their cosines, then of their sines
    length: int  # rows of the training data: the place of the next row

    def at(self, first: int, count: int) -> Floats:
        """What they add to `count` rows, of which the first is `first` rows after training."""
        return waves(self.frequencies, self.length + first, count) @ self.weights


@dataclass(frozen=True, slots=True)
class Arima:
    """value = center + spread·(cycles + x); x[t] = intercept + Σ phi·x[t−i] + e[t] + Σ theta·e[t−i].

    `start` is what is expected of each of the next rows apart from what will be known by then.
    """

    name: str
    orders: tuple[int, ...]  # p, d, q, P, D, Q, s, and 1 with a constant
    factors: Floats  # coefficients: AR, MA, seasonal AR, seasonal MA
    phi: Floats  # (m,) of all AR factors and differences multiplied out
    theta: Floats  # (m,) of both MA factors multiplied out
    start: Floats  # (m,)
    intercept: float
    deviation: float  # the standard deviation of e
    center: float
    spread: float
    residuals: ResidualScale
    cycles: Cycles | None = None

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

        return self.one_step(np.full(steps, np.nan))

    def one_step(self, values: ArrayLike) -> Floats:
        """Forecast each value from those before it; a missing one teaches nothing."""
        import numpy as np

        from runner.trainers.arma.prediction import one_step

        scaled = (np.asarray(values, dtype=np.float64) - self.center) / self.spread
        season = self.cycles.at(0, scaled.size) if self.cycles else np.zeros(scaled.size)
        found = one_step(self.phi, self.theta, self.start, self.intercept, scaled - season)
        expected: Floats = self.center + self.spread * (season + found)
        return expected

    def interval(self, steps: int, level: float = 0.95) -> Floats:
        """The lowest and highest values expected with probability `level`, shape (steps, 2).

        Normal errors; as usual, that the parameters are estimates is not counted in.
        """
        import numpy as np

        from runner.trainers.arma.covariances import psi_weights

        weights = psi_weights(self.phi, self.theta, steps)
        errors = self.spread * self.deviation * np.sqrt(np.cumsum(weights**2))
        reach = NormalDist().inv_cdf(0.5 + level / 2) * errors
        expected = self.predict(steps)
        return np.column_stack([expected - reach, expected + reach])

    def score(self, values: ArrayLike) -> Floats:
        """One-step errors in training residual sds."""
        return self.residuals.scores(values, self.one_step(values))

    def continued(self, values: Floats, rows: int | None) -> Arima:
        """The coefficients as they are, after `values`; the waves stay where they are in time."""
        import numpy as np

        from runner.trainers.arma.fit import NoRunError, caught_up
        from runner.trainers.arma.orders import Orders

        known, cycles = (values - self.center) / self.spread, self.cycles
        require_length(known, self.start.size + 1)
        if cycles is not None:
            if rows is None:
                raise UnfitDataError("the rows between the training data cannot be counted without times")
            cycles = replace(cycles, length=cycles.length + rows)
            known = known - cycles.at(-known.size, known.size)
        known = known[np.argmax(~np.isnan(known)) :]
        try:
            start = caught_up(known, Orders.of(self.orders), self.factors, self.intercept)
        except NoRunError:
            raise UnfitDataError("no part of the training data is long enough without gaps") from None
        return replace(self, start=start, cycles=cycles)

    def state(self) -> State:
        """The coefficients that are not 0, and the state."""
        import numpy as np

        phi_lags, theta_lags = np.flatnonzero(self.phi), np.flatnonzero(self.theta)
        state: State = {
            "name": self.name,
            "orders": list(self.orders),
            "factors": self.factors,
            "phi": self.phi[phi_lags],
            "phi_lags": phi_lags.astype(np.int32),
            "theta": self.theta[theta_lags],
            "theta_lags": theta_lags.astype(np.int32),
            "start": self.start,
            "intercept": self.intercept,
            "deviation": self.deviation,
            "center": self.center,
            "spread": self.spread,
            "sd": self.residuals.sd,
            "threshold": self.residuals.threshold,
        }
        if self.cycles:
            state["frequencies"] = self.cycles.frequencies
            state["weights"] = self.cycles.weights
            state["length"] = self.cycles.length
        return state


def waves(frequencies: Floats, first: int, count: int) -> Floats:
    """Cosines and then sines of the rows from `first` on, shape (count, 2·frequencies)."""
    import numpy as np

    turns = 2 * np.pi * (np.outer(np.arange(first, first + count), frequencies) % 1.0)
    return np.hstack([np.cos(turns), np.sin(turns)])


def restore(state: State) -> Arima:
    """The model whose `state` was saved."""
    import numpy as np

    phi, theta = np.zeros(state["start"].size), np.zeros(state["start"].size)
    phi[state["phi_lags"]] = state["phi"]
    theta[state["theta_lags"]] = state["theta"]
    names = ("name", "factors", "intercept", "deviation", "center", "spread")
    cycles = None
    if "frequencies" in state:
        cycles = Cycles(state["frequencies"], state["weights"], state["length"])
    return Arima(
        **{name: state[name] for name in names},
        orders=tuple(state["orders"]),
        phi=phi,
        theta=theta,
        start=np.array(state["start"]),  # what is read from a file cannot be written to
        residuals=ResidualScale(state["sd"], state["threshold"]),
        cycles=cycles,
    )
