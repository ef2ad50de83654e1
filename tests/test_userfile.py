"""The user's worker file, and what its train() may return."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import runner
from ledger.records import Slice
from ledger.store import Ledger
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
        (np.bool_(True), 1.0),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 2), 0.5),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_numbers_of_every_kind_become_floats(tmp_path, value, number):
    assert interpret({"m": value}, tmp_path).metrics == {"m": number}


@pytest.mark.parametrize("value", [np.nan, np.float32("nan"), Decimal("nan"), np.ma.masked])
def test_nan_stays_nan_and_what_is_masked_becomes_it(tmp_path, value):
    assert math.isnan(interpret({"m": value}, tmp_path).metrics["m"])


@pytest.mark.parametrize("value", [10**400, Fraction(10**400)], ids=["whole", "fraction"])
def test_a_number_too_large_for_a_float_is_told(tmp_path, value):
    with pytest.raises(ResultError, match="the metric m is a number too large for a float"):
        interpret({"m": value}, tmp_path)


@pytest.mark.parametrize(
    "value",
    [None, "0.5", b"0.5", np.str_("0.5"), [1.0], np.array([1.0, 2.0]), {"a": 1}, 1j, np.datetime64("NaT")],
)
def test_a_metric_that_is_no_number_is_told_by_name(tmp_path, value):
    with pytest.raises(ResultError, match="the metric m is .* a metric is a number"):
        interpret({"m": value}, tmp_path)


def test_two_metrics_of_one_name_are_refused(tmp_path):
    with pytest.raises(ResultError, match="two metrics called 1"):
        interpret({1: 0.5, "1": 0.6}, tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "\udc80", "m" * 201])
def test_a_name_the_ledger_cannot_hold_is_told(tmp_path, name):
    with pytest.raises(ResultError, match="no metric can be called '.*at most 200 characters"):
        interpret({name: 1}, tmp_path)


@pytest.mark.parametrize("name", [1, None, ("mae", 7), np.str_("mae"), "m" * 200, "é\n'\"", ""])
def test_a_name_becomes_text(tmp_path, name):
    (kept,) = interpret({name: 1}, tmp_path).metrics

    assert kept == str(name)


def test_ten_thousand_metrics_and_any_name_are_fine(tmp_path):
    given = {f"m'{number}\"; --": number for number in range(10_000)}

    assert len(interpret(given, tmp_path).metrics) == 10_000


def test_a_model_comes_with_its_metrics(tmp_path):
    trained = interpret(Trained({"m": 1}, model="model", model_used="mine"), tmp_path)

    assert (trained.metrics, trained.model, trained.model_used) == ({"m": 1.0}, "model", "mine")


def test_what_was_used_is_told_as_text_the_ledger_can_hold(tmp_path):
    used = interpret(Trained(model_used=Fraction(1, 2)), tmp_path).model_used
    long = interpret(Trained(model_used="\0\udc80" + "x" * 10_000), tmp_path).model_used

    assert used == "1/2"
    assert long.startswith("??x")
    assert len(long) < 300


def test_files_alone_are_a_result(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"x")

    assert interpret(None, tmp_path).metrics == {}


def test_an_empty_folder_in_the_folder_is_no_result(tmp_path):
    (tmp_path / "checkpoints").mkdir()

    with pytest.raises(ResultError, match="returned nothing"):
        interpret(None, tmp_path)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (None, "returned nothing"),
        (3, "returned a int"),
        (Trained(metrics=None), "the metrics are a NoneType; they are a mapping"),
        (Trained(metrics=[("m", 1)]), "the metrics are a list"),
    ],
)
def test_anything_else_is_told(tmp_path, returned, told):
    with pytest.raises(ResultError, match=told):
        interpret(returned, tmp_path)


RESULTS = {
    "nothing": "None",
    "text": "{'m': '0.5'}",
    "no metric": "{'m': None}",
    "huge": "{'m': 10**400}",
    "same name": "{1: 1, '1': 2}",
    "NUL": "{'a\\0b': 1}",
    "no text": "{'\\udc80': 1}",
    "long name": "{'m' * 5000: 1}",
    "no mapping": "Trained([1])",
    "unpicklable": "Trained({'m': 1}, (each for each in ()))",
    "clash": "Trained({'m': 1}, {1: 2}, left(folder / 'model.pickle'))",
    "link": "(folder / 'l').symlink_to('/etc/hosts')",
    "backslash": "left(folder / '..\\\\evil')",
    "long file": "left(folder / ('x' * 251)) or left(folder / 'other')",
    "odd model": "Trained({'m': 1}, model_used=object())",
    "odd numbers": "{'nan': np.nan, 'inf': np.inf, '-inf': -np.inf, 'np': np.float32(0.5), 'yes': True, 'a\\'b\"': 1}",
    "many": "{str(number): number for number in range(10_000)}",
}
"""What train() returns in each of the slices of a run."""


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The ledger of a run over slices that return whatever may be returned."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "series.csv").write_text(
        "time,value\n" + "".join(f"{place},{place % 7}\n" for place in range(30)), encoding="utf-8"
    )
    rows = "".join(f"{name},series.csv,0,19,20,29\n" for name in RESULTS)
    (tmp_path / "split.csv").write_text(f"id,file,train_from,train_to,test_from,test_to\n{rows}", "utf-8")
    (tmp_path / "worker.py").write_text(
        "import numpy as np\nfrom runner import Trained\n"
        "def left(path):\n    path.write_bytes(b'x')\n"
        f"RESULTS = {RESULTS!r}\n"
        "def train(row, data, folder):\n    return eval(RESULTS[row.id], globals(), {'folder': folder})\n",
        encoding="utf-8",
    )
    with Ledger.open("ledger.db") as ledger:
        ledger.import_slices("split.csv")
        runner.run(ledger, worker="worker.py", workers=1, quiet=True, time_limit=60)
        yield ledger


def test_whatever_train_returns_ends_its_own_slice_alone(ran):
    told = ran.query("SELECT id, status, tries FROM slices ORDER BY position")

    bad = list(RESULTS)[: list(RESULTS).index("odd model")]
    good = list(RESULTS)[len(bad) :]
    assert told.to_numpy().tolist() == [
        *([name, "failed", 1] for name in bad),
        *([name, "succeeded", 0] for name in good),
    ]
    kinds = ran.query("SELECT DISTINCT last_error_type FROM slice_status WHERE status = 'failed' ORDER BY 1")
    assert kinds["last_error_type"].tolist() == ["ModelFormatError", "ResultError"]


def test_odd_numbers_and_names_are_recorded_as_they_are(ran):
    told = ran.query(
        "SELECT name, coalesce(value, 'none') AS value, kind FROM metrics JOIN attempts ON id = attempt_id "
        "WHERE slice_id = 'odd numbers' ORDER BY name"
    )

    assert told.to_numpy().tolist() == [
        ["-inf", "none", "-inf"],
        ["a'b\"", 1.0, "finite"],
        ["inf", "none", "inf"],
        ["nan", "none", "nan"],
        ["np", 0.5, "finite"],
        ["yes", 1.0, "finite"],
    ]


def test_ten_thousand_metrics_are_recorded(ran):
    told = ran.query("SELECT count(*) AS n FROM current_metrics WHERE slice_id = 'many'")

    assert told["n"].tolist() == [10_000]
