"""Lag polynomials of multiplicative ARMA models, kept stationary and invertible.

Source: Monahan, "A note on enforcing stationarity in autoregressive-moving average models",
Biometrika 71 (1984): partial autocorrelations between −1 and 1 give exactly the stationary AR
polynomials; here each factor of a seasonal model by itself. A model's shape is the array
(p, q, P, Q, s) and its parameters are ordered alike: p of the AR factor, q of the MA factor, P of
the seasonal AR and Q of the seasonal MA factor.

Signs: w[t] = Σ phi[i]·w[t−1−i] + e[t] + Σ theta[j]·e[t−1−j].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


FARTHEST = 7.5
"""Free parameters beyond it count as it: partial autocorrelations stay within 1 − 6e-7."""


@compiled("float64[::1](float64[::1])")
def stationary(free: Floats) -> Floats:
    """The AR coefficients that any real numbers stand for: partial autocorrelations tanh(x)."""
    size = free.size
    found = np.zeros(size)
    before = np.zeros(size)
    for order in range(size):
        partial = np.tanh(min(max(free[order], -FARTHEST), FARTHEST))
        for lag in range(order):
            found[lag] = before[lag] - partial * before[order - 1 - lag]
        found[order] = partial
        before[: order + 1] = found[: order + 1]
    return found


@compiled("float64[::1](float64[::1], float64)")
def free_of(coefficients: Floats, most: float) -> Floats:
    """The real numbers that stand for AR coefficients; partial autocorrelations are cut at ±`most`.

    Coefficients that are not stationary are so brought back to some that are.
    """
    size = coefficients.size
    free = np.zeros(size)
    current = coefficients.copy()
    before = np.zeros(size)
    for order in range(size - 1, -1, -1):
        partial = min(max(current[order], -most), most)
        free[order] = np.arctanh(partial)
        for lag in range(order):
            before[lag] = (current[lag] + partial * current[order - 1 - lag]) / (1.0 - partial * partial)
        current[:order] = before[:order]
    return free


@compiled("void(float64[::1], int64, int64, int64, int64, int64, float64, float64[::1])")
def write_product(
    factors: Floats,
    short: int,
    count: int,
    seasonal: int,
    blocks: int,
    season: int,
    sign: float,
    into: Floats,
) -> None:
    """Add (1 + Σ ±short[i]·B^(i+1))·(1 + Σ ±seasonal[k]·B^(s·(k+1))) without its 1, times the sign.

    The coefficients of the factors stand in `factors` from `short` and from `seasonal` on.
    """
    for lag in range(count):
        into[lag] += factors[short + lag]
    for block in range(blocks):
        start = season * (block + 1)
        into[start - 1] += factors[seasonal + block]
        for lag in range(count):
            into[start + lag] += sign * factors[seasonal + block] * factors[short + lag]


@compiled("float64[::1](float64[::1], int64[::1])")
def constrained(free: Floats, shape: Ints) -> Floats:
    """The factors' coefficients (AR, MA, seasonal AR, seasonal MA) from unconstrained parameters."""
    found = np.empty(free.size)
    start = 0
    for factor in range(4):
        end = start + shape[factor]
        if factor % 2 == 0:
            found[start:end] = stationary(free[start:end].copy())
        else:
            found[start:end] = -stationary(free[start:end].copy())
        start = end
    return found


@compiled("float64[::1](float64[::1], int64[::1], float64)")
def unconstrained(factors: Floats, shape: Ints, most: float) -> Floats:
    """The unconstrained parameters of factors' coefficients, brought inside where they lie outside."""
    found = np.empty(factors.size)
    start = 0
    for factor in range(4):
        end = start + shape[factor]
        if factor % 2 == 0:
            found[start:end] = free_of(factors[start:end].copy(), most)
        else:
            found[start:end] = free_of(-factors[start:end], most)
        start = end
    return found


@compiled("Tuple((float64[::1], float64[::1]))(float64[::1], int64[::1])")
def expanded(factors: Floats, shape: Ints) -> Any:
    """phi and theta of the whole model, each of length max(p + s·P, q + s·Q, 1)."""
    p, q, seasonal_p, seasonal_q, season = shape
    size = max(p + season * seasonal_p, q + season * seasonal_q, 1)
    phi = np.zeros(size)
    theta = np.zeros(size)
    write_product(factors, 0, p, p + q, seasonal_p, season, -1.0, phi)
    write_product(factors, p, q, p + q + seasonal_p, seasonal_q, season, 1.0, theta)
    return phi, theta


def differences(times: int, seasonal_times: int, season: int) -> Floats:
    """The coefficients of (1 − B)^d·(1 − B^s)^D without the leading 1."""
    found = np.ones(1)
    for lag in [1] * times + [season] * seasonal_times:
        found = np.convolve(found, np.concatenate([[1.0], np.zeros(lag - 1), [-1.0]]))
    return found[1:].copy()
