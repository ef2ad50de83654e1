"""The exact Gaussian likelihood of an ARIMA model of a series with gaps, by the Kalman filter.

Source: Durbin & Koopman, Time Series Analysis by State Space Methods (2012), section 4.10 for
missing values; the state is the ARMA model's expected values to come, followed by the last
values of the series itself, which the differences need. The filter starts after a run of known
values as long as those differences reach back, and takes that run as given. Without gaps this is
the likelihood of the differenced series. Variances are in units of the noise variance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.compiled import compiled
from runner.trainers.arma.covariances import stationary_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNCHANGED = 1e-11
"""A step of the covariance below it, relative to F: the gain is steady until the next gap."""


@compiled("float64[:, ::1](float64[::1], float64[::1], int64)")
def start_covariance(phi: Floats, theta: Floats, size: int) -> Floats:
    """The covariance of the expected values of a stationary series, in a matrix of `size` rows."""
    order = phi.size
    variance, gain = stationary_start(phi, theta)
    found = np.zeros((size, size))
    first = np.zeros(order + 1)
    first[0] = variance - 1.0
    for place in range(order - 1):
        first[place + 1] = gain[place] - phi[place] * variance - theta[place]
    for row in range(order - 1, -1, -1):
        for column in range(order - 1, -1, -1):
            total = phi[row] * phi[column] * first[0] + phi[row] * first[column + 1]
            total += phi[column] * first[row + 1]
            total += (phi[row] + theta[row]) * (phi[column] + theta[column])
            if row + 1 < order and column + 1 < order:
                total += found[row + 1, column + 1]
            found[row, column] = total
    return found


@compiled("float64(float64[::1], float64[::1], float64[::1], int64, float64[::1])")
def moved(values: Floats, phi: Floats, delta: Floats, size: int, into: Floats) -> float:
    """Write the state one step on without news, for its first `size` places; return what is expected."""
    order = phi.size
    first = values[0]
    expected = first
    for lag in range(order):
        into[lag] = (values[lag + 1] if lag + 1 < order else 0.0) + phi[lag] * first
    if size > order:
        for lag in range(delta.size):
            expected -= delta[lag] * values[order + lag]
        for lag in range(delta.size - 1, 0, -1):
            into[order + lag] = values[order + lag - 1]
        into[order] = expected
    return float(expected)


@compiled(
    "float64(float64[:, ::1], float64[::1], float64[::1], int64, float64[::1], float64[::1], float64[:, ::1])"
)
def spread(
    covariance: Floats, phi: Floats, delta: Floats, size: int, news: Floats, gain: Floats, room: Floats
) -> float:
    """Move the covariance one step on without an observation; return F, write the gain times F."""
    line = np.zeros(covariance.shape[0])
    for row in range(size):
        gain[row] = moved(covariance[row], phi, delta, size, room[row])
    # now room = P·A', and gain = P·Z'
    variance = 1.0 + moved(gain, phi, delta, size, line)
    for row in range(size):
        gain[row] = line[row] + news[row]
    for column in range(size):
        moved(room[:, column].copy(), phi, delta, size, line)
        for row in range(size):
            covariance[row, column] = line[row] + news[row] * news[column]
    return float(variance)


@compiled(
    "int64(float64[::1], float64[::1], float64[::1], float64[::1], int64, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def gap_filtered(
    phi: Floats,
    theta: Floats,
    delta: Floats,
    y: Floats,
    start: int,
    errors: Floats,
    scales: Floats,
    state: Floats,
) -> int:
    """Filter y from `start` on; return how many values are known there.

    Written: errors[0] of y, errors[1] of the series whose differences are ones, both NaN in gaps;
    their variances `scales`; and state (2, m + d), what is expected of the values to come and the
    last values, newest first. y[start − d : start] are known; values before count as nothing.
    """
    order, reach = phi.size, delta.size
    size = order + reach
    covariance = start_covariance(phi, theta, size)
    room, news, gain = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    news[:order] = phi + theta
    if reach > 0:
        news[order] = 1.0
    state[:] = 0.0
    for lag in range(reach):
        state[0, order + lag] = y[start - 1 - lag]
    ones, line = np.zeros(reach + 1), np.zeros(size)
    kept = np.full((size, size), np.inf)
    count, run, steady, variance = 0, reach, False, 1.0
    for time in range(start, y.size):
        whole = 1.0
        for lag in range(reach):
            whole -= delta[lag] * ones[lag]
        for lag in range(reach - 1, 0, -1):
            ones[lag] = ones[lag - 1]
        ones[0] = whole
        known = not np.isnan(y[time])
        active = order if run >= reach else size
        if not steady:
            if active < size:
                covariance[order:, :] = 0.0
                covariance[:, order:] = 0.0
            if not known:
                active = size
            variance = spread(covariance, phi, delta, active, news, gain, room)
            if known and active < size:
                gain[order] = variance  # the newest value itself
                gain[order + 1 :] = 0.0
        elif not known:
            variance = spread(covariance, phi, delta, size, news, gain, room)
        for row in range(2):
            expected = moved(state[row], phi, delta, size, line)
            errors[row, time] = np.nan
            if known:
                error = (y[time] if row == 0 else whole) - expected
                errors[row, time] = error
                for place in range(size):
                    line[place] += gain[place] * error / variance
            state[row] = line
        scales[time] = variance
        run = run + 1 if known else 0
        if not known:
            steady = False
            kept[:] = np.inf
            continue
        count += 1
        if not steady:
            change = 0.0
            for row in range(active):
                for column in range(active):
                    covariance[row, column] -= gain[row] * gain[column] / variance
                    change = max(change, abs(covariance[row, column] - kept[row, column]))
                    kept[row, column] = covariance[row, column]
            steady = active == order and change < UNCHANGED * variance
    return count
