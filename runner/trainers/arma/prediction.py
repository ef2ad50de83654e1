"""What a fitted model says of the values to come.

The state is what is expected of each of the next values apart from what will have been known by
then: forecast = intercept + state[0]; state' = state shifted + phi·value + theta·error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.compiled import compiled
from runner.trainers.series import filled

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


def caught_up(phi: Floats, theta: Floats, intercept: float, values: Floats) -> Floats:
    """The state after `values` (n,), NaN in gaps; n is more than the number of lags.

    The first values, as many as there are lags, are taken as given, and the errors they came with as
    those that are most likely in view of the others: near a unit root of the moving average what is
    assumed of them is never forgotten (Box, Jenkins, Reinsel & Ljung, section 7.1.4).
    """
    size = phi.size
    first, rest = filled(values)[:size], np.ascontiguousarray(values[size:])
    surprises = np.zeros(size)
    reach = int(np.flatnonzero(theta)[-1]) + 1 if theta.any() else 0
    if reach:
        found = one_step(phi, theta, _after(first, surprises, phi, theta), intercept, rest)
        surprises[size - reach :] = _likeliest(np.nan_to_num(rest - found), rest, phi, theta, reach)[::-1]
    found = one_step(phi, theta, _after(first, surprises, phi, theta), intercept, rest)
    known = np.where(np.isnan(rest), found, rest)
    everything = np.concatenate([first, known])
    return _after(everything, np.concatenate([surprises, known - found]), phi, theta)


def _likeliest(errors: Floats, values: Floats, phi: Floats, theta: Floats, reach: int) -> Floats:
    """The `reach` errors before `values`, newest first, that make the sum of all squares least.

    `errors` (n,) are those that follow where they are 0; each of them adds what follows from itself.
    """
    nothing = np.where(np.isnan(values), np.nan, 0.0)
    effects = np.empty((values.size, reach))
    for lag in range(reach):
        start = np.zeros(phi.size)
        start[: phi.size - lag] = theta[lag:]
        effects[:, lag] = one_step(phi, theta, start, 0.0, nothing)
    effects[np.isnan(nothing)] = 0.0
    return np.asarray(np.linalg.solve(effects.T @ effects + np.eye(reach), effects.T @ errors))


def _after(values: Floats, errors: Floats, phi: Floats, theta: Floats) -> Floats:
    """The state after `values` with these one-step errors; there are at least as many as lags."""
    state: Floats = np.zeros(phi.size)
    newest, surprises = values[::-1], errors[::-1]
    for lag in np.flatnonzero((phi != 0) | (theta != 0)).tolist():
        state[: lag + 1] += phi[lag] * newest[lag::-1] + theta[lag] * surprises[lag::-1]
    return state
