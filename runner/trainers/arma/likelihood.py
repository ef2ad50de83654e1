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

from runner.trainers.arma.covariances import stationary_start
from runner.trainers.compiled import IN_ORDER, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DIED_AWAY = 3e-5
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


@compiled("void(float64[::1], float64[::1], float64[::1], float64)")
def turn(phi: Floats, gain: Floats, wave: Floats, share: float) -> None:
    """Move the gain and the wave one step on; the wave ends with a 0."""
    head = wave[0]
    for lag in range(phi.size):
        ahead, before = phi[lag] * head + wave[lag + 1], gain[lag]
        wave[lag] = ahead - share * before
        gain[lag] = before - share * ahead


@compiled(
    "int64(float64[::1], float64[::1], float64[::1], boolean, int64, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def opening(
    phi: Floats,
    theta: Floats,
    w: Floats,
    constant: bool,
    far: int,
    errors: Floats,
    scales: Floats,
    state: Floats,
) -> int:
    """Filter w until the gain is steady and the state is all of its making; return how far that is.

    With `far` above 0 it goes exactly so far.

    Written up to there: errors[0] of w and, with `constant`, errors[1] of a series of ones (both
    (n,)), scales (n,), their variances F; and state (2, m), what is expected of the values to come.
    """
    size = phi.size
    variance, gain = stationary_start(phi, theta)
    wave = np.zeros(size + 1)
    wave[:size] = gain
    end, steady = far if far > 0 else w.size, 0  # how many steps the gain has been so
    state[:] = 0.0
    for time in range(end):
        if constant:
            errors[1, time] = 1.0 - state[1, 0]
            advance(state[1], phi, gain, errors[1, time] / variance)
        errors[0, time] = w[time] - state[0, 0]
        scales[time] = variance
        advance(state[0], phi, gain, errors[0, time] / variance)
        if steady == 0:
            share = wave[0] / variance
            turn(phi, gain, wave, share)
            variance *= 1.0 - share * share
            if not variance > LEAST:
                variance = np.nan
            if far <= 0 and abs(share) < DIED_AWAY:
                largest = 0.0
                for lag in range(size):
                    largest = max(largest, abs(wave[lag]))
                steady = 1 if largest < DIED_AWAY * variance else 0
        else:
            steady += 1
            if steady > size:
                return time + 1
    return int(end)


@compiled("void(float64[::1], float64, float64[::1])")
def add(into: Floats, weight: float, other: Floats) -> None:
    """Add weight·other. Slices, not shifted places: a place that might be below 0 is no vector's."""
    for place in range(into.size):
        into[place] += weight * other[place]


@compiled("float64(float64[::1], float64[::1])")
def product(one: Floats, other: Floats) -> float:
    """The sum of the products."""
    total = 0.0
    for place in range(one.size):
        total += one[place] * other[place]
    return total


@compiled("void(float64[::1], float64[::1], int64)", freedom=IN_ORDER)
def recursive(theta: Floats, errors: Floats, start: int) -> None:
    """Take from each of `errors` from `start` on what the errors before it say of it."""
    lags, weights, count, longest = np.empty(theta.size, dtype=np.int64), np.empty(theta.size), 0, -1
    for lag in range(theta.size):
        if theta[lag] != 0.0:
            lags[count], weights[count], count, longest = lag + 1, theta[lag], count + 1, lag
    if longest < 3:  # the usual case by itself: the chain of three values stays in registers
        first, second, third = theta[0], 0.0, 0.0
        if theta.size > 1:
            second = theta[1]
        if theta.size > 2:
            third = theta[2]
        one = errors[start - 1] if start > 0 else 0.0
        two = errors[start - 2] if start > 1 else 0.0
        three = errors[start - 3] if start > 2 else 0.0
        left = errors[start:]
        for time in range(left.size):
            error = left[time] - third * three - second * two - first * one
            left[time] = error
            three, two, one = two, one, error
        return
    for time in range(start, errors.size):
        error = errors[time]
        for place in range(count):
            if time >= lags[place]:
                error -= weights[place] * errors[time - lags[place]]
        errors[time] = error


@compiled("void(float64[::1], float64[::1], float64[::1], float64[::1], int64)")
def closing(phi: Floats, theta: Floats, w: Floats, errors: Floats, start: int) -> None:
    """Write the errors from `start` on by the ARMA recursion over the lags that are not 0."""
    left = errors[start:]
    left[:] = w[start:]
    for lag in range(phi.size):
        if phi[lag] != 0.0:
            add(left, -phi[lag], w[start - 1 - lag : w.size - 1 - lag])
    recursive(theta, errors, start)


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


@compiled("float64(float64[::1], float64[::1], float64[::1], int64)")
def summed(one: Floats, other: Floats, scales: Floats, steady: int) -> float:
    """The sum of the products over their variances, which are 1 from `steady` on."""
    total = 0.0
    for time in range(steady):
        total += one[time] * other[time] / scales[time]
    return total + product(one[steady:], other[steady:])


@compiled("float64(float64[::1], int64)")
def logarithms(scales: Floats, steady: int) -> float:
    """The sum of the logarithms up to `steady`."""
    total, many = 0.0, 1.0
    for time in range(steady):
        many *= scales[time]
        if many > 1e200:  # a logarithm is slow: one for many
            total += np.log(many)
            many = 1.0
    return float(total + np.log(many))


@compiled(
    "Tuple((float64, float64, float64, int64))(float64[::1], float64[::1], float64[::1], boolean, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def likelihood(
    phi: Floats, theta: Floats, w: Floats, constant: bool, errors: Floats, scales: Floats, state: Floats
) -> Any:
    """The log-likelihood at the best noise variance and mean; these; from where on the gain is steady.

    The three last arguments are room to work in, and hold the errors (2, n), their scales (n,) and
    the state (2, m) after the last value. errors[0] are without the mean, state[0] is with it.
    """
    steady = opening(phi, theta, w, constant, 0, errors, scales, state)
    if steady < w.size:
        closing(phi, theta, w, errors[0], steady)
        scales[steady:] = 1.0  # what they come to: a gain that is steady is that of the noise alone
        expect(phi, theta, w, errors[0], state[0])
        if constant:
            ones = np.ones(w.size)
            closing(phi, theta, ones, errors[1], steady)
            expect(phi, theta, ones, errors[1], state[1])
    mean = 0.0
    if constant:
        mean = summed(errors[0], errors[1], scales, steady) / summed(errors[1], errors[1], scales, steady)
        add(errors[0], -mean, errors[1])
    variance = summed(errors[0], errors[0], scales, steady) / w.size
    height = -0.5 * (w.size * (np.log(2.0 * np.pi * variance) + 1.0) + logarithms(scales, steady))
    return height, variance, mean, steady
