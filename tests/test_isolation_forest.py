"""The isolation forest against scikit-learn's, compiled and without numba."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from runner.errors import OptionError, SlowFitWarning
from runner.params import parse_params
from runner.saving import save
from runner.trainers import compiled, forest, isolation_forest
from runner.trainers.forest import Forest
from runner.trainers.forest_growing import Size, grow
from tests.series import dataset


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(compiled, "trouble", [])
    monkeypatch.delitem(sys.modules, "runner.trainers.forest_kernel", raising=False)
    forest.kernel.cache_clear()
    yield
    forest.kernel.cache_clear()


def series(kind):
    chance = np.random.default_rng(3)
    walk = np.cumsum(chance.normal(size=700))
    kinds = {"smooth": walk / walk.std(), "ties": np.round(walk / 8), "flat": np.where(walk > 0, walk, 0.0)}
    return kinds[kind].astype(np.float32)


@pytest.mark.parametrize("kind", ["smooth", "ties", "flat"])
@pytest.mark.parametrize("window", [1, 24])
def test_many_compiled_trees_score_as_many_of_scikit_learn_do(kind, window):
    values = series(kind)
    windows = np.lib.stride_tricks.sliding_window_view(values, window)
    oracle = IsolationForest(n_estimators=1_500, max_samples=256, random_state=0).fit(windows)

    scores = grow(values, Size(window, 1_500, 256), seed=0).scores(values, window)

    expected = -oracle.score_samples(windows)
    assert np.abs(scores - expected).max() < 0.015
    assert np.mean(scores - expected) == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize("kind", ["smooth", "ties"])
def test_every_sample_ends_in_one_leaf_of_each_tree(kind):
    grown = grow(series(kind), Size(24, 50, 100), seed=1)

    assert grown.depth == 7
    assert (grown.size.sum(axis=1) == 100).all()
    assert ((grown.size > 0).sum(axis=1) == np.isfinite(grown.cut).sum(axis=1) + 1).all()


def test_compiled_and_plain_scores_are_equal(monkeypatch):
    values = series("smooth")
    grown = grow(values, Size(24, 100, 256), seed=0)
    compiled = grown.scores(values, 24)

    monkeypatch.setattr(forest, "kernel", lambda: None)

    assert grown.scores(values, 24) == pytest.approx(compiled, abs=1e-12)


def test_one_seed_gives_one_forest_and_another_seed_another():
    first, again, other = (grow(series("smooth"), Size(24, 10, 64), seed) for seed in (1, 1, 2))

    assert np.array_equal(first.cut, again.cut)
    assert not np.array_equal(first.cut, other.cut)


def test_a_forest_takes_few_bytes_and_comes_back_as_it_was():
    given = dataset(n=2_000)
    model = isolation_forest.train(given, isolation_forest.Params())

    (content,) = save(model, None, trainer="isolation_forest").files.values()
    restored = isolation_forest.restore(model.state())

    assert len(content) < 60_000
    assert restored.score(given.test) == pytest.approx(model.score(given.test), abs=1e-12)


def test_fewer_windows_than_samples_are_all_used():
    model = isolation_forest.train(dataset(n=100), isolation_forest.Params(trees=5))

    assert (model.forest.size.sum(axis=1) == 77).all()


def test_without_numba_the_trees_of_scikit_learn_score_as_they_do_there(without_numba):
    given = dataset(seed=3)
    values = given.train.to_numpy()
    scaled = (values - values.mean()) / values.std()
    windows = np.lib.stride_tricks.sliding_window_view(scaled, 24)
    oracle = IsolationForest(n_estimators=100, max_samples=256, random_state=3).fit(windows)

    with pytest.warns(SlowFitWarning, match="numba cannot be imported"):
        trained = isolation_forest.train(given, isolation_forest.Params())
    model = isolation_forest.restore(trained.state())

    everything = np.concatenate([scaled[-23:], (given.test.to_numpy() - values.mean()) / values.std()])
    tested = np.lib.stride_tricks.sliding_window_view(everything, 24)
    assert model.score(given.test) == pytest.approx(-oracle.score_samples(tested), abs=1e-8)


def test_without_numba_that_is_said_once(without_numba):
    with pytest.warns(UserWarning, match="twenty times as long"):
        isolation_forest.train(dataset(), isolation_forest.Params(trees=2))

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        isolation_forest.train(dataset(), isolation_forest.Params(trees=2))

    assert not said


def test_a_forest_with_long_windows_keeps_its_features():
    grown = grow(series("smooth"), Size(400, 20, 64), seed=0)

    restored = Forest.restored(grown.state())

    assert restored.feature.max() > 127
    assert np.array_equal(restored.feature, grown.feature)


def test_a_window_too_long_to_number_its_values_is_refused():
    with pytest.raises(OptionError, match="window is 40000; it is at most 32768"):
        parse_params(isolation_forest.Params, {"window": "40000"}, "isolation_forest")


def test_a_disturbance_passes_the_threshold_and_calm_values_do_not():
    given = dataset(n=2_000)
    spiked = given.test.to_numpy().copy()
    spiked[10:30] += 25
    model = isolation_forest.train(given, isolation_forest.Params())

    assert model.score(spiked)[29] > model.threshold
    assert (model.score(given.test) > model.threshold).mean() < 0.1
