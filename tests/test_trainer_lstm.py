"""The LSTM: one graph for all slices, the same numbers with and without TensorFlow."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import psutil
import pytest

from runner.errors import OptionError, TooShortError
from runner.params import parse_params
from runner.trainers import lstm, lstm_graph, seasonal_naive
from runner.trainers.adam import DivergedError
from runner.trainers.batches import batches
from runner.trainers.tensorflow import tensorflow, threads
from tests.series import daily, dataset

SMALL = lstm.Params(window=8, units=4, epochs=2)


def unlike(params, **changes):
    """Params of an architecture that no other test uses, so that its graph is fresh."""
    return dataclasses.replace(params, **changes)


def graph_of(params):
    return lstm_graph.training(params.window, params.units, params.batch)


def arguments(scaled, *, epochs=2, patience=0, rate=0.01):
    """What the graph of window 8, 4 units and batch 32 is called with."""
    chance = np.random.default_rng(0)
    series = lstm_graph.filled_up(np.asarray(scaled))
    weights = lstm_graph.initial(4, chance)  # first, so that they do not follow from the epochs
    plan = batches(len(scaled) - 8, series.size, epochs, 32, patience, chance)
    return plan.limits, plan.places, plan.held, series, np.float32(rate), *weights


def weights_of(model):
    return [getattr(model.weights, name) for name in lstm.NAMES]


def flat(weights):
    return np.concatenate([np.ravel(each) for each in weights])


def test_one_trace_serves_slices_of_every_length_and_learning_rate():
    params = unlike(SMALL, units=3)

    for number in range(30):
        lstm.train(
            dataset(n=12 + 11 * number, seed=number), unlike(params, learning_rate=0.001 + number / 1e4)
        )

    assert graph_of(params).compiled.experimental_get_tracing_count() == 1
    assert graph_of(params).plain.experimental_get_tracing_count() == 1  # by the trial


def test_lengths_share_few_shapes_so_that_xla_compiles_a_few_times_only():
    shapes = {tuple(np.shape(each) for each in arguments(np.zeros(n))) for n in range(10, 1025)}

    assert len(shapes) == 5  # 64, 128, 256, 512, 1024


def test_what_fills_up_a_series_and_a_batch_does_not_change_the_model():
    limits, places, held, series, *others = arguments(np.sin(np.arange(50.0)))
    other = np.where(np.arange(series.size) < 50, series, np.float32(99.0))
    longer = np.concatenate([places, np.full((7, 32), -1, np.int32)])
    graph = lstm_graph.training(8, 4, 32).plain

    first = graph(limits, places, held, series, *others)
    second = graph(limits, longer, held, other, *others)

    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_model_trained_after_others_is_the_one_trained_first():
    first = lstm.train(dataset(seed=1), SMALL)
    lstm.train(dataset(seed=2, n=700), SMALL)
    again = lstm.train(dataset(seed=1), SMALL)

    assert all(np.array_equal(a, b) for a, b in zip(weights_of(first), weights_of(again), strict=True))


def test_another_seed_gives_another_model():
    given = dataset()

    first = lstm.train(given, SMALL)
    second = lstm.train(dataclasses.replace(given, seed=1), SMALL)

    assert not np.array_equal(first.weights.kernel, second.weights.kernel)


def test_numpy_forecasts_what_the_graph_forecasts():
    tf = tensorflow()
    model = lstm.train(dataset(), SMALL)
    windows = np.random.default_rng(0).normal(size=(20, 8))
    single = [tf.constant(each.astype(np.float32)) for each in weights_of(model)]

    graph = lstm_graph.forward(tf, tf.constant(windows.astype(np.float32)), single).numpy()

    assert model.weights.forward(windows) == pytest.approx(graph, abs=1e-5)


def test_keras_with_the_same_weights_trains_to_the_same_model():
    tf = tensorflow()
    given, params = dataset(n=112), unlike(SMALL, epochs=3, learning_rate=0.01)
    values = given.train.to_numpy()
    scaled = ((values - values.mean()) / values.std()).astype(np.float32)
    chance = np.random.default_rng(given.seed)
    initial = lstm_graph.initial(params.units, chance)
    plan = batches(104, 128, 3, 32, 0, chance)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, 9)
    plain = tf.keras.Sequential([tf.keras.Input((8, 1)), tf.keras.layers.LSTM(4), tf.keras.layers.Dense(1)])
    plain.compile(tf.keras.optimizers.Adam(0.01), "mse")
    plain.set_weights(initial)
    for rows in plan.places[:12]:  # the last of each epoch has 8 windows and 24 places of -1
        plain.train_on_batch(windows[rows[rows >= 0]][:, :8, None], windows[rows[rows >= 0]][:, 8:])

    model = lstm.train(given, params)

    assert flat(weights_of(model)) == pytest.approx(flat(plain.get_weights()), abs=1e-4)
    loss = np.mean((model.weights.forward(windows[:, :8].astype(np.float64)) - windows[:, 8]) ** 2)
    assert loss == pytest.approx(plain.evaluate(windows[:, :8, None], windows[:, 8:], verbose=0), rel=1e-3)


def test_with_patience_it_stops_and_keeps_the_weights_of_the_best_epoch():
    noise = np.random.default_rng(1).normal(size=100)
    limits, *given = arguments(noise, epochs=20, patience=2, rate=0.1)
    windows = np.lib.stride_tricks.sliding_window_view(noise, 9)[-9:]  # the last tenth of 92

    def after(epochs):
        """The weights after so many epochs, without stopping, and their error on what is held back."""
        weights = graph_of(SMALL).plain(np.array([epochs, limits[1], 0, 0], np.int32), *given)
        model = lstm.Weights(*(each.numpy().astype(float) for each in weights))
        return flat(weights), np.mean((model.forward(windows[:, :8]) - windows[:, 8]) ** 2)

    kept = flat(graph_of(SMALL).plain(limits, *given))

    weights, errors = zip(*(after(epochs) for epochs in range(1, 21)), strict=True)
    lowest = next(place for place in range(18) if errors[place] < min(errors[place + 1 : place + 3]))
    assert list(kept) == list(weights[lowest])
    assert errors[lowest + 3] < errors[lowest]  # it did stop: the next epoch would have been better


def test_a_training_that_diverges_with_patience_is_told_too():
    with pytest.raises(DivergedError, match="set learning_rate below"):
        lstm.train(dataset(), unlike(SMALL, learning_rate=1e38, patience=2))


def test_patience_longer_than_the_training_changes_only_what_is_held_back():
    given = dataset(n=112)
    early = lstm.train(given, unlike(SMALL, epochs=3, patience=1_000))

    assert np.isfinite(early.predict(5)).all()
    assert not np.array_equal(early.weights.kernel, lstm.train(given, unlike(SMALL, epochs=3)).weights.kernel)


def test_a_restored_model_gives_the_same_forecasts():
    given = dataset()
    model = lstm.train(given, SMALL)

    kept = lstm.restore(model.state())

    assert kept.predict(60) == pytest.approx(model.predict(60), abs=1e-8)
    assert kept.one_step(given.test) == pytest.approx(model.one_step(given.test), abs=1e-8)
    assert (kept.threshold, kept.model_used) == (model.threshold, "LSTM(4 units, window 8)")


def test_a_restored_model_forecasts_without_tensorflow(tmp_path):
    np.savez(tmp_path / "state.npz", **lstm.train(dataset(), SMALL).state())
    code = (
        "import sys, numpy as np; from runner.trainers import lstm\n"
        "state = {name: v if v.ndim else float(v) for name, v in np.load(sys.argv[1]).items()}\n"
        "lstm.restore(state).predict(3); assert 'tensorflow' not in sys.modules"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "state.npz")], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_it_learns_a_season_better_than_repeating_the_last_one():
    given = dataset(n=1_500, test=200)
    values = given.test.to_numpy()
    naive = seasonal_naive.train(given, seasonal_naive.Params()).one_step(values)

    model = lstm.train(given, lstm.Params())

    assert np.abs(model.one_step(values) - values).mean() < 0.9 * np.abs(naive - values).mean()


def test_the_first_step_ahead_is_the_one_step_forecast():
    model = lstm.train(dataset(), SMALL)

    assert model.predict(1) == pytest.approx(model.one_step([0.0]))


def test_a_forecast_that_stands_still_is_not_computed_on():
    asked = []

    class Still:
        def forward(self, windows):
            asked.append(windows)
            return np.zeros(1)

    model = lstm.Lstm(Still(), np.ones(4), 10.0, 2.0, lstm.ResidualScale(1.0, 3.0))

    assert model.predict(1_000).tolist() == [10.0] * 1_000
    assert len(asked) < 10


def test_training_starts_where_keras_starts():
    kernel, recurrent, bias, dense, offset = lstm_graph.initial(4, np.random.default_rng(0))

    assert recurrent @ recurrent.T == pytest.approx(np.eye(4), abs=1e-6)
    assert list(bias) == [0] * 4 + [1] * 4 + [0] * 8
    assert np.abs(kernel).max() <= np.sqrt(6 / 17)
    assert np.abs(dense).max() <= np.sqrt(6 / 5)
    assert list(offset) == [0]


@pytest.mark.parametrize("outlier", [1e12, -1e12, 1e300])
def test_an_enormous_value_makes_a_finite_score_and_no_warning(outlier):
    model = lstm.train(dataset(), SMALL)

    scores = model.score([10.0, outlier, 10.0])

    assert np.isfinite(scores).all()
    assert scores[1] > model.threshold


def test_too_few_values_are_told_with_figures():
    given = dataclasses.replace(dataset(), train=daily(9))

    with pytest.raises(TooShortError, match="there are 9 training values, this trainer needs 10"):
        lstm.train(given, SMALL)


def test_the_shortest_series_that_is_allowed_trains():
    model = lstm.train(dataclasses.replace(dataset(), train=daily(10)), SMALL)

    assert np.isfinite(model.predict(5)).all()


def test_a_training_that_diverges_is_told_with_what_to_change():
    with pytest.raises(DivergedError, match="set learning_rate below 1e\\+38"):
        lstm.train(dataset(), unlike(SMALL, learning_rate=1e38))


def test_with_and_without_xla_the_model_is_the_same():
    given = arguments(np.sin(np.arange(80.0)), patience=1)

    assert flat(graph_of(SMALL).compiled(*given)) == pytest.approx(
        flat(graph_of(SMALL).plain(*given)), abs=1e-5
    )


def test_memory_does_not_grow_with_the_number_of_models():
    process, given = psutil.Process(), dataset(n=100)
    for seed in range(50):
        lstm.train(dataclasses.replace(given, seed=seed), SMALL)
    before = process.memory_info().rss

    for seed in range(300):
        lstm.train(dataclasses.replace(given, seed=seed), SMALL)

    assert process.memory_info().rss - before < 300 * 20_000  # a new Keras model: 300 × 10,800,000


def test_importing_tensorflow_prints_nothing_and_computes_nothing():
    code = (
        "from runner.trainers.tensorflow import tensorflow; tf = tensorflow()\n"
        "from tensorflow.python.eager import context; assert not context.context()._initialized"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("intra", "openmp", "found"),
    [("3", "2", 3), ("", "2", 2), (None, "2", 2), (None, None, 1), ("x", "2", 1)],
)
def test_threads_follow_the_environment(monkeypatch, intra, openmp, found):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    given = {"TF_NUM_INTRAOP_THREADS": intra, "OMP_NUM_THREADS": openmp}
    for name in [name for name, value in given.items() if value is not None]:
        monkeypatch.setenv(name, given[name])

    assert threads("TF_NUM_INTRAOP_THREADS") == found


@pytest.mark.parametrize(
    "given",
    [{"window": "0"}, {"units": "-1"}, {"learning_rate": "nan"}, {"learning_rate": "0"}, {"patience": "-1"}],
)
def test_a_parameter_that_cannot_be_is_told(given):
    with pytest.raises(OptionError, match="are at least 1, learning_rate is above 0"):
        parse_params(lstm.Params, given, "lstm")
