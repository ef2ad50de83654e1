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

LAP = 6
"""So many steps from every start, then the best goes on to its end; others are looked at again."""
MOST_STEPS, MOST_LAPS = 80, 10
HOPE = 6.0
"""A climb goes on that would reach the best by gaining so many times what its last two steps did."""
CLOSE, BESIDE = 1.0, 0.1
"""Of log-likelihood, and of free parameters: nearer a climb is on its way to the same maximum."""
ENOUGH = 2
"""So many other climbs of a seasonal model beside the best, then no further start is tried."""
MOST_STARTS = 9
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
    by: str = ""  # what fitted it, where that was not compiled code

    @property
    def aicc(self) -> float:
        """Akaike's criterion."""
        return aicc(self.log_likelihood, self.orders.count, self.size)


def aicc(log_likelihood: float, count: int, size: int) -> float:
    """Akaike's criterion, corrected for short series (Hurvich & Tsai, Biometrika 76, 1989)."""
    if size <= count + 1:
        return float("inf")
    return -2.0 * log_likelihood + 2.0 * count * size / (size - count - 1)


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
        self.bridged = differenced(filled(values), self.delta) if self.gaps else self.series
        self.room = (np.full((2, size), np.nan), np.ones(size), state)
        self.wide = np.empty((self.shape[:4].sum() + 4, size))
        self.fixed = (self.shape, self.series, self.delta, self.start, self.gaps, orders.constant)

    def climbed(self, free: Floats, steps: int, told: Floats) -> float:
        """Move `free` up by at most so many steps; `told` is as `climb` has it."""
        return float(climb(free, steps, *self.fixed, self.bridged, self.wide, *self.room, told))

    def at(self, free: Floats) -> tuple[float, float, float]:
        """The log-likelihood, the noise variance and the mean."""
        found = np.empty(3)
        value = evaluated(free, *self.fixed, *self.room, found)
        return float(value), float(found[0]), float(found[1])


def fit(
    values: Floats,
    orders: Orders,
    period: int = 1,
    previous: Floats | None = None,
    most: int = MOST_STARTS,
) -> Fit:
    """Fit; `values` (n,) with NaN in gaps have a spread of about 1 and begin with a known one.

    `previous` are the factors' coefficients of an earlier fit, one more start; there are at most
    `most`. Raises NoRunError.
    """
    likelihood = Likelihood(values, orders)
    free = _best(likelihood, values, period, previous, most)
    height, variance, mean = likelihood.at(free)
    if not np.isfinite(height):  # foretold without error, or beyond what can be computed
        free = np.zeros(free.size)
        height, variance, mean = likelihood.at(free)
    factors = constrained(free, likelihood.shape)
    phi, theta = whole(orders, factors)
    errors, scales, _ = likelihood.room
    scaled = errors[0] / np.sqrt(scales)
    return Fit(
        orders=orders,
        factors=factors,
        phi=phi,
        theta=theta,
        state=_state(likelihood, values, factors, mean),
        intercept=_intercept(likelihood, factors, mean),
        mean=mean,
        variance=variance,
        log_likelihood=height,
        size=int((~np.isnan(scaled)).sum()),
        errors=scaled,
    )


def caught_up(values: Floats, orders: Orders, factors: Floats, intercept: float) -> Floats:
    """The state (m,) of a model at the end of other `values`, which are as `fit` has them.

    Coefficients and mean stay; the exact filter that the likelihood is computed by goes over the values.
    Raises NoRunError.
    """
    factors = factors.copy()  # what comes from a file cannot be written to, which compiled code may
    likelihood = Likelihood(values, orders)
    likelihood.at(unconstrained(factors, likelihood.shape, INSIDE))
    share = _intercept(likelihood, factors, 1.0)
    return _state(likelihood, values, factors, intercept / share if orders.constant else 0.0)


def _intercept(likelihood: Likelihood, factors: Floats, mean: float) -> float:
    return (1.0 - float(expanded(factors, likelihood.shape)[0].sum())) * mean


def _state(likelihood: Likelihood, values: Floats, factors: Floats, mean: float) -> Floats:
    """What is expected after the values that the likelihood was computed of last."""
    phi, _ = whole(likelihood.orders, factors)
    short, short_theta = expanded(factors, likelihood.shape)
    state = likelihood.room[2]
    level = state[0] - mean * state[1]
    ahead = mean + one_step(short, short_theta, level[: short.size].copy(), 0.0, np.full(phi.size, np.nan))
    forecasts = _integrated(ahead, _last(likelihood, values, level, short.size, mean), likelihood.delta)
    return state_of(forecasts, phi, _intercept(likelihood, factors, mean))


def _best(
    likelihood: Likelihood,
    values: Floats,
    period: int,
    previous: Floats | None,
    most: int,
) -> Floats:
    """The best free parameters: start by start, until several agree on the best maximum."""
    shape = likelihood.shape
    if shape[:4].sum() == 0:
        return np.zeros(0)
    w = differenced(filled(values), likelihood.delta)
    begin = starts(w - w.mean(), shape, period)
    if likelihood.gaps:  # the filter that skips them is slow: a search on bridged gaps comes first
        whole_series = filled(values)
        bridged = Likelihood(whole_series, likelihood.orders)
        begin = _best(bridged, whole_series, period, previous, most)[None, :].copy()
    elif previous is not None and previous.size == shape[:4].sum():
        begin = np.vstack([unconstrained(previous, shape, INSIDE), begin])
    return Race(likelihood, begin[:most]).winner()


class Race:
    """Climbs from several starts, of which those are given up that will not come out on top."""

    def __init__(self, likelihood: Likelihood, begin: Floats) -> None:
        self._likelihood = likelihood
        self._free = begin
        self._told = np.zeros((len(begin), 3))
        self._heights = np.full(len(begin), -np.inf)

    def winner(self) -> Floats:
        """The free parameters of the highest maximum."""
        for place in range(len(self._free)):
            self._climb(place, LAP if len(self._free) > 1 else MOST_STEPS)
            if self._agreed():
                break
        running = [int(place) for place in np.argsort(-self._heights)]
        leader = running.pop(0)
        self._climb(leader, MOST_STEPS)
        for place in running:
            for _ in range(MOST_LAPS):
                if self._hopeless(place, leader):
                    break
                self._climb(place, LAP)
            if self._heights[place] > self._heights[leader]:
                leader = place
        best: Floats = self._free[leader]
        return best

    def _climb(self, place: int, steps: int) -> None:
        if self._told[place, 2] == 0.0:
            self._heights[place] = self._likelihood.climbed(self._free[place], steps, self._told[place])

    def _agreed(self) -> bool:
        """Whether climbs of a seasonal model come together: it has hardly ever another maximum."""
        if self._likelihood.orders.P + self._likelihood.orders.Q == 0:
            return False
        best = int(np.argmax(self._heights))
        near = self._heights > self._heights[best] - CLOSE
        beside = np.abs(self._free - self._free[best]).max(axis=1) < BESIDE
        return int((near & beside).sum()) > ENOUGH

    def _hopeless(self, place: int, leader: int) -> bool:
        """It is at its end, or too far below the leader, or close beside it."""
        _, gained, ended = self._told[place]
        if ended or not np.isfinite(self._heights[place]):  # also where it was not tried at all
            return True
        behind = self._heights[leader] - self._heights[place]
        beside = behind < CLOSE and np.abs(self._free[place] - self._free[leader]).max() < BESIDE
        return bool(beside or behind > HOPE * gained)


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
