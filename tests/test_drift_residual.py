"""The second tier: the champion's own errors."""

from __future__ import annotations

import numpy as np
import pytest

from runner.drift.residual import confirm, long_run_variance
from tests.drift_series import noise


def test_errors_that_have_grown_confirm_a_drift():
    found = confirm(noise(0, 0.3, 800), 1.5 * noise(1, 0.3, 500))

    assert found.confirmed is True
    assert found.ratio == pytest.approx(1.5, abs=0.25)
    assert found.p < 1e-3


def test_errors_that_are_as_they_were_are_harmless():
    found = confirm(noise(2, 0.3, 800), noise(3, 0.3, 500))

    assert found.confirmed is False
    assert found.reason.startswith("harmless: the model's error is")


def test_errors_that_have_become_smaller_are_harmless():
    assert confirm(noise(4, 0.3, 800), 0.5 * noise(5, 0.3, 500)).confirmed is False


def test_growth_below_15_percent_is_harmless_however_sure():
    found = confirm(noise(6, 0.0, 100_000), 1.1 * noise(7, 0.0, 100_000))

    assert found.p < 1e-6
    assert found.confirmed is False


def test_an_incident_is_harmless():
    recent = noise(8, 0.3, 500)
    recent[100:110] += 1e6

    assert confirm(noise(9, 0.3, 800), recent).confirmed is False


def test_chance_rarely_confirms():
    found = [confirm(noise(seed, 0.8, 500), noise(1_000 + seed, 0.8, 500)) for seed in range(200)]

    assert sum(bool(each.confirmed) for each in found) <= 10  # about 2 are expected


def test_the_long_run_variance_of_an_autoregression_is_found():
    found = np.mean([long_run_variance(noise(seed, 0.5, 5_000)) for seed in range(20)])

    assert found == pytest.approx(3.0, rel=0.15)  # (1 + φ) / (1 − φ)


@pytest.mark.parametrize(
    ("test", "recent", "told"),
    [
        ([], [1.0] * 99, "only 0 test errors; 30 are needed"),
        ([1.0] * 99, [np.nan] * 99, "only 0 recent errors; 30 are needed"),
        ([1.0] * 99, [1.0] * 29, "only 29 recent errors; 30 are needed"),
    ],
)
def test_too_few_errors_say_nothing(test, recent, told):
    found = confirm(np.array(test), np.array(recent))

    assert found.confirmed is None
    assert found.reason == told
    assert np.isnan(found.p)


def test_a_model_without_errors_stays_without():
    assert confirm(np.zeros(99), np.zeros(99)).confirmed is False
    assert confirm(np.zeros(99), np.ones(99)).confirmed is True
