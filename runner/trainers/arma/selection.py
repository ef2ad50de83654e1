"""Orders chosen by the data: differences by tests, the rest by AICc, step by step.

Source: Hyndman & Khandakar, "Automatic time series forecasting: the forecast package for R", Journal
of Statistical Software 27 (2008), for the steps; Kwiatkowski, Phillips, Schmidt & Shin, Journal of
Econometrics 54 (1992), for the test of d; Wang, Smith & Hyndman, Data Mining and Knowledge Discovery
13 (2006), for the strength of a season, and 0.64 as the strength that is differenced away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from runner.trainers.arma import by_statsmodels
from runner.trainers.arma.fit import Fit, NoRunError, fit
from runner.trainers.arma.orders import Orders, differenced
from runner.trainers.arma.polynomials import differences
from runner.trainers.arma.squares import Squares, least_squares
from runner.trainers.series import filled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STRONG = 0.64
KPSS_5_PERCENT = 0.463
MOST = 5, 2
"""The largest p and q, and the largest P and Q tried."""
MOST_BY_SQUARES = 3, 1
"""The same without compiled code: statsmodels takes ten times as long for P = 2, and squares like it."""
MOST_FITS = 60


def seasonal_differences(values: Floats, season: int) -> int:
    """1 where the season explains most of what the trend leaves, else 0."""
    if season < 2 or values.size < 2 * season + 2:
        return 0
    window = np.ones(season) if season % 2 else np.concatenate([[0.5], np.ones(season - 1), [0.5]])
    trend = np.convolve(values, window / season, "valid")
    reach = (window.size - 1) // 2
    left = values[reach : reach + trend.size] - trend
    shape = np.array([np.mean(left[place::season]) for place in range(min(season, left.size))])
    noise = left - np.resize(shape - shape.mean(), left.size)
    spread = float(np.var(left))
    return int(spread > 0 and 1.0 - float(np.var(noise)) / spread > STRONG)


def plain_differences(values: Floats, most: int = 2) -> int:
    """How often to take differences until the KPSS test finds no unit root."""
    for times in range(most):
        if values.size < 8 or _kpss(values) < KPSS_5_PERCENT:
            return times
        values = np.diff(values)
    return most


def _kpss(values: Floats) -> float:
    errors = values - values.mean()
    lags = int(4 * (values.size / 100) ** 0.25)
    long_run = float(errors @ errors)
    for lag in range(1, lags + 1):
        long_run += 2 * (1 - lag / (lags + 1)) * float(errors[lag:] @ errors[:-lag])
    sums = np.cumsum(errors)
    return float(sums @ sums) / (values.size * long_run) if long_run > 0 else 0.0


def chosen(
    values: Floats, season: int, period: int, earlier: tuple[tuple[int, ...], Floats] | None = None
) -> Fit:
    """The model of lowest AICc that the steps find; `season` is 1 for a model without one.

    `earlier` are the key of the orders and the coefficients of a model that was fitted before: where
    the differences are still the same it is one more candidate, and its coefficients one more start.
    Differenced series have no constant: a drift that AICc finds in a short series rarely goes on
    (monthly series of the M3 competition are forecast 10 % worse with it). Gaps are bridged by straight
    lines for the choice alone; where they leave no room for the differences statsmodels fits.
    """
    known = filled(values)
    base = differences_alone(known, season)
    before = None
    if earlier is not None:
        orders = Orders.of(earlier[0])
        if replace(orders, p=0, q=0, P=0, Q=0) == base:
            before = orders, earlier[1]

    def tried(orders: Orders, factors: Floats | None) -> Fit:
        return fit(known, orders, period, factors, most=2 if factors is None else 3)

    best = Search(tried, base, known.size).best(before)
    try:
        careful = fit(values, best.orders, period, best.factors)
    except NoRunError:
        return chosen_by_squares(values, season)
    return best if careful.log_likelihood < best.log_likelihood and known is values else careful


def chosen_by_squares(values: Floats, season: int) -> Fit:
    """The same where compiled code cannot be used: by the AICc of least squares, fitted by statsmodels."""
    known = filled(values)

    def tried(orders: Orders, _: Floats | None) -> Squares:
        return least_squares(known, orders)

    best = Search(tried, differences_alone(known, season), known.size, MOST_BY_SQUARES).best()
    begin = np.append(best.mean, best.factors) if best.orders.constant else best.factors
    return by_statsmodels.fit(values, best.orders, begin)


def differences_alone(known: Floats, season: int) -> Orders:
    """The model that takes the differences the series needs, and has no coefficients."""
    seasonal = seasonal_differences(known, season)
    plain = plain_differences(differenced(known, differences(0, seasonal, season)), 1 if seasonal else 2)
    return Orders(0, plain, 0, 0, seasonal, 0, season if season > 1 else 1, constant=plain + seasonal == 0)


class Candidate(Protocol):
    """A model that is compared with others."""

    @property
    def orders(self) -> Orders:
        """Its orders."""

    @property
    def aicc(self) -> float:
        """Akaike's criterion: the lower the better."""


Found = TypeVar("Found", bound=Candidate)


class Search(Generic[Found]):
    """The models tried so far, and the best of them."""

    def __init__(
        self,
        fitted: Callable[[Orders, Floats | None], Found],
        base: Orders,
        size: int,
        most: tuple[int, int] = MOST,
    ) -> None:
        self._fitted = fitted
        self._base = base
        self._tried: set[tuple[int, ...]] = set()
        self._best: Found | None = None
        size -= base.d + base.s * base.D
        self._short = min(most[0], size // 3)
        self._seasonal = most[1] if base.s > 1 and size > 2 * base.s + 4 else 0
        self._reach = size // 2

    def best(self, before: tuple[Orders, Floats] | None = None) -> Found:
        """Step from neighbour to neighbour until none is better; the model of `before` is tried first."""
        one = min(1, self._seasonal)
        if before is not None:
            self._try(*before)
        for p, q in ((2, 2), (0, 0), (1, 0), (0, 1)):
            self._try(replace(self._base, p=p, q=q, P=min(p, one), Q=min(q, one)))
        assert self._best is not None  # without any coefficient a model can always be tried
        better = True
        while better and len(self._tried) < MOST_FITS:
            here = self._best.orders
            better = any(self._try(orders) for orders in _neighbours(here))
        return self._best

    def _try(self, orders: Orders, factors: Floats | None = None) -> bool:
        """Fit a model that may be tried and was not yet; say whether it is the best so far."""
        allowed = (
            min(orders.p, orders.q, orders.P, orders.Q) >= 0
            and max(orders.p, orders.q) <= self._short
            and max(orders.P, orders.Q) <= self._seasonal
            and orders.reach - orders.d - orders.s * orders.D <= self._reach
        )
        if not allowed or orders.key in self._tried:
            return False
        found = self._fitted(orders, factors)
        self._tried.add(orders.key)
        if self._best is not None and not found.aicc < self._best.aicc:
            return False
        self._best = found
        return True


def _neighbours(here: Orders) -> Iterator[Orders]:
    for p, q in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        yield replace(here, p=here.p + p, q=here.q + q)
    if here.s > 1:
        for p, q in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            yield replace(here, P=here.P + p, Q=here.Q + q)
