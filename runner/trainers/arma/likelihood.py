"""The exact Gaussian likelihood of an ARMA model without gaps, by Chandrasekhar recursions.

Source: Morf, Sidhu & Kailath, "Some new algorithms for recursive estimation in constant, linear,
discrete-time systems", IEEE Transactions on Automatic Control 19 (1974); Pearlman, Biometrika 67
(1980). For one series in innovations form they are F' = F·(1 − r²), W' = T·W − r·K and
K' = K − r·T·W with r = W[0]/F, the partial autocorrelation. Once W has died away the gain is the
steady one and what remains is the ARMA recursion itself. F is in units of the noise variance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from runner.trainers.arma.compiled import compiled
from runner.trainers.arma.covariances import stationary_start

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DIED_AWAY = 1e-6
"""W/F below it changes F and K by its square: nothing."""
LEAST = 0.99
"""F is at least 1: below, rounding has eaten it up, and nothing can be said of these parameters."""


@compiled("void(float64[::1], float64[::1], float64[::1], float64)")
def advance(state: Floats, phi: Floats, gain: Floats, pull: float) -> None:
    """Move the expected values one step on, by the AR part and by gain·pull."""
    first = state[0]
    for lag in range(phi.size - 1):
        state[lag] = state[lag + 1] + phi[lag] * first + gain[lag] * pull
    state[phi.size - 1] = phi[phi.size - 1] * first + gain[phi.size - 1] * pull


@compiled(
    "int64(float64[::1], float64[::1], float64[::1], boolean, float64[:, ::1], float64[::1], float64[:, ::1])"
)
def opening(
    phi: Floats, theta: Floats, w: Floats, constant: bool, errors: Floats, scales: Floats, state: Floats
) -> int:
    """Filter w until the gain is steady and the state is all of its making; return how far that is.

    Written up to there: errors[0] of w and, with `constant`, errors[1] of a series of ones (both
    (n,)), scales (n,), their variances F; and state (2, m), what is expected of the values to come.
    """
    size = phi.size
    variance, gain = stationary_start(phi, theta)
    wave = gain.copy()
    steady = 0  # how many steps the gain has been so
    state[:] = 0.0
    for time in range(w.size):
        if constant:
            errors[1, time] = 1.0 - state[1, 0]
            advance(state[1], phi, gain, errors[1, time] / variance)
        errors[0, time] = w[time] - state[0, 0]
        scales[time] = variance
        advance(state[0], phi, gain, errors[0, time] / variance)
        if steady == 0:
            head, share = wave[0], wave[0] / variance
            for lag in range(size):
                ahead = phi[lag] * head + (wave[lag + 1] if lag + 1 < size else 0.0)
                wave[lag] = ahead - share * gain[lag]
                gain[lag] -= share * ahead
            variance *= 1.0 - share * share
            if not variance > LEAST:
                variance = np.nan
            if abs(share) < DIED_AWAY:
                largest = 0.0
                for lag in range(size):
                    largest = max(largest, abs(wave[lag]))
                steady = 1 if largest < DIED_AWAY * variance else 0
        else:
            steady += 1
            if steady > size:
                return time + 1
    return int(w.size)


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1], int64)")
def closing(phi: Floats, theta: Floats, w: Floats, errors: Floats, start: int) -> None:
    """Write the errors from `start` on by the ARMA recursion over the lags that are not 0."""
    for time in range(start, w.size):
        errors[time] = w[time]
    for lag in range(phi.size):
        if phi[lag] != 0.0:
            for time in range(start, w.size):
                errors[time] -= phi[lag] * w[time - 1 - lag]
    lags, weights, count, longest = np.empty(theta.size, dtype=np.int64), np.empty(theta.size), 0, -1
    for lag in range(theta.size):
        if theta[lag] != 0.0:
            lags[count], weights[count], count, longest = lag, theta[lag], count + 1, lag
    if longest < 3:  # the usual case by itself: the chain of three values stays in registers
        first, second, third = theta[0], 0.0, 0.0
        if theta.size > 1:
            second = theta[1]
        if theta.size > 2:
            third = theta[2]
        one, two, three = errors[start - 1], 0.0, 0.0
        if start > 1:
            two = errors[start - 2]
        if start > 2:
            three = errors[start - 3]
        for time in range(start, w.size):
            error = errors[time] - third * three - second * two - first * one
            errors[time] = error
            three, two, one = two, one, error
        return
    for time in range(start, w.size):
        error = errors[time]
        for place in range(count):
            error -= weights[place] * errors[time - 1 - lags[place]]
        errors[time] = error


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def expect(phi: Floats, theta: Floats, w: Floats, errors: Floats, state: Floats) -> None:
    """Write what the last values and errors let expect of the values to come."""
    last = w.size - 1
    for place in range(phi.size):
        state[place] = 0.0
    for lag in range(phi.size):
        if phi[lag] != 0.0 or theta[lag] != 0.0:
            for place in range(lag + 1):
                state[place] += phi[lag] * w[last - lag + place] + theta[lag] * errors[last - lag + place]


@compiled(
    "Tuple((float64, float64, float64))(float64[::1], float64[::1], float64[::1], boolean, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def likelihood(
    phi: Floats, theta: Floats, w: Floats, constant: bool, errors: Floats, scales: Floats, state: Floats
) -> Any:
    """The log-likelihood at the best noise variance and mean; that variance; that mean (else 0).

    The three last arguments are room to work in, and hold the errors (2, n), their scales (n,) and
    the state (2, m) after the last value. errors[0] are without the mean, state[0] is with it.
    """
    steady = opening(phi, theta, w, constant, errors, scales, state)
    if steady < w.size:
        closing(phi, theta, w, errors[0], steady)
        for time in range(steady, w.size):
            scales[time] = scales[steady - 1]
        expect(phi, theta, w, errors[0], state[0])
        if constant:
            ones = np.ones(w.size)
            closing(phi, theta, ones, errors[1], steady)
            expect(phi, theta, ones, errors[1], state[1])
    crossed, squared = 0.0, 1.0
    if constant:
        squared = 0.0
        for time in range(w.size):
            squared += errors[1, time] * errors[1, time] / scales[time]
            crossed += errors[0, time] * errors[1, time] / scales[time]
        for time in range(w.size):
            errors[0, time] -= crossed / squared * errors[1, time]
    total, logs = 0.0, 0.0
    for time in range(w.size):
        total += errors[0, time] * errors[0, time] / scales[time]
    product = 1.0
    for time in range(steady):
        product *= scales[time]
        if product > 1e200:  # a logarithm is slow: one for many
            logs += np.log(product)
            product = 1.0
    logs += np.log(product)
    logs += (w.size - steady) * np.log(scales[-1])
    variance = total / w.size
    return -0.5 * (w.size * (np.log(2.0 * np.pi * variance) + 1.0) + logs), variance, crossed / squared
