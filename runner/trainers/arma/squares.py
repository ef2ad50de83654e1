"""Conditional least squares: near enough to likelihood to compare orders, and quick without compiled code.

Source: Box, Jenkins, Reinsel & Ljung, Time Series Analysis (2015), section 7.1.2. What came before the
differenced series is taken for its mean. The R package forecast chooses orders of long series so too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.fit import aicc
from runner.trainers.arma.orders import differenced
from runner.trainers.arma.polynomials import constrained, differences, expanded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.trainers.arma.orders import Orders

    Floats = NDArray[np.float64]

FARTHEST = 3.0
"""Of free parameters: partial autocorrelations stay within 0.995, where statsmodels can begin."""
MOST_LOOKS = 40
"""At the errors of one model, apart from those for the slopes."""


@dataclass(frozen=True, slots=True)
class Squares:
    """Orders with the coefficients of least squares, and how good they are."""

    orders: Orders
    factors: Floats  # AR, MA, seasonal AR and seasonal MA coefficients
    mean: float  # of the differenced series, 0 without a constant
    aicc: float


def least_squares(values: Floats, orders: Orders) -> Squares:
    """The coefficients at which the squared one-step errors are least; `values` (n,) have no gaps."""
    from scipy import optimize, signal

    w = differenced(values, differences(orders.d, orders.D, orders.s))
    mean = float(w.mean()) if orders.constant else 0.0
    shape = orders.shape

    def errors(free: Floats) -> Floats:
        phi, theta = expanded(constrained(free, shape), shape)
        found: Floats = signal.lfilter(np.append(1.0, -phi), np.append(1.0, theta), w - mean)
        return found

    free = np.full(shape[:4].sum(), 0.1)
    if free.size:
        free = optimize.least_squares(errors, free, bounds=(-FARTHEST, FARTHEST), max_nfev=MOST_LOOKS).x
    variance = max(float(np.mean(errors(free) ** 2)), np.finfo(float).tiny)
    height = -0.5 * w.size * (np.log(2.0 * np.pi * variance) + 1.0)
    return Squares(orders, constrained(free, shape), mean, aicc(height, orders.count, w.size))
