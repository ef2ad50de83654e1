"""Moments of a stationary ARMA process with noise of variance 1.

Source: Box, Jenkins, Reinsel & Ljung, Time Series Analysis (2015), chapter 3; Levinson's recursion
run backwards gives the partial autocorrelations of an AR polynomial, and forwards its covariances,
in as many steps as its order squared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@compiled("float64[::1](float64[::1], float64[::1], int64)")
def psi_weights(phi: Floats, theta: Floats, count: int) -> Floats:
    """The first `count` weights of w[t] = Σ psi[k]·e[t−k]."""
    found = np.zeros(count)
    for place in range(count):
        total = 1.0 if place == 0 else 0.0
        if 0 < place <= theta.size:
            total = theta[place - 1]
        for lag in range(min(place, phi.size)):
            total += phi[lag] * found[place - 1 - lag]
        found[place] = total
    return found


@compiled("float64[::1](float64[::1], int64)")
def ar_covariances(phi: Floats, most: int) -> Floats:
    """Autocovariances at lags 0 to `most` of the AR process, by Levinson's recursion run both ways."""
    order = phi.size
    while order > 0 and phi[order - 1] == 0.0:
        order -= 1
    rows = np.zeros((order + 1, max(order, 1)))
    rows[order, :order] = phi[:order]
    variance = 1.0
    for size in range(order, 0, -1):
        partial = rows[size, size - 1]
        left = 1.0 - partial * partial
        variance /= left
        for lag in range(size - 1):
            rows[size - 1, lag] = (rows[size, lag] + partial * rows[size, size - 2 - lag]) / left
    found = np.zeros(most + 1)
    found[0] = variance
    left = variance
    for lag in range(1, most + 1):
        size = min(lag, order + 1) - 1
        total = 0.0
        for back in range(size):
            total += rows[size, back] * found[lag - 1 - back]
        if lag <= order:
            partial = rows[lag, lag - 1]
            total += partial * left
            left *= 1.0 - partial * partial
        found[lag] = total
    return found


@compiled("Tuple((float64, float64[::1]))(float64[::1], float64[::1])")
def stationary_start(phi: Floats, theta: Floats) -> Any:
    """The variance of w, and the covariance of the state expected next with w."""
    size = phi.size
    squares = np.zeros(size + 1)  # Σ theta[j]·theta[j + lag], theta of lag 0 being 1
    for lag in range(size + 1):
        total = theta[lag - 1] if lag > 0 else 1.0
        for back in range(size - lag):
            total += theta[back] * theta[back + lag]
        squares[lag] = total
    of_ar = ar_covariances(phi, 2 * size)
    covariance = np.zeros(size + 1)
    for lag in range(size + 1):
        total = squares[0] * of_ar[lag]
        for shift in range(1, size + 1):
            if squares[shift] != 0.0:
                total += squares[shift] * (of_ar[lag + shift] + of_ar[abs(lag - shift)])
        covariance[lag] = total
    weights = psi_weights(phi, theta, size)
    gain = np.zeros(size)
    for place in range(size):
        total = 0.0
        for lag in range(place, size):
            total += phi[lag] * covariance[lag - place] + theta[lag] * weights[lag - place]
        gain[place] = total
    return covariance[0], gain
