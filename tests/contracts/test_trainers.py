"""Every built-in trainer keeps the promises of runner.testing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from runner.errors import ConstantDataError, UnfitDataError
from runner.saving import save
from runner.testing import check_trainer, check_worker_file
from runner.trainers import NAMES, find
from tests.series import daily, dataset, images

SMALL = {
    "isolation_forest": {"trees": 10},
    "lstm": {"epochs": 1, "units": 4},
    "cnn": {"epochs": 3, "filters": 4},
}
OF_SERIES = [name for name in NAMES if name != "cnn"]


def small(name):
    return find(name).Params(**SMALL.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_a_trainer_keeps_its_promises(name):
    check_trainer(find(name), images() if name == "cnn" else dataset(), small(name))


@pytest.mark.parametrize("name", OF_SERIES)
def test_gaps_and_infinite_values_before_the_test_are_survived(name):
    given = dataset()
    holed = given.train.copy()
    holed.iloc[[0, 1, 50, 51, 52, 200, -1]] = np.nan

    model = find(name).train(dataclasses.replace(given, train=holed), small(name))

    assert np.isfinite(model.score(given.test.to_numpy())).all()


@pytest.mark.parametrize("name", sorted(set(OF_SERIES) - {"seasonal_naive"}))
def test_constant_data_is_refused_where_variance_is_needed(name):
    flat = daily(400) * 0 + 5

    with pytest.raises(ConstantDataError, match="every training value is 5"):
        find(name).train(dataclasses.replace(dataset(), train=flat), small(name))


@pytest.mark.parametrize("name", OF_SERIES)
def test_several_columns_are_refused_where_one_is_needed(name):
    frame = daily(400).to_frame("a").assign(b=1.0)

    with pytest.raises(UnfitDataError, match="has 2 value columns"):
        find(name).train(dataclasses.replace(dataset(), train=frame), small(name))


@pytest.mark.parametrize(
    ("name", "most"),
    [("arima", 2_000), ("autoreg", 2_000), ("lstm", 8_000), ("pca", 6_000), ("isolation_forest", 60_000)],
)
def test_a_saved_model_stays_small_however_long_the_training_data(name, most):
    model = find(name).train(dataset(n=2_000), find(name).Params())

    (content,) = save(model, None, trainer=name).files.values()

    assert len(content) < most


@pytest.mark.parametrize("name", OF_SERIES)
@pytest.mark.parametrize("scale", [1e-6, 5.5e8])
def test_the_unit_of_the_values_does_not_matter(name, scale):
    plain, scaled = dataset(), dataset()
    scaled = dataclasses.replace(scaled, train=scaled.train * scale, test=scaled.test * scale)

    first = find(name).train(plain, small(name)).score(plain.test.to_numpy())
    second = find(name).train(scaled, small(name)).score(scaled.test.to_numpy())

    assert np.allclose(first, second, rtol=0.05, atol=0.05)


def test_the_example_worker_file_keeps_its_promises():
    from pathlib import Path

    from ledger.records import Slice

    series = daily(400)
    row = Slice("a", "0", "9", "10", "14")

    metrics = check_worker_file(
        Path(__file__).parents[2] / "examples" / "worker.py", row, series[:350], series[350:]
    )

    assert 0 < metrics["one_step_mae"] < 2
