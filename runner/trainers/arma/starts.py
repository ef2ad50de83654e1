"""Where the search for the best parameters begins.

Source: Hannan & Rissanen, "Recursive estimation of mixed autoregressive-moving average order",
Biometrika 69 (1982): a long autoregression gives the noise, then the model is a regression on past
values and past noise. A cycle of known period is a pair of AR roots near the unit circle, damped
by a pair of MA roots: no method of moments finds it among noise, so it is a start of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.polynomials import unconstrained
from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MOST = 0.999
"""Partial autocorrelations of a start stay within it."""


@compiled("void(float64[:, ::1], float64[::1])")
def solve(matrix: Floats, right: Floats) -> None:
    """Solve a positive definite system in place by Cholesky; a direction without weight gets 0."""
    size = right.size
    for column in range(size):
        scale = matrix[column, column]
        for row in range(column, size):
            total = matrix[row, column]
            for before in range(column):
                total -= matrix[row, before] * matrix[column, before]
            matrix[row, column] = total
        pivot = matrix[column, column]
        pivot = np.sqrt(pivot) if pivot > 1e-12 * scale else np.inf
        for row in range(column + 1, size):
            matrix[row, column] /= pivot
        matrix[column, column] = pivot
    for row in range(size):
        for before in range(row):
            right[row] -= matrix[row, before] * right[before]
        right[row] /= matrix[row, row]
    for row in range(size - 1, -1, -1):
        for after in range(row + 1, size):
            right[row] -= matrix[after, row] * right[after]
        right[row] /= matrix[row, row]


@compiled("float64[::1](float64[::1], int64)")
def long_autoregression(w: Floats, lags: int) -> Floats:
    """The errors of an AR model by Yule-Walker; the first ones are w itself."""
    covariance = np.zeros(lags + 1)
    for lag in range(lags + 1):
        total = 0.0
        for time in range(lag, w.size):
            total += w[time] * w[time - lag]
        covariance[lag] = total
    phi, before = np.zeros(lags), np.zeros(lags)
    left = covariance[0]
    for order in range(lags):
        if not left > 1e-10 * covariance[0]:
            break
        partial = covariance[order + 1]
        for lag in range(order):
            partial -= before[lag] * covariance[order - lag]
        partial /= left
        for lag in range(order):
            phi[lag] = before[lag] - partial * before[order - 1 - lag]
        phi[order] = partial
        before[: order + 1] = phi[: order + 1]
        left *= 1.0 - partial * partial
    errors = w.copy()
    for lag in range(lags):
        for time in range(lags, w.size):
            errors[time] -= phi[lag] * w[time - 1 - lag]
    return errors


@compiled("float64[::1](float64[::1], int64[::1], int64)")
def hannan_rissanen(w: Floats, shape: Ints, lags: int) -> Floats:
    """The factors' coefficients by a regression on past values and past errors; w has mean 0."""
    p, q, seasonal_p, seasonal_q, season = shape
    errors = long_autoregression(w, lags)
    size = p + q + seasonal_p + seasonal_q
    rows = np.zeros((size, w.size))
    start = lags
    place = 0
    for factor in range(4):
        past = w if factor % 2 == 0 else errors
        for count in range(shape[factor]):
            lag = count + 1 if factor < 2 else (count + 1) * season
            start = max(start, lag + (lags if factor % 2 else 0))
            rows[place, lag:] = past[: w.size - lag]
            place += 1
    matrix, right = np.zeros((size, size)), np.zeros(size)
    for one in range(size):
        for time in range(start, w.size):
            right[one] += rows[one, time] * w[time]
        for other in range(one + 1):
            total = 0.0
            for time in range(start, w.size):
                total += rows[one, time] * rows[other, time]
            matrix[one, other] = total
            matrix[other, one] = total
    solve(matrix, right)
    return right


def starts(w: Floats, shape: Ints, period: int) -> Floats:
    """Unconstrained parameters to start from, shape (starts, parameters); w has mean 0 and no gaps.

    The cycle comes first where a model can have one: it is the best start of most seasonal series,
    and others that stay far below it are given up soon.
    """
    p, q, seasonal_p, seasonal_q, season = (int(each) for each in shape)
    seasonal = _real(seasonal_p, 0.5, 1.0) + _real(seasonal_q, 0.6, -1.0)
    found = []
    turn = float(np.cos(2 * np.pi / period)) if period > 2 else 0.0
    if p > 1 and period > 2:
        found.append(np.array(_pair(p, 0.97, turn, 1.0) + _pair(q, 0.9, turn, -1.0) + seasonal))
    reach = max(p + season * seasonal_p, q + season * seasonal_q)
    lags = min(max(2 * (p + q), 12, reach + 2), w.size // 4)
    if w.size - lags > 3 * (reach + p + q + seasonal_p + seasonal_q):
        found.append(hannan_rissanen(w, shape, lags))
    found.append(np.array([0.0] * (p + q) + seasonal))
    found.append(np.array(_real(p, 0.9, 1.0) + _real(q, 0.6, -1.0) + seasonal))
    if min(p, q) > 1 and period > 2:  # a steadier cycle, which has a maximum of its own at times
        found.append(np.array(_pair(p, 0.99, turn, 1.0) + _pair(q, 0.97, turn, -1.0) + seasonal))
    found.append(
        np.array(_real(p, 0.5, -1.0) + _real(q, 0.6, 1.0) + seasonal)
    )  # from step to step the other way
    return np.array([unconstrained(each, shape, MOST) for each in found])


def _real(size: int, root: float, sign: float) -> list[float]:
    return [sign * root] * min(size, 1) + [0.0] * (size - 1)


def _pair(size: int, radius: float, turn: float, sign: float) -> list[float]:
    if size < 2:
        return [0.0] * size
    return [sign * 2 * radius * turn, -sign * radius * radius] + [0.0] * (size - 2)
