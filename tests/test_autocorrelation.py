"""The length at which a series repeats itself."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.tsa.stattools import acf

from runner.autocorrelation import autocorrelation, repeat_length


def test_the_autocorrelation_equals_that_of_statsmodels():
    values = np.random.default_rng(0).normal(size=333).cumsum()

    assert autocorrelation(values, 100) == pytest.approx(acf(values, nlags=100, fft=True), abs=1e-12)


@pytest.mark.parametrize("period", [8, 24, 150, 288])
def test_a_season_is_found(period):
    values = np.sin(np.arange(3_000) * 2 * np.pi / period) + np.random.default_rng(1).normal(0, 0.1, 3_000)

    assert repeat_length(values) == pytest.approx(period, abs=2)


@pytest.mark.parametrize("values", [np.ones(500), np.arange(500.0), np.array([1.0, 2.0]), np.ones(1)])
def test_without_a_peak_the_length_is_125(values):
    assert repeat_length(values) == 125
