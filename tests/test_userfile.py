"""The user's worker file, and what its train() may return."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from ledger.records import Slice
from runner.errors import ResultError, WorkerFileError
from runner.trainer import Trained
from runner.userfile import UserFile, interpret

ROW = Slice("a", "0", "9", "10", "14", extra={"region": "eu"})


@pytest.fixture
def load(tmp_path):
    def loading(source: str) -> UserFile:
        path = tmp_path / "worker.py"
        path.write_text(source, encoding="utf-8")
        return UserFile.load(str(path))

    return loading


def train(user, tmp_path, data=None):
    return user.train(ROW, data, folder=tmp_path, seed=7, params={"x": "1"})


def test_train_gets_the_row_and_the_data(load, tmp_path):
    user = load("def train(row, data): return {'m': len(row.region) + data}")

    assert train(user, tmp_path, data=1) == {"m": 3}
    assert (user.trains, user.reads) == (True, False)


def test_train_gets_what_else_it_names(load, tmp_path):
    user = load("def train(row, data, *, folder, seed, params): return [folder, seed, params]")

    assert train(user, tmp_path) == [tmp_path, 7, {"x": "1"}]


def test_chance_is_seeded_before_each_training(load, tmp_path):
    user = load(
        "import random, numpy\ndef train(row, data): return {'a': random.random(), 'b': numpy.random.rand()}"
    )

    assert train(user, tmp_path) == train(user, tmp_path)


def test_its_neighbours_can_be_imported(load, tmp_path):
    (tmp_path / "neighbour_of_worker.py").write_text("VALUE = 4", encoding="utf-8")

    user = load("import neighbour_of_worker as n\ndef train(row, data): return {'m': n.VALUE}")

    assert train(user, tmp_path) == {"m": 4}


def test_the_code_version_follows_the_source(load):
    assert load("def train(row, data): 1").code_version != load("def train(row, data): 2").code_version


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1", "defines neither train"),
        ("def train(:", "cannot be imported: "),
        ("import nothing_of_this_name", "line 1 cannot be imported: ModuleNotFoundError"),
        ("x = 1\n1 / 0", "line 2 cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(load, source, told):
    with pytest.raises(WorkerFileError, match=told):
        load(source)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WorkerFileError, match="cannot be read: No such file"):
        UserFile.load(str(tmp_path / "none.py"))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (True, 1.0),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.array(2.0), 2.0),
        (Decimal("1.5"), 1.5),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_numbers_of_every_kind_become_floats(tmp_path, value, number):
    assert interpret({"m": value}, tmp_path).metrics == {"m": number}


def test_nan_stays_nan(tmp_path):
    assert math.isnan(interpret({"m": np.nan}, tmp_path).metrics["m"])


@pytest.mark.parametrize("value", [None, "0.5", [1.0], np.array([1.0, 2.0]), {"a": 1}, 1j])
def test_a_metric_that_is_no_number_is_told_by_name(tmp_path, value):
    with pytest.raises(ResultError, match="the metric m is .* a metric is a number"):
        interpret({"m": value}, tmp_path)


def test_two_metrics_of_one_name_are_refused(tmp_path):
    with pytest.raises(ResultError, match="two metrics called 1"):
        interpret({1: 0.5, "1": 0.6}, tmp_path)


def test_ten_thousand_metrics_and_any_name_are_fine(tmp_path):
    given = {f"m'{number}\"; --": number for number in range(10_000)}

    assert len(interpret(given, tmp_path).metrics) == 10_000


def test_a_model_comes_with_its_metrics(tmp_path):
    trained = interpret(Trained({"m": 1}, model="model", model_used="mine"), tmp_path)

    assert (trained.metrics, trained.model, trained.model_used) == ({"m": 1.0}, "model", "mine")


def test_files_alone_are_a_result(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"x")

    assert interpret(None, tmp_path).metrics == {}


@pytest.mark.parametrize(("returned", "told"), [(None, "returned nothing"), (3, "returned a int")])
def test_anything_else_is_told(tmp_path, returned, told):
    with pytest.raises(ResultError, match=told):
        interpret(returned, tmp_path)
