"""The parameters of highest likelihood: BFGS from several starts, in compiled code.

Source: Nocedal & Wright, Numerical Optimization (2006), chapter 6; forward-difference gradients.
The likelihood of an ARMA model often has several maxima, so the search goes on from start to
start, the most likely first, until two starts have come to the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.compiled import compiled
from runner.trainers.arma.gaps import gap_filtered
from runner.trainers.arma.likelihood import likelihood
from runner.trainers.arma.polynomials import constrained, expanded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

STEP = 1e-6
"""Of the gradient's differences, in free parameters."""
LITTLE = 1e-4
"""A gain of log-likelihood that is none."""
AGREE = 0.02
"""Log-likelihoods that differ by no more are of the same maximum."""

LAP = 8
"""After so many steps a climb is looked at again, whether it is worth its while."""


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
        value, variance, mean = likelihood(phi, theta, series, constant, errors, scales, state)
        found[0], found[1] = variance, mean
        return value if np.isfinite(value) else -np.inf
    known = gap_filtered(phi, theta, delta, series, start, errors, scales, state)
    crossed, squared = 0.0, 0.0
    for time in range(start, series.size):
        if constant and not np.isnan(errors[0, time]):
            crossed += errors[0, time] * errors[1, time] / scales[time]
            squared += errors[1, time] * errors[1, time] / scales[time]
    mean = crossed / squared if constant else 0.0
    total, logs = 0.0, 0.0
    for time in range(start, series.size):
        if not np.isnan(errors[0, time]):
            errors[0, time] -= mean * errors[1, time]
            total += errors[0, time] * errors[0, time] / scales[time]
            logs += np.log(scales[time])
    found[0], found[1] = total / known, mean
    value = -0.5 * (known * (np.log(2.0 * np.pi * total / known) + 1.0) + logs)
    return value if np.isfinite(value) else -np.inf


@compiled("void(float64[:, ::1], float64[::1], float64[::1], float64[::1], boolean)")
def update(inverse: Floats, move: Floats, fresh: Floats, slope: Floats, first: bool) -> None:
    """The BFGS update of an inverse Hessian by a move and the slopes after and before it."""
    size = move.size
    change, turned = np.zeros(size), np.zeros(size)
    curvature, length = 0.0, 0.0
    for place in range(size):
        change[place] = fresh[place] - slope[place]
        curvature += change[place] * move[place]
        length += change[place] * change[place]
    if not curvature > 1e-12 * length:
        return
    if first:
        for row in range(size):
            for column in range(size):
                inverse[row, column] = curvature / length if row == column else 0.0
    bend = 0.0
    for row in range(size):
        for column in range(size):
            turned[row] += inverse[row, column] * change[column]
    for place in range(size):
        bend += turned[place] * change[place]
    for row in range(size):
        for column in range(size):
            inverse[row, column] += (1.0 + bend / curvature) * move[row] * move[column] / curvature
            inverse[row, column] -= (turned[row] * move[column] + move[row] * turned[column]) / curvature


@compiled("float64(float64[:, ::1], float64[::1], float64[::1], boolean)")
def directed(inverse: Floats, slope: Floats, move: Floats, new: bool) -> float:
    """Write the direction down the slope; return how fast it falls."""
    descent = 0.0
    for row in range(slope.size):
        move[row] = -slope[row] if new else 0.0
        if not new:
            for column in range(slope.size):
                move[row] -= inverse[row, column] * slope[column]
        descent += move[row] * slope[row]
    return descent


@compiled(
    "float64(float64[::1], int64, int64[::1], float64[::1], float64[::1], int64, boolean, boolean, "
    "float64, float64, float64[:, ::1], float64[::1], float64[:, ::1])"
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
    bar: float,
    hope: float,
    errors: Floats,
    scales: Floats,
    state: Floats,
) -> float:
    """Move `free` to a maximum of the likelihood near it in at most `most` steps; return its height.

    A climb is given up where `hope` times the gain of its last lap does not bring it to the
    log-likelihood `bar`.
    """
    size, found = free.size, np.empty(2)
    value = evaluated(free, shape, series, delta, start, gaps, constant, errors, scales, state, found)
    inverse = np.zeros((size, size))
    slope, fresh = np.zeros(size), np.zeros(size)
    move, trial = np.zeros(size), np.zeros(size)
    milestone = value
    new, moved, idle = True, False, 0  # new: the inverse Hessian knows nothing yet
    for step in range(most):
        for place in range(size):
            kept = free[place]
            free[place] = kept + STEP
            fresh[place] = (
                value
                - evaluated(free, shape, series, delta, start, gaps, constant, errors, scales, state, found)
            ) / STEP
            free[place] = kept
        if moved:
            update(inverse, move, fresh, slope, new)
            new = False
        slope[:] = fresh
        descent = directed(inverse, slope, move, new)
        if not (np.isfinite(descent) and -descent > LITTLE):
            break
        longest = 0.0
        for place in range(size):
            longest = max(longest, abs(move[place]))
        length = min(1.0, (0.3 if new else 1.0) / longest)
        before, moved = value, False
        for _ in range(12):
            for place in range(size):
                trial[place] = free[place] + length * move[place]
            reached = evaluated(
                trial, shape, series, delta, start, gaps, constant, errors, scales, state, found
            )
            if reached >= before - 1e-4 * length * descent:
                moved = True
                value = reached
                break
            bent = before - reached - length * descent
            shorter = -0.5 * descent * length * length / bent if np.isfinite(bent) and bent > 0.0 else 0.0
            length = min(max(shorter, 0.1 * length), 0.5 * length)
        if not moved:
            if new:
                break
            new = True
            continue
        for place in range(size):
            move[place] = trial[place] - free[place]
            free[place] = trial[place]
        idle = idle + 1 if value - before < 10.0 * LITTLE else 0
        if idle == 2:
            break
        if step % LAP == LAP - 1:
            if step > LAP and value + hope * (value - milestone) < bar:
                break
            milestone = value
    return value
