"""What a fitted model says of the values to come.

The state is what is expected of each of the next values apart from what will have been known by
then: forecast = intercept + state[0]; state' = state shifted + phi·value + theta·error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@compiled("float64[::1](float64[::1], float64[::1], float64[::1], float64, float64[::1])")
def one_step(phi: Floats, theta: Floats, start: Floats, intercept: float, values: Floats) -> Floats:
    """Forecast each of `values` from those before it; a missing one stands for its own forecast."""
    state = start.copy()
    size = state.size
    found = np.empty(values.size)
    for time in range(values.size):
        forecast = intercept + state[0]
        found[time] = forecast
        value, error = forecast, 0.0
        if not np.isnan(values[time]):
            value, error = values[time], values[time] - forecast
        for lag in range(size - 1):
            state[lag] = state[lag + 1] + phi[lag] * value + theta[lag] * error
        state[size - 1] = phi[size - 1] * value + theta[size - 1] * error
    return found


def state_of(forecasts: Floats, phi: Floats, intercept: float) -> Floats:
    """The state from which a model makes these forecasts, as many as phi has lags."""
    state = forecasts - intercept
    for lag in np.flatnonzero(phi).tolist():
        state[lag + 1 :] -= phi[lag] * forecasts[: forecasts.size - 1 - lag]
    return state
