"""Metrics, to the digits that were published for the M3 and M4 competitions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from runner.errors import NoDataError
from runner.metrics import evaluate, forecast_errors
from runner.period import period_of, step_of
from runner.trainers import cnn, isolation_forest, seasonal_naive
from tests.series import dataset, images


def test_the_errors_of_a_forecast():
    errors = forecast_errors(np.array([1.0, 3.0]), np.array([2.0, 1.0]), np.array([0.0, 1.0, 0.0, 3.0]), 2)

    assert errors["mae"] == 1.5
    assert errors["rmse"] == pytest.approx(math.sqrt(2.5))
    assert errors["smape"] == pytest.approx((200 / 3 + 400 / 4) / 2)
    assert errors["mase"] == pytest.approx(1.5 / 1.0)


def test_nothing_forecast_as_nothing_has_no_relative_error():
    assert forecast_errors(np.zeros(2), np.zeros(2), np.arange(5.0), 1)["smape"] == 0.0


def test_mase_is_nan_where_the_naive_error_is_unknown_or_zero():
    errors = forecast_errors(np.ones(2), np.zeros(2), np.ones(5), 1)
    short = forecast_errors(np.ones(2), np.zeros(2), np.ones(3), 24)

    assert math.isnan(errors["mase"])
    assert math.isnan(short["mase"])


def test_missing_test_values_are_left_out():
    errors = forecast_errors(np.array([1.0, np.nan]), np.array([2.0, 9.0]), np.arange(5.0), 1)

    assert (errors["mae"], errors["smape"]) == (1.0, pytest.approx(200 / 3))


def test_a_test_range_of_missing_values_is_told():
    given = dataset()
    model = seasonal_naive.train(given, seasonal_naive.Params())

    with pytest.raises(NoDataError, match="every value of the test range is missing"):
        evaluate(model, dataclasses.replace(given, test=given.test * np.nan))


def test_a_detector_counts_the_points_above_its_threshold():
    given = dataset()
    spiked = given.test.copy()
    spiked.iloc[5] += 100
    model = isolation_forest.train(given, isolation_forest.Params(trees=20))

    metrics = evaluate(model, dataclasses.replace(given, test=spiked))

    assert metrics["anomalies"] >= 1
    assert metrics["anomaly_rate"] == metrics["anomalies"] / len(spiked)


def test_a_classifier_is_measured_by_its_accuracy():
    given = images()

    assert evaluate(cnn.train(given, cnn.Params(epochs=8, filters=4)), given)["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("freq", "period"),
    [
        ("min", 1440), ("5min", 288), ("10min", 144), ("h", 24), ("D", 7), ("W", 52),
        ("MS", 12), ("QS", 4), ("YS", 1), ("7min", 1),
    ],
)  # fmt: skip
def test_the_period_follows_from_the_time_step(freq, period):
    assert period_of(step_of(pd.date_range("2020-01-01", periods=50, freq=freq))) == period


def test_gaps_and_repeated_times_do_not_change_the_step():
    index = pd.date_range("2020-01-01", periods=50, freq="5min").delete([3, 4, 5])

    assert step_of(index.append(index[-3:])) == 300


def test_numbers_have_no_step():
    assert step_of(pd.RangeIndex(10)) is None
    assert period_of(None) == 1


def _of_table(path, horizon, period):
    frame = pd.read_csv(path, index_col=0)
    found = []
    for name in frame.columns:
        known = frame[name].dropna().to_numpy()
        training, actual = known[:-horizon], known[-horizon:]
        last = training[-period:] if training.size >= period else training[-1:]
        found.append(forecast_errors(actual, np.resize(last, horizon), training, period))
    return found


def test_the_seasonal_naive_forecast_of_m4_hourly_has_its_published_errors(shared_data):
    errors = _of_table(shared_data / "m4_hourly" / "m4" / "hourly.csv.gz", 48, 24)

    assert len(errors) == 414
    assert np.mean([each["mase"] for each in errors]) == pytest.approx(1.193, abs=5e-4)
    assert np.mean([each["smape"] for each in errors]) == pytest.approx(13.912, abs=5e-4)


def test_the_seasonal_naive_forecast_of_m3_has_its_published_error(shared_data):
    kinds = {"yearly": (6, 1), "quarterly": (8, 4), "monthly": (18, 12), "other": (8, 1)}
    errors = [
        each["smape"]
        for path in sorted((shared_data / "m3" / "m3").glob("*.csv.gz"))
        for each in _of_table(path, *kinds[path.name.partition("_")[0]])
    ]

    assert len(errors) == 3003
    assert np.mean(errors) == pytest.approx(15.186, abs=5e-4)
