"""The statistical trainers against their oracle, statsmodels."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from statsmodels.tsa.ar_model import AutoReg
from statsmodels.tsa.arima.model import ARIMA

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


def test_an_autoregression_that_would_explode_is_held_back():
    growing = daily(60) * 0 + np.exp(np.arange(60) / 5.0)

    forecast = autoreg.train(dataclasses.replace(dataset(), train=growing), autoreg.Params(lags=2)).predict(
        5_000
    )

    assert np.isfinite(forecast).all()
    assert np.abs(forecast).max() < 100 * growing.max()


@pytest.mark.parametrize(
    ("order", "seasonal"),
    [
        ((1, 0, 0), None),
        ((2, 1, 2), None),
        ((0, 1, 1), None),
        ((1, 0, 1), (0, 1, 1, 24)),
        ((1, 1, 0), (1, 0, 0, 4)),
    ],
)
def test_arima_forecasts_like_statsmodels_from_its_saved_state_alone(order, seasonal):
    given = dataset(n=240)
    params = arima.Params(order=order, seasonal=seasonal)
    values = given.train.to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = arima.train(given, params)
        trend = "c" if order[1] == 0 and (seasonal is None or seasonal[1] == 0) else "n"
        scaled = (values - values.mean()) / values.std()
        oracle = ARIMA(
            scaled, order=order, seasonal_order=seasonal or (0, 0, 0, 0), trend=trend, concentrate_scale=True
        )
        fitted = oracle.smooth(model.params)
        extended = fitted.append((given.test.to_numpy() - values.mean()) / values.std())

    kept = arima.restore(model.state())

    expected = values.mean() + values.std() * fitted.forecast(48)
    one_step = values.mean() + values.std() * extended.fittedvalues[-48:]
    assert kept.predict(48) == pytest.approx(expected, abs=1e-8)
    assert kept.one_step(given.test) == pytest.approx(one_step, abs=2e-3)


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
        (arima, {"oder": "1,1,1"}, "has no parameter 'oder'; it has order, seasonal, period"),
        (arima, {"order": "1,1"}, "the parameter order is '1,1'; it must be a whole number,a whole number"),
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
