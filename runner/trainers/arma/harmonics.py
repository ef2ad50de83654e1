"""The waves of a long season, by generalised least squares; their number by AICc.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 10.5 (dynamic
harmonic regression). The noise around the waves is whitened by an autoregression first. A filter
turns a wave into a wave of the same frequency, so that only the series has to be filtered, and all
sums over time are sums over the rows of one season: the cost hardly depends on the length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from runner.trainers.arima_model import Cycles, waves
from runner.trainers.series import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST = 30
LAGS = 12
"""Of the autoregression that whitens the noise."""


def fitted_cycles(values: Floats, period: int, number: int | None) -> Cycles | None:
    """The first `number` harmonics of a period, or as many as AICc finds with None; None for none.

    `values` (n,) have NaN in gaps; they are bridged by straight lines here.
    """
    known = filled(values)
    most = min((period - 1) // 2, MOST if number is None else number, max(0, known.size - 4 * LAGS) // 8)
    if most < 1:
        return None
    frequencies = np.arange(1, most + 1) / period
    weights = _autoregression(known - _fitted(known, frequencies, period), min(LAGS, known.size // 10))
    white = known[weights.size :] - np.convolve(known[:-1], weights, "valid")
    factor, right = _factored(white, weights.size, frequencies, period)
    if number is None:
        gains = np.cumsum(right**2)[::2]  # by the constant, then by each pair
        count = 2.0 * np.arange(most + 1) + weights.size + 2
        left = np.maximum(white @ white - gains, np.finfo(float).tiny)
        aicc = white.size * np.log(left) + 2 * count * white.size / np.maximum(white.size - count - 1, 1)
        most = int(np.argmin(aicc))
    if most == 0:
        return None
    solution = np.linalg.solve(factor[: 2 * most + 1, : 2 * most + 1].T, right[: 2 * most + 1])[1:]
    turns = np.exp(-2j * np.pi * np.outer(frequencies[:most], np.arange(1, weights.size + 1)))
    found = (solution[::2] - 1j * solution[1::2]) / (1.0 - turns @ weights)
    return Cycles(frequencies[:most], np.concatenate([found.real, -found.imag]), values.size)


def without(values: Floats, cycles: Cycles | None) -> Floats:
    """The training values less what the cycles say of them."""
    return values if cycles is None else values - cycles.at(-values.size, values.size)


def _fitted(values: Floats, frequencies: Floats, period: int) -> Floats:
    """All harmonics by ordinary least squares."""
    factor, right = _factored(values, 0, frequencies, period)
    fitted = _season(frequencies, period) @ np.linalg.solve(factor.T, right)
    return np.resize(fitted, values.size)


def _season(frequencies: Floats, period: int) -> Floats:
    """Ones, then the cosine and the sine of each frequency, over the rows of one season."""
    both = waves(frequencies, 0, period).reshape(period, 2, -1).transpose(0, 2, 1).reshape(period, -1)
    return np.hstack([np.ones((period, 1)), both])


def _factored(values: Floats, first: int, frequencies: Floats, period: int) -> tuple[Floats, Floats]:
    """The Cholesky factor L of the regressors' products, and L⁻¹ times their products with values.

    `first` is the row of the first value. A squared entry of the second is what its regressor,
    after those before it, takes off the sum of squares.
    """
    season = _season(frequencies, period)
    places = (first + np.arange(values.size)) % period
    counts = np.bincount(places, minlength=period).astype(np.float64)
    sums = np.bincount(places, weights=values, minlength=period)
    products = season.T @ (counts[:, None] * season)
    products[np.diag_indices_from(products)] += 1e-9 * values.size  # less than a season: not singular
    factor: Floats = np.linalg.cholesky(products).astype(np.float64)
    right: Floats = np.linalg.solve(factor, season.T @ sums).astype(np.float64)
    return factor, right


def _autoregression(values: Floats, lags: int) -> Floats:
    """The coefficients of an AR model by Yule-Walker."""
    centered = values - values.mean()
    covariance = np.array([centered[lag:] @ centered[: values.size - lag] for lag in range(lags + 1)])
    covariance[0] *= 1 + 1e-9
    places = np.abs(np.subtract.outer(np.arange(lags), np.arange(lags)))
    weights: Floats = np.linalg.solve(covariance[places], covariance[1:])
    return weights
