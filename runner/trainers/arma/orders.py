"""The orders of an ARIMA model, and the differences that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arma.polynomials import differences, expanded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Orders:
    """ARIMA(p,d,q)(P,D,Q)s, with a constant in the differenced series or without."""

    p: int
    d: int
    q: int
    P: int = 0
    D: int = 0
    Q: int = 0
    s: int = 1
    constant: bool = False

    @property
    def shape(self) -> Ints:
        """What the compiled functions take."""
        return np.array([self.p, self.q, self.P, self.Q, self.s], dtype=np.int64)

    @property
    def key(self) -> tuple[int, ...]:
        """All of them as numbers."""
        return (self.p, self.d, self.q, self.P, self.D, self.Q, self.s, int(self.constant))

    @classmethod
    def of(cls, key: tuple[int, ...]) -> Orders:
        """The orders with this key."""
        p, d, q, seasonal_p, seasonal_d, seasonal_q, season, constant = key
        return cls(p, d, q, seasonal_p, seasonal_d, seasonal_q, season, bool(constant))

    @property
    def reach(self) -> int:
        """How far back its values matter."""
        return max(self.p + self.d + self.s * (self.P + self.D), self.q + self.s * self.Q)

    @property
    def count(self) -> int:
        """Estimated parameters, with the noise variance."""
        return self.p + self.q + self.P + self.Q + int(self.constant) + 1

    def __str__(self) -> str:
        seasonal = f"({self.P},{self.D},{self.Q}){self.s}" if self.P or self.D or self.Q else ""
        return f"ARIMA({self.p},{self.d},{self.q}){seasonal}"


def whole(orders: Orders, factors: Floats) -> tuple[Floats, Floats]:
    """phi and theta with the differences in phi, both as long as the longer."""
    phi, theta = expanded(factors, orders.shape)
    delta = differences(orders.d, orders.D, orders.s)
    long = -np.convolve(np.concatenate([[1.0], -phi]), np.concatenate([[1.0], delta]))[1:]
    last = max([0, *np.flatnonzero(long), *np.flatnonzero(theta)])
    return long[: last + 1].copy(), np.concatenate([theta, np.zeros(delta.size)])[: last + 1]


def differenced(values: Floats, delta: Floats) -> Floats:
    """The series with the differences taken, shorter by as many values as they reach back."""
    found = values[delta.size :].copy()
    for lag in np.flatnonzero(delta).tolist():
        found += delta[lag] * values[delta.size - 1 - lag : values.size - 1 - lag]
    return found


def integrated_ones(orders: Orders, size: int) -> Floats:
    """The series that begins with zeros (not in it) and whose differences are all 1, shape (size,)."""
    found = np.ones(size)
    for lag in [1] * orders.d + [orders.s] * orders.D:
        padded = np.concatenate([found, np.zeros(-size % lag)]).reshape(-1, lag)
        found = padded.cumsum(axis=0).ravel()[:size]
    return found
