"""The statistical trainers against their oracle, statsmodels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from statsmodels.tsa.ar_model import AutoReg

from runner.errors import OptionError, TooShortError
from runner.params import parse_params
from runner.trainers import arima, autoreg, isolation_forest, seasonal_naive
from tests.series import daily, dataset


def test_the_seasonal_naive_forecast_repeats_the_last_season():
    given = dataset(n=96)

    forecast = seasonal_naive.train(given, seasonal_naive.Params()).predict(30)

    assert np.array_equal(forecast[:24], given.train.to_numpy()[-24:])
    assert np.array_equal(forecast[24:], forecast[:6])


def test_its_one_step_forecast_is_the_value_a_season_ago_across_gaps():
    model = seasonal_naive.train(dataclasses.replace(dataset(n=96), period=2), seasonal_naive.Params())
    last = model.season

    assert list(model.one_step([1.0, np.nan, 3.0, 4.0, 5.0])) == [last[0], last[1], 1.0, last[1], 3.0]


def test_less_than_a_season_is_forecast_by_the_last_value():
    given = dataclasses.replace(dataset(n=5), period=24)

    assert set(seasonal_naive.train(given, seasonal_naive.Params()).predict(3)) == {given.train.iloc[-1]}


def test_autoregression_equals_statsmodels():
    given = dataset()
    oracle = AutoReg(given.train.to_numpy(), lags=6).fit()

    model = autoreg.train(given, autoreg.Params(lags=6))

    assert model.weights == pytest.approx(oracle.params[1:], rel=1e-8)
    assert model.constant == pytest.approx(oracle.params[0], rel=1e-8)
    assert model.predict(10) == pytest.approx(oracle.forecast(10), rel=1e-8)


def test_autoregression_with_gaps_is_least_squares_over_the_rows_without_any():
    given = dataset()
    train = given.train.copy()
    train.iloc[[60, 61, 200]] = np.nan
    windows = np.lib.stride_tricks.sliding_window_view(train.to_numpy(), 4)
    rows = windows[~np.isnan(windows).any(axis=1)]
    design = np.column_stack([np.ones(len(rows)), rows[:, 2::-1]])
    expected = np.linalg.lstsq(design, rows[:, 3], rcond=None)[0]

    model = autoreg.train(dataclasses.replace(given, train=train), autoreg.Params(lags=3))

    assert [model.constant, *model.weights] == pytest.approx(expected, rel=1e-8)


def test_an_autoregression_of_a_series_that_repeats_itself_takes_the_smallest_weights():
    given = dataclasses.replace(dataset(), train=daily(240) * 0 + np.arange(240) % 2)

    model = autoreg.train(given, autoreg.Params(lags=4))

    assert model.weights == pytest.approx([-0.25, 0.25, -0.25, 0.25])
    assert model.predict(4) == pytest.approx([0, 1, 0, 1], abs=1e-8)


def test_an_autoregression_that_would_explode_is_held_back():
    growing = daily(60) * 0 + np.exp(np.arange(60) / 5.0)

    forecast = autoreg.train(dataclasses.replace(dataset(), train=growing), autoreg.Params(lags=2)).predict(
        5_000
    )

    assert np.isfinite(forecast).all()
    assert np.abs(forecast).max() < 100 * growing.max()


def test_a_missing_value_teaches_arima_nothing():
    model = arima.train(dataset(), arima.Params(order=(1, 0, 0)))

    assert model.one_step([np.nan, 10.0])[1] == pytest.approx(model.predict(2)[1])


def test_too_few_values_are_told_with_figures():
    given = dataclasses.replace(dataset(), train=daily(4))

    with pytest.raises(TooShortError, match="there are 4 training values, this trainer needs 8"):
        arima.train(given, arima.Params(order=(2, 1, 2)))


@pytest.mark.parametrize(
    ("trainer", "given", "told"),
    [
        (arima, {"oder": "1,1,1"}, "has no parameter 'oder'; it has order, seasonal, harmonics, period"),
        (
            arima,
            {"order": "1,1"},
            "the parameter order is '1,1'; it must be 3 whole numbers or none",
        ),
        (arima, {"harmonics": "many"}, "it is a number, auto or none"),
        (arima, {"order": "auto", "seasonal": "0,1,1,24"}, "order=auto chooses the seasonal part too"),
        (arima, {"order": "0,0,0"}, "not all of them are"),
        (arima, {"seasonal": "1,0,0,1"}, "s is at least 2"),
        (autoreg, {"lags": "0"}, "it is at least 1"),
        (autoreg, {"lags": "many"}, "it must be a whole number or none"),
        (isolation_forest, {"quantile": "2"}, "it lies between 0 and 1"),
    ],
)
def test_a_parameter_that_cannot_be_is_told(trainer, given, told):
    with pytest.raises(OptionError, match=told):
        parse_params(trainer.Params, given, "x")


def test_parameters_are_parsed_by_their_types():
    params = parse_params(arima.Params, {"order": "(2, 1, 2)", "seasonal": "none"}, "arima")

    assert (params.order, params.seasonal) == ((2, 1, 2), None)
