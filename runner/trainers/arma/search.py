"""A climb to a maximum of the likelihood, in compiled code.

Source: Nielsen, "Damping parameter in Marquardt's method" (1999) for the steps far from the maximum:
the products of the errors' derivatives are the curvature there. Near it the part they leave out
matters, and the curvature is corrected by what the slopes tell: BFGS, Nocedal & Wright, Numerical
Optimization (2006), chapter 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.gaps import gap_filtered
from runner.trainers.arma.likelihood import add, likelihood, recursive
from runner.trainers.arma.polynomials import constrained, expanded
from runner.trainers.arma.slope import STEP, curved, sloped, turned
from runner.trainers.arma.starts import solve
from runner.trainers.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LITTLE = 1e-4
"""A gain of log-likelihood that is none."""
NEAR = 2.0
"""After a step that gains less the curvature is learned from the slopes, and not computed anew."""
FIRST, LEAST = 1e-3, 1e-7
"""The damping of the first step, and the least there is."""


@compiled(
    "float64(float64[::1], int64[::1], float64[::1], float64[::1], int64, boolean, boolean, "
    "float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])"
)
def evaluated(
    free: Floats,
    shape: Ints,
    series: Floats,
    delta: Floats,
    start: int,
    gaps: bool,
    constant: bool,
    errors: Floats,
    scales: Floats,
    state: Floats,
    found: Floats,
) -> float:
    """The log-likelihood at the best noise variance and mean, which are written into `found`.

    `series` is the differenced one, or with `gaps` the series itself, filtered from `start` on. The
    rest is room, filled as `likelihood` and `gap_filtered` do; errors[0] are without the mean.
    Minus infinity where it cannot be computed.
    """
    phi, theta = expanded(constrained(free, shape), shape)
    if not gaps:
        value, variance, mean, steady = likelihood(phi, theta, series, constant, errors, scales, state)
        found[0], found[1], found[2] = variance, mean, steady
        return value if np.isfinite(value) else -np.inf
    known = gap_filtered(phi, theta, delta, series, start, constant, errors, scales, state)
    crossed, squared = 0.0, 0.0
    for time in range(start, series.size):
        if constant and not np.isnan(errors[0, time]):
            crossed += errors[0, time] * errors[1, time] / scales[time]
            squared += errors[1, time] * errors[1, time] / scales[time]
    mean = crossed / squared if constant else 0.0
    total, logs = 0.0, 0.0
    for time in range(start, series.size):
        if not np.isnan(errors[0, time]):
            if constant:
                errors[0, time] -= mean * errors[1, time]
            total += errors[0, time] * errors[0, time] / scales[time]
            logs += np.log(scales[time])
    found[0], found[1] = total / known, mean
    value = -0.5 * (known * (np.log(2.0 * np.pi * total / known) + 1.0) + logs)
    return value if np.isfinite(value) else -np.inf


@compiled(
    "void(float64[::1], int64[::1], float64[::1], float64[::1], int64, boolean, boolean, float64, "
    "float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])"
)
def downhill(
    free: Floats,
    shape: Ints,
    series: Floats,
    delta: Floats,
    start: int,
    gaps: bool,
    constant: bool,
    value: float,
    errors: Floats,
    scales: Floats,
    state: Floats,
    found: Floats,
    room: Floats,
    slope: Floats,
) -> None:
    """Write the slope of the negative log-likelihood at `free`, where `evaluated` was just called."""
    if not gaps:
        phi, theta = expanded(constrained(free, shape), shape)
        room[0] = series - found[1]
        sloped(
            phi,
            theta,
            turned(free, shape),
            room[0],
            int(found[2]),
            errors[0],
            scales,
            room[1],
            slope,
        )
        return
    there = np.empty(3)
    for place in range(free.size):
        kept = free[place]
        free[place] = kept + STEP
        slope[place] = (
            value - evaluated(free, shape, series, delta, start, gaps, constant, errors, scales, state, there)
        ) / STEP
        free[place] = kept


@compiled("void(float64[::1], int64[::1], float64[::1], float64[::1], float64[:, ::1], float64[:, ::1])")
def bent(free: Floats, shape: Ints, bridged: Floats, found: Floats, room: Floats, into: Floats) -> None:
    """Write the curvature at `free`, of the differenced series in which gaps are bridged."""
    phi, theta = expanded(constrained(free, shape), shape)
    w, errors = room[0, : bridged.size], room[1, : bridged.size]
    w[:] = bridged - found[1]
    errors[:] = w
    for lag in range(phi.size):
        if phi[lag] != 0.0:
            add(errors[lag + 1 :], -phi[lag], w[: w.size - 1 - lag])
    recursive(theta, errors, 0)
    curved(phi, theta, turned(free, shape), w, errors, found[0], room[2:], into)


@compiled("void(float64[:, ::1], float64[::1], float64[::1])")
def learn(curvature: Floats, move: Floats, change: Floats) -> None:
    """The BFGS update of a curvature by a move and how it changed the slope."""
    size = move.size
    turn = np.zeros(size)
    met, had = 0.0, 0.0
    for row in range(size):
        for column in range(size):
            turn[row] += curvature[row, column] * move[column]
        met += change[row] * move[row]
        had += turn[row] * move[row]
    if not (met > 1e-3 * had and had > 0.0):
        return
    for row in range(size):
        for column in range(size):
            curvature[row, column] += change[row] * change[column] / met - turn[row] * turn[column] / had


@compiled("float64(float64[:, ::1], float64[::1], float64, float64[::1])")
def proposed(curvature: Floats, slope: Floats, damping: float, move: Floats) -> float:
    """Write the damped Newton step, cut to a length of 1; return the gain to expect of it."""
    size = slope.size
    matrix, largest = curvature.copy(), 0.0
    for place in range(size):
        largest = max(largest, curvature[place, place])
    for place in range(size):
        matrix[place, place] += damping * (curvature[place, place] + 1e-6 * largest) + 1e-12 * largest
        move[place] = -slope[place]
    solve(matrix, move)
    longest, gain = 1.0, 0.0
    for place in range(size):
        longest = max(longest, abs(move[place]))
    for place in range(size):
        move[place] /= longest
        gain -= move[place] * slope[place]
    for row in range(size):
        for column in range(size):
            gain -= 0.5 * move[row] * curvature[row, column] * move[column]
    return gain


@compiled(
    "float64(float64[::1], int64, int64[::1], float64[::1], float64[::1], int64, boolean, boolean, "
    "float64[::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])"
)
def climb(
    free: Floats,
    most: int,
    shape: Ints,
    series: Floats,
    delta: Floats,
    start: int,
    gaps: bool,
    constant: bool,
    bridged: Floats,
    room: Floats,
    errors: Floats,
    scales: Floats,
    state: Floats,
    told: Floats,
) -> float:
    """Move `free` towards a maximum of the likelihood near it by at most `most` steps; return its height.

    `told` is (damping, what the last two steps have gained, whether the maximum is reached), the first
    0 at the beginning, and goes on from where an earlier call left it. `bridged` is the differenced
    series without gaps; the rest is room, of which `room` is (parameters + 4, n).
    """
    size, found = free.size, np.empty(3)
    curvature, slope, fresh = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    move, trial = np.zeros(size), np.zeros(size)
    value = evaluated(free, shape, series, delta, start, gaps, constant, errors, scales, state, found)
    damping, growth = told[0] if told[0] > 0.0 else FIRST, 2.0
    gain, idle, told[2] = np.inf, 0, 1.0
    for _ in range(most):
        if gain > NEAR:
            bent(free, shape, bridged, found, room, curvature)
        downhill(
            free,
            shape,
            series,
            delta,
            start,
            gaps,
            constant,
            value,
            errors,
            scales,
            state,
            found,
            room,
            fresh,
        )
        if not gain > NEAR:
            learn(curvature, move, fresh - slope)
        slope[:] = fresh
        reached, hoped = -np.inf, 0.0
        for _ in range(12):
            hoped = proposed(curvature, slope, damping, move)
            if not hoped > LITTLE:
                return value
            trial[:] = free + move
            reached = evaluated(
                trial, shape, series, delta, start, gaps, constant, errors, scales, state, found
            )
            if reached - value > 1e-3 * hoped:
                break
            damping = 2.0 * growth * max(damping, 1e-4)
            growth *= 2.0
        if not reached - value > 1e-3 * hoped:
            return value
        told[1] = reached - value + (gain if np.isfinite(gain) else 0.0)
        gain, value, growth = reached - value, reached, 2.0
        free[:] = trial
        damping = max(LEAST, damping * max(0.2, 1.0 - (2.0 * gain / hoped - 1.0) ** 3))
        told[0] = damping
        idle = idle + 1 if gain < 10.0 * LITTLE else 0
        if idle == 2:
            return value
    told[2] = 0.0
    return value
