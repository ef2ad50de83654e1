"""The subspace of sliding windows: its distances against their definition, its scores by what they find."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.covariance import EmpiricalCovariance

from runner.errors import OptionError
from runner.params import parse_params
from runner.saving import save
from runner.trainers import pca
from runner.trainers.window_space import MEANS, RIDGE, WindowSpace, described, pooling, spread_over_values
from tests.series import daily, dataset

chance = np.random.default_rng(5)


def test_distances_are_those_of_mahalanobis_with_a_ridge():
    windows = chance.normal(size=(300, 10)) @ chance.normal(size=(10, 10))
    oracle = EmpiricalCovariance().fit(windows)
    ridge = RIDGE * np.trace(oracle.covariance_) / 10
    inverse = np.linalg.inv(oracle.covariance_ + ridge * np.eye(10))
    deviations = windows - windows.mean(axis=0)

    found = WindowSpace.of(windows, 1).distances(windows)

    expected = np.sqrt(np.einsum("ij,jk,ik->i", deviations, inverse, deviations) / 10)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_direction_in_which_training_varied_counts_less():
    windows = np.column_stack([chance.normal(0, 5, 500), chance.normal(0, 1, 500)])
    space = WindowSpace.of(windows, 1)

    along, across = space.distances(space.mean + np.array([[3.0, 0.0], [0.0, 3.0]]))

    assert across > 3 * along


@pytest.mark.parametrize(("width", "pooled"), [(2, 1), (24, 1), (25, 2), (288, 12)])
def test_long_windows_are_described_by_at_most_24_means(width, pooled):
    series = chance.normal(size=400)

    windows = described(series, pooling(width), width // pooling(width))

    assert pooling(width) == pooled
    assert windows.shape == (400 - pooled * windows.shape[1] + 1, windows.shape[1])
    assert windows.shape[1] <= MEANS
    assert windows[7, 1] == pytest.approx(series[7 + pooled : 7 + 2 * pooled].mean())


def test_a_value_gets_the_mean_over_the_windows_that_hold_it():
    assert spread_over_values(np.array([1.0, 3.0, 8.0]), 2) == pytest.approx([1.0, 2.0, 5.5, 8.0])


def test_a_night_without_its_dip_is_found_though_every_value_is_usual():
    given = dataset(n=2_000, test=600, period=288)
    flat = given.test.to_numpy().copy()
    flat[200:344] = flat[200] + chance.normal(0, 0.3, 144)
    model = pca.train(given, pca.Params())

    calm, disturbed = model.score(given.test), model.score(flat)

    assert model.model_used == "pca(windows of 24 and 288 values)"
    assert disturbed[250:300].min() > model.threshold
    assert disturbed[250:300].min() > 1.5 * calm.max()


def test_calm_values_seldom_pass_the_threshold():
    given = dataset(n=2_000, test=2_000, period=288)

    model = pca.train(given, pca.Params())

    assert (model.score(given.test) > model.threshold).mean() < 0.03


def test_the_first_test_values_are_scored_with_the_training_values_before_them():
    series = daily(1_000)
    model = pca.train(dataclasses.replace(dataset(), train=series[:900]), pca.Params())
    other = model.score(series[900:].to_numpy())

    misplaced = model.score(np.roll(series[900:].to_numpy(), 12))

    assert misplaced[:5].min() > 2 * other[:5].max()


def test_missing_values_at_the_start_are_bridged_from_the_last_training_value():
    given = dataset(n=1_000)
    holed, bridged = given.test.to_numpy().copy(), given.test.to_numpy().copy()
    holed[:6] = np.nan
    bridged[:6] = given.train.to_numpy()[-1]
    model = pca.train(given, pca.Params())

    assert model.score(holed) == pytest.approx(model.score(bridged), abs=0.02)


def test_what_comes_long_after_an_absurd_value_is_scored_as_if_it_had_not_been():
    given = dataset(n=1_000, test=200)
    absurd = given.test.to_numpy().copy()
    absurd[50] = 1e25
    model = pca.train(given, pca.Params())

    scores = model.score(absurd)

    assert scores[50] > 1_000
    assert scores[-80:] == pytest.approx(model.score(given.test)[-80:], abs=1e-4)


def test_without_a_season_the_long_window_is_twice_the_length_that_repeats():
    given = dataclasses.replace(dataset(n=600, period=30), period=1)

    model = pca.train(given, pca.Params())

    assert 56 <= model.scales[1].space.width <= 64


def test_little_training_data_leaves_the_short_windows_only():
    model = pca.train(dataset(n=60, period=288), pca.Params())

    assert model.model_used == "pca(windows of 24 values)"


def test_a_model_takes_few_bytes_and_comes_back_as_it_was():
    given = dataset(n=2_000, period=288)
    model = pca.train(given, pca.Params())

    (content,) = save(model, None, trainer="pca").files.values()
    restored = pca.restore(model.state())

    assert len(content) < 6_000
    assert restored.score(given.test) == pytest.approx(model.score(given.test), abs=1e-12)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"window": "1"}, "are at least 2"),
        ({"long": "1"}, "are at least 2"),
        ({"quantile": "0"}, "between 0"),
    ],
)
def test_a_parameter_that_cannot_be_is_told(given, told):
    with pytest.raises(OptionError, match=told):
        parse_params(pca.Params, given, "pca")
