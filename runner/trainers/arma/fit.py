"""Fit an ARIMA model by exact maximum likelihood, starting from several places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.orders import Orders, differenced, integrated_ones, whole
from runner.trainers.arma.polynomials import constrained, differences, expanded, unconstrained
from runner.trainers.arma.prediction import one_step, state_of
from runner.trainers.arma.search import climb, evaluated
from runner.trainers.arma.starts import starts
from runner.trainers.series import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AGREE = 0.05
"""Log-likelihoods that differ by no more are of the same maximum."""
MOST_STEPS = 80
ENOUGH = 2
"""So many other starts must come to the best maximum too; then no further one is tried."""
SHORT = 1_000
"""Up to so many values the likelihood is bumpier, and cheap: one more start must agree."""
HOPES = (5.0, 5.0) + (2.0,) * 7
"""How much a start is trusted: the first ones find the best maximum of nearly every series."""
INSIDE = 1.0 - 1e-6


class NoRunError(Exception):
    """Nowhere are as many known values in a row as the differences reach back."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model at the end of its data."""

    orders: Orders
    factors: Floats  # AR, MA, seasonal AR and seasonal MA coefficients
    phi: Floats  # (m,) with the differences, of the expanded polynomials
    theta: Floats  # (m,)
    state: Floats  # (m,)
    intercept: float
    mean: float  # of the differenced series
    variance: float  # of the noise
    log_likelihood: float  # of the differenced series
    size: int  # values the likelihood is of
    errors: Floats  # (n,) one-step errors divided by √F, NaN where there is none

    @property
    def aicc(self) -> float:
        """Akaike's criterion, corrected for short series (Hurvich & Tsai, Biometrika 76, 1989)."""
        count = self.orders.count
        if self.size <= count + 1:
            return float("inf")
        return -2.0 * self.log_likelihood + 2.0 * count * self.size / (self.size - count - 1)


class Likelihood:
    """The likelihood of one series under one model's orders, and the room to compute it in."""

    def __init__(self, values: Floats, orders: Orders) -> None:
        self.orders = orders
        self.shape = orders.shape
        self.delta = differences(orders.d, orders.D, orders.s)
        self.gaps = bool(np.isnan(values).any())
        self.start = _start(values, self.delta.size) if self.gaps else 0
        self.series = values if self.gaps else differenced(values, self.delta)
        size = self.series.size
        width = expanded(np.zeros(self.shape[:4].sum()), self.shape)[0].size
        state = np.zeros((2, width + (self.delta.size if self.gaps else 0)))
        self.room = (np.full((2, size), np.nan), np.ones(size), state)
        self.fixed = (self.shape, self.series, self.delta, self.start, self.gaps, orders.constant)

    def highest(self, free: Floats, bar: float, hope: float) -> float:
        """Move `free` up to a maximum; where there is little `hope` to reach `bar` that is given up."""
        return float(climb(free, MOST_STEPS, *self.fixed, bar, hope, *self.room))

    def at(self, free: Floats) -> tuple[float, float, float]:
        """The log-likelihood, the noise variance and the mean."""
        found = np.empty(2)
        value = evaluated(free, *self.fixed, *self.room, found)
        return float(value), float(found[0]), float(found[1])


def fit(
    values: Floats,
    orders: Orders,
    period: int = 1,
    previous: Floats | None = None,
    most: int = len(HOPES),
) -> Fit:
    """Fit; `values` (n,) with NaN in gaps have a spread of about 1 and begin with a known one.

    `previous` are the factors' coefficients of an earlier fit, one more start; there are at most
    `most`. Raises NoRunError.
    """
    likelihood = Likelihood(values, orders)
    free = _best(likelihood, values, period, previous, HOPES[:most])
    height, variance, mean = likelihood.at(free)
    if not np.isfinite(height):  # foretold without error, or beyond what can be computed
        free = np.zeros(free.size)
        height, variance, mean = likelihood.at(free)
    factors = constrained(free, likelihood.shape)
    phi, theta = whole(orders, factors)
    short, short_theta = expanded(factors, likelihood.shape)
    intercept = (1.0 - float(short.sum())) * mean
    errors, scales, state = likelihood.room
    level = state[0] - mean * state[1]
    ahead = mean + one_step(short, short_theta, level[: short.size].copy(), 0.0, np.full(phi.size, np.nan))
    forecasts = _integrated(ahead, _last(likelihood, values, level, short.size, mean), likelihood.delta)
    scaled = errors[0] / np.sqrt(scales)
    return Fit(
        orders=orders,
        factors=factors,
        phi=phi,
        theta=theta,
        state=state_of(forecasts, phi, intercept),
        intercept=intercept,
        mean=mean,
        variance=variance,
        log_likelihood=height,
        size=int((~np.isnan(scaled)).sum()),
        errors=scaled,
    )


def _best(
    likelihood: Likelihood,
    values: Floats,
    period: int,
    previous: Floats | None,
    hopes: tuple[float, ...],
) -> Floats:
    """The best free parameters: start by start, until several agree on the best maximum."""
    shape = likelihood.shape
    if shape[:4].sum() == 0:
        return np.zeros(0)
    w = differenced(filled(values), likelihood.delta)
    begin = starts(w - w.mean(), shape, period)
    if previous is not None and previous.size == shape[:4].sum():
        begin = np.vstack([unconstrained(previous, shape, INSIDE), begin])
    if likelihood.gaps:  # the filter that skips them is slow: a search on bridged gaps comes first
        whole_series = filled(values)
        bridged = Likelihood(whole_series, likelihood.orders)
        begin = np.vstack([_best(bridged, whole_series, period, previous, hopes), begin[:1]])
    enough = ENOUGH + (likelihood.series.size <= SHORT)
    heights: list[float] = []
    for place, free in enumerate(begin[: len(hopes)]):
        heights.append(likelihood.highest(free, max(heights, default=-np.inf), hopes[place]))
        if sum(abs(height - max(heights)) < AGREE for height in heights) > enough:
            break
    best: Floats = begin[int(np.argmax(heights))]
    return best


def _start(values: Floats, reach: int) -> int:
    """Where the first run of `reach` known values ends."""
    known = np.concatenate([[0], np.cumsum(~np.isnan(values))])
    runs = np.flatnonzero(known[reach:] - known[: known.size - reach] == reach)
    if runs.size == 0 or runs[0] > values.size // 4:
        raise NoRunError
    return int(runs[0]) + reach


def _last(likelihood: Likelihood, values: Floats, level: Floats, width: int, mean: float) -> Floats:
    """The last values, the newest first, as many as the differences reach back; estimated in gaps."""
    reach = likelihood.delta.size
    if not likelihood.gaps:
        return values[values.size - reach :][::-1].copy()
    last: Floats = level[width:]
    if mean != 0.0 and reach > 0:
        trend = integrated_ones(likelihood.orders, values.size - likelihood.start)
        last = last + mean * np.concatenate([np.zeros(reach), trend])[-reach:][::-1]
    return last


def _integrated(ahead: Floats, last: Floats, delta: Floats) -> Floats:
    """Forecasts of the series from those of its differences and its last values, newest first."""
    if delta.size == 0:
        return ahead
    found = np.concatenate([last[::-1], np.empty(ahead.size)])
    for step in range(ahead.size):
        place = delta.size + step
        found[place] = ahead[step] - delta @ found[place - delta.size : place][::-1]
    return found[delta.size :]
