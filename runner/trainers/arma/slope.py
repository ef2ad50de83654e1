"""The slope and the curvature of the exact likelihood of an ARMA model without gaps.

Source: Giering & Kaminski, "Recipes for adjoint code construction", ACM Transactions on Mathematical
Software 24 (1998): the recursion run backwards over the errors gives the slope in all coefficients
at once, for the cost of one evaluation. Only up to where the gain is steady the slope is taken by
differences. Box, Jenkins, Reinsel & Ljung, Time Series Analysis (2015), section 7.2, for the curvature
by the products of the errors' derivatives, which are the series and the errors filtered once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.covariances import stationary_start
from runner.trainers.arma.likelihood import add, logarithms, opening, product, recursive, summed
from runner.trainers.arma.polynomials import constrained, expanded
from runner.trainers.compiled import IN_ORDER, compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

STEP = 1e-6
"""Of the differences, in free parameters."""
LANES, FEW = 8, 4
"""So many models are filtered beside each other, if they have at most so many lags."""


@compiled("void(float64[::1], float64[::1], int64, float64[::1])", freedom=IN_ORDER)
def pulled(theta: Floats, errors: Floats, steady: int, into: Floats) -> None:
    """Write how much the sum of squared errors from `steady` on changes with each of them.

    Counted in is what an error changes in those after it. Before `steady` stands the same for as
    many errors as theta has lags.
    """
    size = errors.size
    lags, weights, count = np.empty(theta.size, dtype=np.int64), np.empty(theta.size), 0
    for lag in range(theta.size):
        if theta[lag] != 0.0:
            lags[count], weights[count], count = lag + 1, theta[lag], count + 1
    first = max(steady - theta.size, 0)
    into[first:steady] = 0.0
    if count == theta.size and count < 3:  # the usual case by itself: the chain stays in registers
        one, two = theta[0], theta[1] if theta.size > 1 else 0.0
        after, later = 0.0, 0.0
        for back in range(1, size - steady + 1):
            value = 2.0 * errors[size - back] - two * later - one * after
            into[size - back] = value
            later, after = after, value
    else:
        for time in range(size - 1, steady - 1, -1):
            value = 2.0 * errors[time]
            for place in range(count):
                if time + lags[place] < size:
                    value -= weights[place] * into[time + lags[place]]
            into[time] = value
    for time in range(first, steady):
        for place in range(count):
            if steady <= time + lags[place] < size:
                into[time] -= weights[place] * into[time + lags[place]]


@compiled("float64(float64[::1], float64[::1], int64, int64)")
def lagged(one: Floats, other: Floats, start: int, lag: int) -> float:
    """The sum of one[t]·other[t − lag] from `start` on."""
    return product(one[start:], other[start - lag : other.size - lag])


@compiled("float64[:, ::1](float64[::1], int64[::1])")
def turned(free: Floats, shape: Ints) -> Floats:
    """How phi and theta change with each free parameter, shape (parameters, 2·lags)."""
    phi, theta = expanded(constrained(free, shape), shape)
    lags = phi.size
    found = np.empty((free.size, 2 * lags))
    for place in range(free.size):
        kept = free[place]
        free[place] = kept + STEP
        phi_there, theta_there = expanded(constrained(free, shape), shape)
        free[place] = kept
        for lag in range(lags):
            found[place, lag] = (phi_there[lag] - phi[lag]) / STEP
            found[place, lags + lag] = (theta_there[lag] - theta[lag]) / STEP
    return found


@compiled("boolean(float64[:, ::1], int64)")
def matters(turns: Floats, lag: int) -> bool:
    """Whether any parameter changes a coefficient."""
    largest = 0.0
    for place in range(turns.shape[0]):
        largest = max(largest, abs(turns[place, lag]))
    return bool(largest > 0.0)


@compiled(
    "void(float64[::1], float64[::1], float64[:, ::1], float64[::1], int64, "
    "float64[::1], float64[::1], float64[:, ::1])"
)
def openings(
    phi: Floats,
    theta: Floats,
    turns: Floats,
    w: Floats,
    steady: int,
    totals: Floats,
    logs: Floats,
    last: Floats,
) -> None:
    """Filter w up to `steady` by models beside each other, one STEP along each of `turns`.

    Written: the sums of squared errors over their variances, those of the logarithms, both (models,)
    of at most LANES, and the last errors (lags, models), the newest first. Models of few lags go on
    together, for then none waits for the others' divisions.
    """
    size, models = phi.size, turns.shape[0]
    phis, thetas = np.zeros((size, LANES)), np.zeros((size, LANES))
    if size > FEW:
        errors, scales, level = np.empty((2, steady)), np.empty(steady), np.empty((2, size))
        for model in range(models):
            there = phi + STEP * turns[model, :size]
            opening(there, theta + STEP * turns[model, size:], w, False, steady, errors, scales, level)
            totals[model] = summed(errors[0], errors[0], scales, steady)
            logs[model] = logarithms(scales, steady)
            for lag in range(min(size, steady)):
                last[lag, model] = errors[0, steady - 1 - lag]
        return
    variance, gain, wave = np.ones(LANES), np.zeros((size + 1, LANES)), np.zeros((size + 1, LANES))
    state, news, share = np.zeros((size + 1, LANES)), np.zeros(LANES), np.zeros(LANES)
    total, log, many = np.zeros(LANES), np.zeros(LANES), np.ones(LANES)
    for model in range(models):
        for lag in range(size):
            phis[lag, model] = phi[lag] + STEP * turns[model, lag]
            thetas[lag, model] = theta[lag] + STEP * turns[model, size + lag]
        variance[model], start = stationary_start(phis[:, model].copy(), thetas[:, model].copy())
        gain[:size, model] = start
        wave[:size, model] = start
    for time in range(steady):
        for lane in range(models):
            over = 1.0 / variance[lane]
            error = w[time] - state[0, lane]
            total[lane] += error * error * over
            many[lane] *= variance[lane]
            news[lane] = error * over
            share[lane] = wave[0, lane] * over
            variance[lane] *= 1.0 - share[lane] * share[lane]
            state[size, lane] = state[0, lane]
            wave[size, lane] = wave[0, lane]
        if time >= steady - size:
            for lane in range(models):
                last[steady - 1 - time, lane] = w[time] - state[0, lane]
        for lag in range(size):
            end = lag + 1 == size
            for lane in range(models):
                head, first = wave[size, lane], state[size, lane]
                ahead = phis[lag, lane] * head + (0.0 if end else wave[lag + 1, lane])
                onward = phis[lag, lane] * first + (0.0 if end else state[lag + 1, lane])
                state[lag, lane] = onward + gain[lag, lane] * news[lane]
                wave[lag, lane] = ahead - share[lane] * gain[lag, lane]
                gain[lag, lane] -= share[lane] * ahead
        if time % 16 == 15:
            for lane in range(models):
                log[lane] += np.log(many[lane])
                many[lane] = 1.0
    for model in range(models):
        totals[model] = total[model]
        logs[model] = log[model] + np.log(many[model])


@compiled(
    "void(float64[::1], float64[::1], float64[:, ::1], float64[::1], int64, float64[::1], float64[::1], "
    "float64[::1], float64[::1])"
)
def sloped(
    phi: Floats,
    theta: Floats,
    turns: Floats,
    w: Floats,
    steady: int,
    errors: Floats,
    scales: Floats,
    pull: Floats,
    into: Floats,
) -> None:
    """Write the slope of the negative log-likelihood in the free parameters, which give `turns`.

    `w` has mean 0, `steady`, `errors` and `scales` are what `likelihood` found of it; `pull` (n,)
    is to work in.
    """
    size, lags = w.size, phi.size
    total = summed(errors, errors, scales, steady)
    before, logs_before = summed(errors[:steady], errors[:steady], scales, steady), logarithms(scales, steady)
    weights = np.zeros(2 * lags)
    if steady < size:
        pulled(theta, errors, steady, pull)
        for lag in range(lags):
            if matters(turns, lag):
                weights[lag] = -lagged(pull, w, steady, lag + 1)
            if matters(turns, lags + lag):
                weights[lags + lag] = -lagged(pull, errors, steady, lag + 1)
    totals, logs, last = np.zeros(LANES), np.zeros(LANES), np.zeros((lags, LANES))
    for start in range(0, into.size, LANES):
        openings(phi, theta, turns[start : start + LANES], w, steady, totals, logs, last)
        for place in range(start, min(start + LANES, into.size)):
            lane = place - start
            change = (totals[lane] - before) / STEP
            for lag in range(2 * lags):
                change += weights[lag] * turns[place, lag]
            if steady < size:
                for back in range(lags):
                    time = steady - 1 - back
                    change += pull[time] * (last[back, lane] - errors[time]) / STEP
            into[place] = 0.5 * (size * change / total + (logs[lane] - logs_before) / STEP)


@compiled("void(float64[::1], float64[::1], float64[::1])", freedom=IN_ORDER)
def refiltered(theta: Floats, one: Floats, other: Floats) -> None:
    """Take from two series what the MA part says of them; both at once, for none waits for the other."""
    if theta.size > 2:
        recursive(theta, one, 0)
        recursive(theta, other, 0)
        return
    first, second = theta[0], theta[1] if theta.size > 1 else 0.0
    near, far, near_other, far_other = 0.0, 0.0, 0.0, 0.0
    for time in range(one.size):
        value = one[time] - second * far - first * near
        value_other = other[time] - second * far_other - first * near_other
        one[time], other[time] = value, value_other
        far, near, far_other, near_other = near, value, near_other, value_other


@compiled(
    "void(float64[::1], float64[::1], float64[:, ::1], float64[::1], float64[::1], float64, "
    "float64[:, ::1], float64[:, ::1])"
)
def curved(
    phi: Floats,
    theta: Floats,
    turns: Floats,
    w: Floats,
    errors: Floats,
    variance: float,
    room: Floats,
    into: Floats,
) -> None:
    """Write the curvature of the negative log-likelihood in the free parameters, about.

    `room` has a row for each parameter, and two more.
    """
    size, lags, count = w.size, phi.size, into.shape[0]
    room[count, :size] = w
    room[count + 1, :size] = errors
    refiltered(theta, room[count, :size], room[count + 1, :size])
    for place in range(count):
        room[place] = 0.0
        for lag in range(lags):
            for part in range(2):
                turn = turns[place, part * lags + lag]
                if turn != 0.0:
                    add(room[place, lag + 1 : size], -turn, room[count + part, : size - 1 - lag])
    for one in range(count):
        for other in range(one + 1):
            into[one, other] = product(room[one, lags:size], room[other, lags:size]) / variance
            into[other, one] = into[one, other]
