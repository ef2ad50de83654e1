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

from runner.trainers.arma.covariances import stationary_start
from runner.trainers.arma.likelihood import add, opening, product
from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NOISE = 1e-7
"""F so little above that of the noise alone: it may be that the whole state is known."""
DIED_AWAY = 1e-6
"""What is unknown of the state below it changes F by its square: nothing."""


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
    order, reach = phi.size, delta.size
    first = values[0]
    expected = first
    into[: order - 1] = values[1:order]
    into[order - 1] = 0.0
    add(into[:order], first, phi)
    if size > order:
        expected -= product(delta, values[order : order + reach])
        into[order + 1 : order + reach] = values[order : order + reach - 1]
        into[order] = expected
    return float(expected)


@compiled(
    "float64(float64[:, ::1], float64[::1], float64[::1], int64, float64[::1], float64[::1], float64[:, ::1])"
)
def spread(
    covariance: Floats, phi: Floats, delta: Floats, size: int, news: Floats, gain: Floats, room: Floats
) -> float:
    """Move the covariance one step on without an observation; return F, write the gain times F.

    All work is on whole rows: A·(P·A'), in which A moves the state on.
    """
    order, line = phi.size, np.zeros(covariance.shape[0])
    for row in range(size):
        gain[row] = moved(covariance[row], phi, delta, size, room[row])
    # now room = P·A', and gain = P·Z'
    variance = 1.0 + moved(gain, phi, delta, size, line)
    for row in range(size):
        gain[row] = line[row] + news[row]
        into = covariance[row, :size]
        if row < order:
            into[:] = 0.0
            if row + 1 < order:
                into[:] = room[row + 1, :size]
            add(into, phi[row], room[0, :size])
        elif row > order:
            into[:] = room[row - 1, :size]
        else:
            into[:] = room[0, :size]
            for lag in range(delta.size):
                if delta[lag] != 0.0:
                    add(into, -delta[lag], room[order + lag, :size])
        add(into, news[row], news[:size])
    return float(variance)


@compiled("boolean(float64[:, ::1], int64)")
def nothing(covariance: Floats, size: int) -> bool:
    """Whether the covariance of the first `size` places has died away."""
    largest = 0.0
    for row in range(size):
        largest = max(largest, covariance[row, row])
    return bool(largest < DIED_AWAY * DIED_AWAY)


@compiled(
    "float64(float64[:, ::1], int64, boolean, float64[::1], float64[::1], float64[::1], float64[::1], "
    "float64[:, ::1])"
)
def spread_of_few(
    unknown: Floats,
    count: int,
    known: bool,
    phi: Floats,
    delta: Floats,
    news: Floats,
    gain: Floats,
    room: Floats,
) -> float:
    """Do as `spread`, and learn from a known value, where few past errors are all that is unknown.

    The covariance is the sum of the outer products of the first `count` rows of `unknown`.
    """
    size = news.size
    variance, told = 1.0, np.empty(count)
    for place in range(count):
        told[place] = moved(unknown[place], phi, delta, size, room[place])
        variance += told[place] * told[place]
    if not known:
        unknown[:count] = room[:count]
        unknown[count] = news
        return variance
    gain[:] = 0.0
    for place in range(count):
        for row in range(size):
            room[place, row] -= news[row] * told[place]
            gain[row] += room[place, row] * told[place]
    share = (1.0 - 1.0 / np.sqrt(variance)) / (variance - 1.0) if variance > 1.0 else 0.0
    for place in range(count):
        for row in range(size):
            unknown[place, row] = room[place, row] - share * told[place] * gain[row]
    for row in range(size):
        gain[row] += variance * news[row]
    return variance


@compiled("int64(float64[:, ::1], int64)")
def remaining(unknown: Floats, count: int) -> int:
    """Take out the rows that have died away; return how many are left."""
    left = 0
    for place in range(count):
        largest = 0.0
        for row in range(unknown.shape[1]):
            largest = max(largest, abs(unknown[place, row]))
        if largest > DIED_AWAY:
            if left < place:
                unknown[left] = unknown[place]
            left += 1
    return left


