"""ARIMA against its oracle, statsmodels: likelihood, forecasts, intervals, gaps."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import toeplitz
from scipy.signal import lfilter
from scipy.stats import multivariate_normal
from statsmodels.tsa.arima_process import arma_acovf
from statsmodels.tsa.statespace.sarimax import SARIMAX

from runner.errors import SlowFitWarning
from runner.metrics import evaluate
from runner.trainer import Dataset
from runner.trainers import arima
from runner.trainers.arima_model import Arima, waves
from runner.trainers.arma import by_statsmodels, prediction
from runner.trainers.arma.fit import Fit, Likelihood, fit
from runner.trainers.arma.harmonics import fitted_cycles, without
from runner.trainers.arma.likelihood import likelihood
from runner.trainers.arma.orders import Orders, integrated_ones
from runner.trainers.arma.polynomials import constrained, differences, expanded, unconstrained
from runner.trainers.arma.selection import chosen
from runner.trainers.arma.slope import curved, sloped, turned
from runner.trainers.arma.squares import least_squares
from runner.trainers.compiled import _stamp
from runner.trainers.residuals import ResidualScale
from tests.series import dataset

ROOT = Path(__file__).resolve().parents[1]
MODELS = [
    Orders(1, 0, 0),
    Orders(0, 0, 3),
    Orders(2, 0, 2, constant=True),
    Orders(3, 1, 1),
    Orders(2, 1, 2, constant=True),
    Orders(1, 2, 1),
    Orders(0, 0, 0, 1, 0, 1, 4),
    Orders(1, 0, 1, 0, 1, 1, 12),
    Orders(2, 1, 0, 1, 0, 1, 7, constant=True),
    Orders(1, 1, 1, 1, 1, 1, 4),
]


def series_like(orders: Orders, seed: int, n: int = 150) -> np.ndarray:
    """Noise made rough and seasonal, summed up as often as the model takes differences; of spread 1."""
    chance = np.random.default_rng(seed)
    values = np.convolve(chance.normal(0, 1, n + 20), chance.normal(0, 1, 4), "valid")[:n]
    values += chance.normal(0, 1) * np.sin(np.arange(n) * 2 * np.pi / 12)
    for lag in [1] * orders.d + [orders.s] * orders.D:
        for place in range(lag, n):
            values[place] += values[place - lag]
    return (values - values.mean()) / values.std()


def as_model(found: Fit) -> Arima:
    """A fit of values that were not scaled as the model that is kept of it."""
    kept = {name: getattr(found, name) for name in ("factors", "phi", "theta", "intercept")}
    deviation = float(np.sqrt(found.variance))
    scale = ResidualScale.of(found.errors)
    return Arima(
        "x",
        found.orders.key,
        start=found.state,
        deviation=deviation,
        center=0,
        spread=1,
        residuals=scale,
        **kept,
    )


def oracle(values, orders, **options):
    """The same model by statsmodels, without a constant."""
    seasonal = (orders.P, orders.D, orders.Q, orders.s) if orders.s > 1 else (0, 0, 0, 0)
    return SARIMAX(values, order=(orders.p, orders.d, orders.q), seasonal_order=seasonal, **options)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_the_likelihood_is_that_of_statsmodels_at_any_parameters(orders):
    shape = orders.shape
    gaps = []
    for seed in range(20):
        values = series_like(dataclasses.replace(orders, d=0, D=0), seed, 90)
        factors = constrained(np.random.default_rng(seed).normal(0, 0.8, shape[:4].sum()), shape)
        phi, theta = expanded(factors, shape)
        room = np.empty((2, 90)), np.empty(90), np.empty((2, phi.size))
        found, variance, _, _ = likelihood(phi, theta, values, False, *room)
        told = oracle(values, dataclasses.replace(orders, d=0, D=0)).loglike([*factors, variance])
        gaps.append(found - told)

    assert np.abs(gaps).max() < 1e-6


def likelihood_at(free, orders, values):
    """The negative log-likelihood, and what the slope is made of."""
    phi, theta = expanded(constrained(free, orders.shape), orders.shape)
    room = np.empty((2, values.size)), np.empty(values.size), np.empty((2, phi.size))
    found, variance, _, steady = likelihood(phi, theta, values, False, *room)
    return -found, (phi, theta, steady, room[0][0], room[1], variance)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_the_slope_of_the_likelihood_is_that_of_differences(orders):
    values, step = series_like(dataclasses.replace(orders, d=0, D=0), 3, 300), 1e-5
    free = np.random.default_rng(1).normal(0, 0.8, orders.shape[:4].sum())
    _, (phi, theta, steady, errors, scales, _) = likelihood_at(free, orders, values)
    expected = [
        (likelihood_at(free + each, orders, values)[0] - likelihood_at(free - each, orders, values)[0])
        / (2 * step)
        for each in step * np.eye(free.size)
    ]
    slope = np.empty(free.size)

    sloped(phi, theta, turned(free, orders.shape), values, steady, errors, scales, np.empty(300), slope)

    assert slope == pytest.approx(expected, rel=1e-3, abs=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_near_the_maximum_the_curvature_is_about_that_of_differences(orders):
    stationary, step = dataclasses.replace(orders, d=0, D=0, constant=False), 1e-3
    shape = orders.shape
    truth = np.random.default_rng(2).uniform(0.2, 0.5, shape[:4].sum())
    phi, theta = expanded(constrained(truth, shape), shape)
    values = lfilter([1, *theta], [1, *-phi], np.random.default_rng(3).normal(0, 1, 5_000))[1_000:]
    free = unconstrained(fit(values / values.std(), stationary).factors, shape, 1 - 1e-9)
    height, (phi, theta, _, errors, _, variance) = likelihood_at(free, orders, values)
    expected = [
        (
            likelihood_at(free + each, orders, values)[0]
            + likelihood_at(free - each, orders, values)[0]
            - 2 * height
        )
        / step**2
        for each in step * np.eye(free.size)
    ]
    found = np.empty((free.size, free.size))

    turns = turned(free, shape)
    curved(phi, theta, turns, values, errors, variance, np.empty((free.size + 2, 4_000)), found)

    assert np.diag(found) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_a_fit_is_as_likely_as_that_of_statsmodels_and_forecasts_alike(orders):
    plain = dataclasses.replace(orders, constant=False)
    values = series_like(orders, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = oracle(values, plain, concentrate_scale=True, simple_differencing=True)
        theirs = model.fit(disp=False)
        full = oracle(values, plain, concentrate_scale=True)

    ours = fit(values, plain, period=12)

    assert ours.log_likelihood > theirs.llf - 0.1
    assert ours.log_likelihood == pytest.approx(model.loglike(ours.factors), abs=1e-4)
    found = as_model(ours)
    given = full.filter(ours.factors).get_forecast(30)
    size = np.abs(given.predicted_mean).max()
    assert found.predict(30) == pytest.approx(given.predicted_mean, abs=1e-3 * size)
    assert found.interval(30, 0.8) == pytest.approx(given.conf_int(alpha=0.2), abs=5e-3 * size, rel=5e-3)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_on_hundreds_of_series_forecasts_and_intervals_are_those_of_statsmodels(orders):
    plain = dataclasses.replace(orders, constant=False)
    off, wide = [], []
    for seed in range(20):
        values = series_like(orders, seed)
        ours = fit(values, plain, period=12)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = oracle(values, plain, concentrate_scale=True).filter(ours.factors).get_forecast(30)
        bounds = given.conf_int(alpha=0.2)
        off.append(np.abs(as_model(ours).predict(30) - given.predicted_mean).max() / np.abs(bounds).max())
        wide.append(np.abs(as_model(ours).interval(30, 0.8) - bounds).max() / np.abs(bounds).max())

    assert max(off) < 1e-5
    assert np.median(wide) < 1e-5
    assert max(wide) < 0.05  # near a unit root of the moving average the last errors are not known exactly


def holed(values, seed=0, share=0.1):
    """The series with values missing here and there, and a gap; the first 30 are known."""
    found = values.copy()
    places = np.arange(30, found.size)
    found[np.random.default_rng(seed).choice(places, int(share * found.size), replace=False)] = np.nan
    found[60:75] = np.nan
    return found


def normal_likelihood(values, orders, factors, variance, mean):
    """The likelihood by its definition: the normal density of the known values, given the first ones."""
    phi, theta = expanded(factors, orders.shape)
    reach = differences(orders.d, orders.D, orders.s).size
    size = values.size - reach
    covariance = toeplitz(arma_acovf(np.r_[1, -phi], np.r_[1, theta], nobs=size)[:size])
    summed, given, trend = np.zeros((values.size, size)), np.zeros(values.size), np.zeros(values.size)
    given[:reach] = values[:reach]
    for place in range(reach, values.size):
        summed[place, place - reach] = trend[place] = 1.0
        for lag, weight in enumerate(differences(orders.d, orders.D, orders.s), start=1):
            summed[place] -= weight * summed[place - lag]
            given[place] -= weight * given[place - lag]
            trend[place] -= weight * trend[place - lag]
    known = ~np.isnan(values) & (np.arange(values.size) >= reach)
    matrix = variance * (summed @ covariance @ summed.T)[np.ix_(known, known)]
    return multivariate_normal((given + mean * trend)[known], matrix).logpdf(values[known])


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_with_gaps_the_likelihood_is_that_of_the_known_values(orders):
    values = holed(series_like(orders, 2))

    found = fit(values, orders)

    expected = normal_likelihood(values, orders, found.factors, found.variance, found.mean)
    assert found.log_likelihood == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_after_gaps_the_forecasts_are_those_of_statsmodels(orders):
    values = holed(series_like(orders, 3))
    values[-3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fit(values, orders)
        trend = integrated_ones(orders, values.size + 20) * found.mean
        given = oracle(values - trend[: values.size], orders, initialization="approximate_diffuse")
        given.initialize_approximate_diffuse(1e8) if orders.d + orders.D else given.initialize_default()
        expected = given.filter([*found.factors, found.variance]).forecast(20) + trend[values.size :]

    assert as_model(found).predict(20) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_the_fit_by_statsmodels_gives_the_same_kind_of_model(orders):
    values = series_like(orders, 4)
    values[50:53] = np.nan

    slow, fast = by_statsmodels.fit(values, orders), fit(values, orders)

    assert slow.phi.shape == fast.phi.shape
    assert slow.variance == pytest.approx(fast.variance, rel=0.1)
    ahead = [as_model(each).predict(12) for each in (slow, fast)]
    assert ahead[0] == pytest.approx(ahead[1], abs=0.3)


def test_a_model_is_the_same_after_saving_without_its_data():
    given = dataset(n=400)
    model = arima.train(given, arima.Params(order=(1, 0, 1), seasonal=(0, 1, 1, 24)))

    kept = arima.restore(model.state())

    assert np.array_equal(kept.predict(72), model.predict(72))
    assert np.array_equal(kept.interval(72), model.interval(72))
    assert sum(each.nbytes for each in model.state().values() if isinstance(each, np.ndarray)) < 500


def test_one_step_forecasts_are_those_of_statsmodels():
    given = dataset(n=400)
    model = arima.train(given, arima.Params(order=(2, 0, 1)))
    everything = (np.concatenate([given.train, given.test]) - model.center) / model.spread
    mean = model.intercept / (1 - model.phi.sum())
    expected = oracle(everything - mean, Orders(2, 0, 1)).filter([*model.factors, model.deviation**2])

    found = model.one_step(given.test)

    assert found == pytest.approx(
        model.center + model.spread * (mean + expected.fittedvalues[-48:]), abs=1e-6
    )


def test_a_missing_value_teaches_arima_nothing():
    model = arima.train(dataset(), arima.Params(order=(1, 0, 0)))

    assert model.one_step([np.nan, 10.0])[1] == pytest.approx(model.predict(2)[1])


def test_intervals_hold_as_many_values_as_they_say():
    inside = []
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(0, 1, 520)
        values = lfilter([1, 0.4], [1, -0.7], noise)[20:].cumsum()
        found = as_model(fit(values[:480], Orders(1, 1, 1))).interval(20, 0.9)
        inside.append((found[:, 0] < values[480:]) & (values[480:] < found[:, 1]))

    assert np.mean(inside) == pytest.approx(0.9, abs=0.05)


def test_a_season_is_found_where_a_search_from_one_place_misses_it():
    chance = np.random.default_rng(4)
    values = 6 * np.sin(np.arange(1500) * 2 * np.pi / 24) + lfilter([1], [1, -0.8], chance.normal(0, 1, 1500))
    values[700:] += 8
    values[chance.integers(0, 1500, 8)] += chance.normal(0, 12, 8)
    values /= values.std()

    season = fit(values, Orders(2, 1, 2), period=24)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = oracle(values, Orders(2, 1, 2), concentrate_scale=True, simple_differencing=True).fit(disp=0)

    assert season.log_likelihood > theirs.llf + 50


def test_the_champion_is_one_more_start():
    values = series_like(Orders(2, 1, 2), 5, 400)
    first = fit(values, Orders(2, 1, 2))

    again = fit(values, Orders(2, 1, 2), previous=first.factors)

    assert again.log_likelihood > first.log_likelihood - 1e-2
    params = arima.Params(order=(1, 1, 1))
    given = dataclasses.replace(dataset(), previous=arima.train(dataset(), params).state())
    assert arima.train(given, params).factors == pytest.approx(given.previous["factors"], abs=1e-2)
    assert arima.train(given, arima.Params(order=(1, 0, 0))).factors.size == 1


def test_the_champion_of_order_auto_is_one_more_candidate():
    values = series_like(Orders(2, 0, 2, constant=True), 5, 400)
    first = chosen(values, 1, 1)
    steep = dataclasses.replace(first.orders, p=5, q=5)
    unlike = dataclasses.replace(first.orders, d=first.orders.d + 1, constant=False)

    again = chosen(values, 1, 1, (first.orders.key, first.factors))
    far = chosen(values, 1, 1, (steep.key, np.zeros(10)))
    other = chosen(values, 1, 1, (unlike.key, first.factors))

    assert again.aicc < first.aicc + 1e-2
    assert far.aicc < first.aicc + 10
    assert other.orders.d == first.orders.d
    given = dataclasses.replace(dataset(), previous=arima.train(dataset(), arima.Params()).state())
    assert arima.makes_use_of(given.previous, arima.Params())
    assert arima.train(given, arima.Params()).state()["orders"] == given.previous["orders"]


def test_free_parameters_and_coefficients_stand_for_each_other():
    shape = Orders(3, 0, 2, 2, 0, 1, 7).shape
    free = np.random.default_rng(0).normal(0, 1, 8)

    assert unconstrained(constrained(free, shape), shape, 0.9999999) == pytest.approx(free, abs=1e-6)


def test_without_compiled_code_statsmodels_fits_and_says_so(monkeypatch):
    monkeypatch.setattr("runner.trainers.compiled.trouble", ["numba cannot be imported (none there)"])

    with pytest.warns(SlowFitWarning, match="none there.: ARIMA models are fitted by statsmodels"):
        model = arima.train(dataset(), arima.Params(order=(1, 0, 1)))

    assert model.model_used == "ARIMA(1,0,1) by statsmodels"


@pytest.mark.parametrize(("n", "period", "season"), [(300, 24, 24), (200, 7, 7)])
def test_without_compiled_code_order_auto_keeps_its_season_and_chooses_as_well(
    monkeypatch, n, period, season
):
    given = dataset(n=n, period=period)
    fast = arima.train(given, arima.Params())
    monkeypatch.setattr("runner.trainers.compiled.trouble", ["numba cannot be imported"])

    with pytest.warns(SlowFitWarning, match="longer$"):
        slow = arima.train(given, arima.Params())

    assert slow.model_used.endswith(" by statsmodels")
    assert slow.orders[6] == season
    assert (slow.orders[1], slow.orders[4]) == (fast.orders[1], fast.orders[4])
    found, expected = (evaluate(model, given) for model in (slow, fast))
    assert found["mae"] < 1.1 * expected["mae"]
    assert found["one_step_mae"] < 1.1 * expected["one_step_mae"]


def test_without_compiled_code_a_long_season_is_forecast_by_waves_and_chosen_orders(monkeypatch):
    monkeypatch.setattr("runner.trainers.compiled.trouble", ["numba cannot be imported"])
    given = Dataset(waved(700, 48), waved(100, 48), period=48)

    with pytest.warns(SlowFitWarning):
        model = arima.train(given, arima.Params())

    assert re.fullmatch(r"ARIMA\(.*\) by statsmodels with [3-6] harmonics of 48", model.model_used)
    assert model.orders[:3] != (1, 1, 1)


@pytest.mark.parametrize("orders", MODELS, ids=str)
def test_least_squares_come_near_the_maximum_of_the_likelihood(orders):
    plain = dataclasses.replace(orders, d=0, D=0, constant=True)
    shape = plain.shape
    truth = np.random.default_rng(2).uniform(0.2, 0.5, shape[:4].sum())
    phi, theta = expanded(constrained(truth, shape), shape)
    values = lfilter([1, *theta], [1, *-phi], np.random.default_rng(3).normal(0, 1, 5_000))[1_000:]
    values /= values.std()

    found, expected = least_squares(values, plain), fit(values, plain)

    reached = Likelihood(values, plain).at(unconstrained(found.factors, shape, 1 - 1e-6))[0]
    assert reached == pytest.approx(expected.log_likelihood, abs=10)
    assert found.mean == pytest.approx(values.mean())
    assert found.aicc == pytest.approx(expected.aicc, abs=20)


def test_order_auto_keeps_its_season_where_gaps_leave_no_room_for_its_differences():
    given = dataset(n=150, period=6)
    train = given.train.copy()
    train.iloc[1::5] = np.nan

    model = arima.train(dataclasses.replace(given, train=train), arima.Params())

    assert re.fullmatch(r"ARIMA\(.*\)\(.*,1,.*\)6 by statsmodels", model.model_used)
    assert np.isfinite(model.predict(48)).all()


def test_where_the_first_values_have_gaps_everywhere_statsmodels_fits():
    given = dataset()
    train = given.train.copy()
    train.iloc[1::5] = np.nan

    model = arima.train(dataclasses.replace(given, train=train), arima.Params((1, 0, 0), (0, 1, 1, 24)))

    assert model.model_used == "ARIMA(1,0,0)(0,1,1)24 by statsmodels"
    assert np.isfinite(model.predict(48)).all()


@pytest.mark.parametrize("hindrance", ["no numba", "no folder"])
def test_the_code_runs_uncompiled_where_numba_cannot_be_used(tmp_path, hindrance):
    script = (
        "import sys\n"
        "if sys.argv[1] == 'no numba':\n    sys.modules['numba'] = None\n"
        "else:\n    from numba.core.caching import CacheImpl\n    CacheImpl._locator_classes = []\n"
        "from runner.trainers import compiled\nfrom runner.trainers.arma.prediction import one_step\n"
        "import numpy as np\n"
        "a = np.array([0.5])\nprint(compiled.trouble, one_step(a, a, a, 1.0, np.array([1.0, np.nan])))\n"
    )
    command = [sys.executable, "-c", script, hindrance]

    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )

    assert "numba" in done.stdout
    assert "[1.5  1.25]" in done.stdout


def waved(n: int, period: int = 288, seed: int = 0) -> pd.Series:
    """Three waves of a day in noise that remembers."""
    chance = np.random.default_rng(seed)
    turns = 2 * np.pi * np.arange(n) / period
    noise = lfilter([1], [1, -0.8], chance.normal(0, 0.3, n))
    return pd.Series(50 + 4 * np.sin(turns) + 2 * np.cos(2 * turns) - np.sin(3 * turns + 1) + noise)


def test_a_long_season_is_forecast_by_as_many_waves_as_there_are():
    values = waved(2_288)
    given = Dataset(values[:2_000], values[2_000:], period=288)

    model = arima.train(given, arima.Params(order=(2, 1, 2), harmonics="auto"))
    kept = arima.restore(model.state())

    assert re.fullmatch(r"ARIMA\(2,1,2\) with [3-6] harmonics of 288", model.model_used)
    plain = evaluate(arima.train(given, arima.Params(order=(2, 1, 2))), given)
    found = evaluate(model, given)
    assert found["mae"] < 0.7 * plain["mae"]
    assert found["one_step_mae"] < plain["one_step_mae"]
    assert np.array_equal(kept.predict(600), model.predict(600))
    assert np.array_equal(kept.one_step(given.test), model.one_step(given.test))


def test_waves_are_those_of_least_squares_where_the_noise_is_white():
    values = waved(1_000, 50).to_numpy() + np.random.default_rng(1).normal(0, 5, 1_000)
    design = np.hstack([np.ones((1_000, 1)), waves(np.array([0.02, 0.04]), 0, 1_000)])
    expected = np.linalg.lstsq(design, values, rcond=None)[0]

    found = fitted_cycles(values, 50, 2)

    assert found.weights == pytest.approx(expected[1:], abs=0.1)
    assert without(values, found).std() < values.std()


def test_a_series_without_a_season_gets_no_waves_and_one_with_gaps_gets_them():
    chance = np.random.default_rng(0)
    holed = waved(1_500)
    holed[700:720] = np.nan

    assert fitted_cycles(chance.normal(0, 1, 2_000), 288, None) is None
    assert fitted_cycles(holed.to_numpy(), 288, None).frequencies.size >= 3
    assert fitted_cycles(chance.normal(0, 1, 40), 288, 30) is None


@pytest.mark.parametrize(
    ("d", "seasonal_d", "season"), [(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 0, 12), (0, 1, 12), (1, 1, 12)]
)
def test_differences_are_chosen_as_often_as_the_series_was_summed(d, seasonal_d, season):
    chance = np.random.default_rng(5)
    values = lfilter([1], [1, -0.3], chance.normal(0, 1, 300))
    if seasonal_d:
        values = values + 4 * np.resize(chance.normal(0, 2, 12), 300)
    for _ in range(d):
        values = values.cumsum()

    found = chosen((values - values.mean()) / values.std(), season, season)

    assert (found.orders.d, found.orders.D) == (d, seasonal_d)


def test_chosen_orders_are_as_good_as_the_true_ones():
    for seed in range(8):
        noise = np.random.default_rng(seed).normal(0, 1, 600)
        values = lfilter([1, 0.5], [1, -1.2, 0.5], noise)[200:]
        values /= values.std()

        assert chosen(values, 1, 1).aicc < fit(values, Orders(2, 0, 1, constant=True)).aicc + 2


def test_orders_are_chosen_with_gaps_too_and_the_model_is_fitted_without_bridging_them():
    values = holed(series_like(Orders(2, 0, 1, constant=True), 7, 300))

    found = chosen(values, 1, 1)

    assert found.size == np.count_nonzero(~np.isnan(values)) - found.orders.d
    assert found.log_likelihood == pytest.approx(fit(values, found.orders).log_likelihood, abs=0.1)


@pytest.mark.parametrize("n", [3, 4, 6, 9, 14, 30])
def test_a_series_however_short_gets_a_model(n):
    values = pd.Series(np.random.default_rng(n).normal(10, 1, n))

    model = arima.train(Dataset(values, values, period=12), arima.Params(order=None))

    assert np.isfinite(model.predict(20)).all()
    assert np.isfinite(model.interval(20)).all()


def test_order_auto_takes_a_seasonal_model_for_a_short_season_and_waves_for_a_long_one():
    hourly, long = dataset(n=480), Dataset(waved(1_500), waved(100), period=288)

    assert arima.train(hourly, arima.Params(order=None)).model_used.endswith(")24")
    assert arima.train(long, arima.Params(order=None)).model_used.endswith("harmonics of 288")
    assert "harmonics" not in arima.train(long, arima.Params(order=None, harmonics="none")).model_used
    assert arima.train(hourly, arima.Params(order=None, harmonics="2")).model_used.endswith(
        "2 harmonics of 24"
    )


CHANCE = np.random.default_rng(0)
ODD = {
    "a line": np.arange(300.0),
    "a parabola": np.arange(300.0) ** 2,
    "a sine": np.sin(np.arange(300) * 2 * np.pi / 24),
    "a saw": np.arange(300) % 24 * 1.0,
    "two values in turn": np.arange(300) % 2 * 1.0,
    "one step": (np.arange(300) > 150) * 1.0,
    "one spike": np.eye(1, 300, 150)[0],
    "a spike at the end": np.eye(1, 300, 299)[0],
    "exponential growth": np.exp(np.arange(300) / 10),
    "far from zero": CHANCE.normal(1e12, 5.5e8, 300),
    "hardly moving": 1 + 1e-9 * CHANCE.normal(0, 1, 300),
    "mostly missing": np.where(CHANCE.random(300) < 0.7, np.nan, CHANCE.normal(0, 1, 300)),
    "rare counts": CHANCE.poisson(0.05, 300) * 1.0,
}


@pytest.mark.parametrize(
    "params",
    [
        arima.Params(order=(1, 1, 1)),
        arima.Params(order=(2, 1, 2)),
        arima.Params(order=(1, 0, 1), seasonal=(0, 1, 1, 12)),
        arima.Params(order=(2, 0, 2), harmonics="auto"),
        arima.Params(order=None),
    ],
)
@pytest.mark.parametrize("name", ODD)
def test_odd_series_get_models_that_stay_in_bounds(name, params):
    values = pd.Series(ODD[name])

    model = arima.train(Dataset(values, values[-48:], period=24), params)

    assert np.isfinite(model.interval(48)).all()
    assert np.isfinite(model.score(values[-48:])).all()
    assert np.abs(model.predict(48)).max() < 200 * np.abs(values).max()


@pytest.mark.parametrize("name", ODD)
def test_odd_series_get_models_without_compiled_code_too(monkeypatch, name):
    monkeypatch.setattr("runner.trainers.compiled.trouble", ["numba cannot be imported"])
    values = pd.Series(ODD[name])[:200]
    if values.nunique() < 2:
        values[190] = 1.0

    with pytest.warns(SlowFitWarning):
        model = arima.train(Dataset(values, values[-48:], period=12), arima.Params())

    assert np.isfinite(model.interval(48)).all()
    assert np.isfinite(model.score(values[-48:])).all()
    assert np.abs(model.predict(48)).max() < 200 * np.abs(values).max()


def test_a_change_of_any_file_has_everything_compiled_again(tmp_path):
    (tmp_path / "called.py").write_text("a = 1")
    (tmp_path / "calling.py").write_text("from called import a")
    before = _stamp.__wrapped__(tmp_path)

    (tmp_path / "called.py").write_text("a = 2")

    assert _stamp.__wrapped__(tmp_path) != before
    one_step = prediction.one_step
    assert one_step._cache._cache_file._source_stamp == _stamp(Path(prediction.__file__).parent)
