"""The CNN: one graph for all slices, images told apart, rows that make none refused."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from runner.errors import ConstantDataError, MissingColumnError, NoDataError, OptionError
from runner.modelfile import restored
from runner.params import parse_params
from runner.saving import save
from runner.trainer import Dataset
from runner.trainers import cnn, cnn_graph
from runner.trainers.adam import DivergedError
from runner.trainers.batches import batches
from runner.trainers.distortions import distorted, distortions
from runner.trainers.images import ImageShapeError, images_of
from runner.trainers.tensorflow import tensorflow
from tests.series import images

SMALL = cnn.Params(filters=4, hidden=16, epochs=20, networks=1)


def with_train(frame):
    return dataclasses.replace(images(), train=frame)


def accuracy(model, rows):
    return float((model.predict(rows) == rows["label"].to_numpy()).mean())


def test_it_tells_standing_from_lying_bars():
    given = images()

    assert accuracy(cnn.train(given, SMALL), given.test) > 0.9


def test_of_240_handwritten_digits_a_slice_learns_to_read_nine_in_ten_and_all_together_95_in_100(shared_data):
    rows = pd.read_csv(shared_data / "digits" / "digits.csv", index_col="row")
    split = pd.read_csv(shared_data / "digits" / "split_files.csv")

    found = []
    for each in split.itertuples():
        test = rows.loc[each.test_from : each.test_to]
        given = Dataset(train=rows.loc[each.train_from : each.train_to], test=test)
        found.append(accuracy(cnn.train(given, cnn.Params()), test))

    assert min(found) > 0.9
    assert np.mean(found) > 0.95


def test_one_trace_serves_slices_of_every_number_of_rows():
    params = dataclasses.replace(SMALL, hidden=5, epochs=1)

    for rows in [*range(6, 60, 4), 100]:
        cnn.train(images(n=rows, seed=rows), params)

    graph = cnn_graph.training(cnn_graph.Architecture(8, 8, 4, 5, 2, 16))
    assert graph.compiled.experimental_get_tracing_count() == 1
    assert graph.plain.experimental_get_tracing_count() == 1  # by the trial


def test_a_model_trained_after_others_is_the_one_trained_first():
    first = cnn.train(images(), SMALL)
    cnn.train(images(n=120, seed=5), SMALL)
    again = cnn.train(images(), SMALL)

    assert all(np.array_equal(a, b) for a, b in zip(first.networks[0], again.networks[0], strict=True))


def test_another_seed_gives_another_model():
    given = images()

    first = cnn.train(given, SMALL)
    second = cnn.train(dataclasses.replace(given, seed=1), SMALL)

    assert not np.array_equal(first.networks[0][0], second.networks[0][0])


@pytest.mark.parametrize("layers", [cnn_graph.Plain, cnn_graph.Products])
def test_numpy_answers_what_the_graph_answers(layers):
    tf = tensorflow()
    chance = np.random.default_rng(0)
    weights = cnn_graph.Architecture(7, 6, 4, 16, 3, 8).initial(chance)
    rows = chance.normal(size=(10, 7, 6, 1))
    given = [tf.constant(each) for each in weights]

    graph = cnn_graph.forward(tf, tf.constant(rows.astype(np.float32)), given, layers)

    assert cnn._forward(rows, weights) == pytest.approx(graph.numpy(), abs=1e-4)


def test_keras_with_the_same_weights_trains_to_the_same_model():
    tf = tensorflow()
    given, params = images(n=40), cnn.Params(filters=4, hidden=8, epochs=2, networks=1, distort=False)
    chance = np.random.default_rng(given.seed)
    plan = batches(40, 64, 2, 16, 0, chance)
    initial = cnn_graph.Architecture(8, 8, 4, 8, 2, 16).initial(chance)
    keras, layers = tf.keras, tf.keras.layers
    steps = keras.optimizers.schedules.CosineDecay(params.learning_rate, 6)
    convolutions = [layers.Conv2D(count, 3, padding="same", activation="relu") for count in (4, 8)]
    dense = [layers.Dense(8, activation="relu"), layers.Dense(2)]
    stack = [keras.Input((8, 8, 1)), *convolutions, layers.MaxPooling2D(), layers.Flatten(), *dense]
    plain = keras.Sequential(stack)
    losses = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=cnn_graph.SMOOTHING)
    plain.compile(keras.optimizers.Adam(steps), losses)
    plain.set_weights(initial)
    pixels = given.train.drop(columns="label")
    scale = (float(pixels.to_numpy().mean()), float(pixels.to_numpy().std()))
    shown, wanted = (
        images_of(pixels, list(pixels), (8, 8), scale),
        np.eye(2)[given.train["label"].astype(int)],
    )
    for rows in plan.places[:6]:  # the last of each epoch has 8 rows and 8 places of -1
        plain.train_on_batch(shown[rows[rows >= 0]], wanted[rows[rows >= 0]])

    model = cnn.train(given, params)

    for ours, theirs in zip(model.networks[0], plain.get_weights(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_with_and_without_xla_the_model_is_the_same(monkeypatch):
    given, params = images(n=60), dataclasses.replace(SMALL, networks=1, epochs=2, patience=1)
    graph = cnn_graph.training(cnn_graph.Architecture(8, 8, 4, 16, 2, 16))

    monkeypatch.setattr(graph, "chosen", graph.compiled)
    compiled = cnn.train(given, params)
    monkeypatch.setattr(graph, "chosen", graph.plain)
    plain = cnn.train(given, params)

    for ours, theirs in zip(compiled.networks[0], plain.networks[0], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_with_patience_it_stops_before_labels_without_sense_are_learned_by_heart():
    given = images(n=100)
    nonsense = given.train.assign(label=np.random.default_rng(0).integers(0, 2, 100))
    eager = dataclasses.replace(SMALL, networks=1, epochs=60, distort=False)

    by_heart = cnn.train(with_train(nonsense), eager)
    stopped = cnn.train(with_train(nonsense), dataclasses.replace(eager, patience=2))

    assert accuracy(by_heart, nonsense) > 0.95
    assert accuracy(stopped, nonsense) < 0.8


def test_an_undistorted_image_stays_as_it_is():
    tf = tensorflow()
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(5, 8, 6)).astype(np.float32)
    border = np.pad(rows, ((0, 0), (1, 1), (1, 1)))
    nothing = distortions(5, chance, extent=0.0)

    seen = distorted(tf, tf.constant(border), tf.constant(nothing), 8, 6)

    assert seen.numpy()[..., 0] == pytest.approx(rows, abs=1e-5)


def test_a_shift_by_one_row_moves_the_image_by_one_row_and_shows_the_border():
    tf = tensorflow()
    rows = np.random.default_rng(0).normal(size=(1, 8, 6)).astype(np.float32)
    border = np.pad(rows, ((0, 0), (1, 1), (1, 1)), constant_values=-7.0)
    down = np.array([[1, 0, 0, 1, 1, 0]], np.float32)

    seen = distorted(tf, tf.constant(border), tf.constant(down), 8, 6).numpy()[0, ..., 0]

    assert seen[:-1] == pytest.approx(rows[0, 1:], abs=1e-5)
    assert seen[-1] == pytest.approx(-7.0)


def test_distortions_are_small_and_differ():
    how = distortions(1_000, np.random.default_rng(0))

    assert np.abs(how - np.float32([1, 0, 0, 1, 0, 0])).max() < 0.6
    assert (how.std(axis=0) > 0.05).all()


@pytest.mark.parametrize("networks", [1, 2])
def test_a_restored_model_gives_the_same_answers(networks):
    given = images()
    model = cnn.train(given, dataclasses.replace(SMALL, networks=networks, epochs=3))

    kept = cnn.restore(model.state())

    assert list(kept.predict(given.test)) == list(model.predict(given.test))
    assert kept.model_used == model.model_used == f"CNN({networks} networks, 4 filters, 2 classes)"
    assert all(np.array_equal(kept.networks[-1][n], model.networks[-1][n]) for n in range(8))


def test_networks_of_one_model_differ():
    model = cnn.train(images(), dataclasses.replace(SMALL, networks=2, epochs=1))

    assert not np.array_equal(model.networks[0][0], model.networks[1][0])


def test_answers_of_several_networks_are_averaged():
    given = images()
    sure, unsure = cnn.train(given, SMALL), cnn.train(dataclasses.replace(given, seed=9), SMALL)
    doubtful = [np.zeros_like(each) for each in unsure.networks[0]]

    both = dataclasses.replace(sure, networks=[doubtful, sure.networks[0]])

    assert list(both.predict(given.test)) == list(sure.predict(given.test))


def test_labels_may_be_words_and_survive_their_file():
    given = images()
    train = given.train.assign(label=np.where(given.train["label"] > 0, "stands", "lies"))
    model = cnn.train(with_train(train), SMALL)

    saved = save(model, None, trainer="cnn")
    ((_, content),) = saved.files.items()
    kept = restored(content, saved.format, cnn.restore)

    assert set(kept.predict(given.test)) == {"stands", "lies"}
    assert list(kept.predict(given.test)) == list(model.predict(given.test))


def test_a_restored_model_answers_without_tensorflow():
    code = (
        "import sys, numpy as np, pandas as pd; from runner.trainers import cnn, cnn_graph\n"
        "weights = cnn_graph.Architecture(2, 2, 4, 8, 2, 8).initial(np.random.default_rng(0))\n"
        "state = {f'weight_{n}': w[None] for n, w in enumerate(weights)}\n"
        "state |= dict(label='l', pixels=list('abcd'), shape=[2, 2], classes=np.arange(2), scale=[0, 1])\n"
        "cnn.restore(state).predict(pd.DataFrame(np.ones((3, 4)), columns=list('abcd')))\n"
        "assert 'tensorflow' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_the_order_of_columns_and_the_label_among_the_rows_do_not_matter():
    given = images()
    model = cnn.train(given, SMALL)
    turned = given.test[given.test.columns[::-1]]

    assert list(model.predict(turned)) == list(model.predict(given.test.drop(columns="label")))


def test_missing_pixels_and_rows_without_a_label_are_survived():
    given = images()
    holed = given.train.copy()
    holed.iloc[::3, 5] = np.nan
    holed.iloc[:10, -1] = np.nan

    model = cnn.train(with_train(holed), SMALL)

    assert accuracy(model, given.test) > 0.8


def test_fewer_rows_than_a_batch_train():
    few = images().train.iloc[:12]

    model = cnn.train(with_train(few), dataclasses.replace(SMALL, epochs=60))

    assert accuracy(model, few) == 1.0


def test_training_images_are_distorted_unless_told_otherwise():
    distorted = cnn.train(images(), dataclasses.replace(SMALL, epochs=1))
    plain = cnn.train(images(), dataclasses.replace(SMALL, epochs=1, distort=False))

    assert not np.array_equal(distorted.networks[0][0], plain.networks[0][0])


def test_the_border_around_an_image_is_as_dark_as_its_darkest_pixel(monkeypatch):
    seen = []

    def graph(limits, places, held, border, answers, how, rate, *weights):
        seen.append(border)
        return weights

    monkeypatch.setattr(cnn, "training", lambda network: graph)
    cnn.train(images(), SMALL)

    assert (seen[0][:, [0, -1]] == seen[0][:, 1:-1, 1:-1].min()).all()
    assert (seen[0][:, :, [0, -1]] == seen[0].min()).all()


def test_no_rows_give_no_answers():
    assert len(cnn.train(images(), SMALL).predict(images().test.iloc[:0])) == 0


def test_images_that_are_no_squares_need_a_shape():
    given = images()
    half = given.train[[*given.train.columns[:32], "label"]]

    with pytest.raises(ImageShapeError, match="32 pixel columns make no image of 5 × 5"):
        cnn.train(with_train(half), SMALL)
    model = cnn.train(with_train(half), dataclasses.replace(SMALL, shape=(4, 8), epochs=1))

    assert model.shape == (4, 8)


def test_an_image_needs_two_rows_and_two_columns():
    with pytest.raises(ImageShapeError, match="no image of 1 × 64"):
        cnn.train(images(), dataclasses.replace(SMALL, shape=(1, 64)))


def test_pixels_stand_in_the_image_in_the_order_of_their_columns():
    names = [f"pixel_{each}" for each in range(12)]
    row = pd.DataFrame([np.arange(12.0)], columns=names)

    found = images_of(row, names, (3, 4), (0.0, 1.0))

    assert found[0, ..., 0].tolist() == np.arange(12.0).reshape(3, 4).tolist()


@pytest.mark.parametrize(
    ("spoil", "error", "told"),
    [
        (lambda frame: frame.drop(columns="label"), MissingColumnError, "no label column 'label'"),
        (lambda frame: frame["pixel_0"], MissingColumnError, "no label column 'label'"),
        (lambda frame: frame.assign(label=np.nan), NoDataError, "no row of the train range has a label"),
        (lambda frame: frame.assign(label=1.0), ConstantDataError, "has the same label"),
        (lambda frame: frame * np.where(frame.columns == "label", 1.0, np.nan), NoDataError, "every pixel"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_told(spoil, error, told):
    with pytest.raises(error, match=told):
        cnn.train(with_train(spoil(images().train)), SMALL)


def test_rows_without_the_pixels_of_the_training_are_told():
    model = cnn.train(images(), SMALL)

    with pytest.raises(MissingColumnError, match="lack 2 pixel columns, the first is 'pixel_3'"):
        model.predict(images().test.drop(columns=["pixel_3", "pixel_9"]))


def test_a_training_that_diverges_is_told_with_what_to_change():
    with pytest.raises(DivergedError, match="set learning_rate below 1e\\+38"):
        cnn.train(images(), dataclasses.replace(SMALL, learning_rate=1e38))


@pytest.mark.parametrize(
    "given", [{"filters": "0"}, {"networks": "0"}, {"learning_rate": "inf"}, {"patience": "-1"}]
)
def test_a_parameter_that_cannot_be_is_told(given):
    with pytest.raises(OptionError, match="are at least 1, learning_rate is above 0"):
        parse_params(cnn.Params, given, "cnn")


def test_a_shape_is_written_as_two_numbers():
    assert parse_params(cnn.Params, {"shape": "4,8", "label": "y"}, "cnn").shape == (4, 8)