@compiled(
    "int64(float64[::1], float64[::1], float64[::1], float64[::1], int64, boolean, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def begun(
    phi: Floats,
    theta: Floats,
    delta: Floats,
    y: Floats,
    start: int,
    constant: bool,
    errors: Floats,
    scales: Floats,
    state: Floats,
) -> int:
    """Filter the values before the first gap as a series without; return where the gain is steady.

    That is `start`, and nothing is done, where a gap comes before.
    """
    end = start
    while end < y.size and not np.isnan(y[end]):
        end += 1
    w = y[start:end].copy()
    for lag in range(delta.size):
        if delta[lag] != 0.0:
            add(w, delta[lag], y[start - 1 - lag : end - 1 - lag])
    first, size = np.zeros((2, w.size)), phi.size
    level = np.zeros((2, size))
    steady = opening(phi, theta, w, constant, 0, first, scales[start:end], level)
    if steady >= w.size:
        return start
    errors[:, start : start + steady] = first[:, :steady]
    state[:, :size] = level
    for lag in range(delta.size):
        state[0, size + lag] = y[start + steady - 1 - lag]
    return start + steady


@compiled("void(float64[::1], float64[::1], int64)")
def ones_before(delta: Floats, ones: Floats, steps: int) -> None:
    """Go so many steps on with the last values, newest first, of the series whose differences are 1."""
    for _ in range(steps):
        whole = 1.0
        for lag in range(delta.size):
            whole -= delta[lag] * ones[lag]
        for lag in range(delta.size - 1, 0, -1):
            ones[lag] = ones[lag - 1]
        ones[0] = whole


@compiled(
    "int64(float64[::1], float64[::1], float64[::1], float64[::1], int64, boolean, "
    "float64[:, ::1], float64[::1], float64[:, ::1])"
)
def gap_filtered(
    phi: Floats,
    theta: Floats,
    delta: Floats,
    y: Floats,
    start: int,
    constant: bool,
    errors: Floats,
    scales: Floats,
    state: Floats,
) -> int:
    """Filter y from `start` on; return how many values are known there.

    Written: errors[0] of y and, with `constant`, errors[1] of the series whose differences are ones,
    both NaN in gaps; their variances `scales`; and state (2, m + d), what is expected of the values
    to come and the last values, newest first. y[start − d : start] are known; values before count
    as nothing.

    Once nothing but the errors within gaps is unknown, these alone are followed until they have died
    away, or until they are so many that the whole covariance is the smaller thing to follow.
    """
    order, reach = phi.size, delta.size
    size = order + reach
    most = max(size // 2, 1)
    unknown, count = np.zeros((most + 1, size)), 0
    covariance = start_covariance(phi, theta, size)
    room, news, gain = np.zeros((size + 1, size)), np.zeros(size), np.zeros(size)
    news[:order] = phi + theta
    if reach > 0:
        news[order] = 1.0
    state[:] = 0.0
    for lag in range(reach):
        state[0, order + lag] = y[start - 1 - lag]
    ones, line = np.zeros(reach + 1), np.zeros(size)
    begin = begun(phi, theta, delta, y, start, constant, errors, scales, state)
    few = begin > start
    ones_before(delta, ones, begin - start)
    if few and reach > 0:
        state[1, order:] = ones[:reach]
    total, run, variance = begin - start, reach + begin - start, 1.0
    for time in range(begin, y.size):
        ones_before(delta, ones, 1)
        known = not np.isnan(y[time])
        run = run + 1 if known else 0
        if few and not known and count == most:
            few, count = False, 0
            covariance[:] = 0.0
            for place in range(most):
                for row in range(size):
                    add(covariance[row], unknown[place, row], unknown[place])
        active = order if run > reach else size
        if few:
            if count > 0 or not known:
                variance = spread_of_few(unknown, count, known, phi, delta, news, gain, room)
            else:
                variance = 1.0
                gain[:] = news
            if not known:
                count += 1
            elif time % 8 == 0:
                count = remaining(unknown, count)
        else:
            if active < size:
                covariance[order:, :] = 0.0
                covariance[:, order:] = 0.0
            variance = spread(covariance, phi, delta, active, news, gain, room)
            if active < size:
                gain[order] = variance  # the newest value itself
                gain[order + 1 :] = 0.0
        for row in range(2 if constant else 1):
            expected = moved(state[row], phi, delta, size, line)
            errors[row, time] = np.nan
            if known:
                error = (y[time] if row == 0 else ones[0]) - expected
                errors[row, time] = error
                for place in range(size):
                    line[place] += gain[place] * error / variance
            state[row] = line
        scales[time] = variance
        total += known
        if known and not few:
            for row in range(active):
                add(covariance[row, :active], -gain[row] / variance, gain[:active])
            few = active == order and variance < 1.0 + NOISE and nothing(covariance, order)
    return total
