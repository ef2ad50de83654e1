"""What a user's own scores come to, and how scores that cannot be measured are told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import runner
from ledger.store import Ledger
from runner.errors import ResultError
from runner.metrics import evaluate
from runner.scores import user_metrics
from runner.testing import check_worker_file
from runner.trainer import Trained
from runner.trainers import pca
from tests.reading import row
from tests.series import dataset

GIVEN = dataset(test=100)
STRANGE = np.arange(100) // 10 == 4
WITH_THRESHOLD = {
    "precision",
    "recall",
    "events_found",
    "false_alarms_per_day",
    "anomalies",
    "anomaly_rate",
}


def measured(scores, threshold=None, labels=STRANGE, given=GIVEN, **metrics):
    return user_metrics(Trained(metrics, scores=scores, threshold=threshold), given, labels)


@pytest.mark.parametrize("labels", [None, STRANGE])
def test_scores_of_a_user_are_measured_as_those_of_a_built_in_detector(labels):
    model = pca.train(GIVEN, pca.Params())

    found = measured(model.score(GIVEN.test), model.threshold, labels)

    assert found == evaluate(model, GIVEN, labels)


@pytest.mark.parametrize(
    "kind", [list, np.array, pd.Series, np.ma.array, lambda values: np.array(values, dtype=object)]
)
def test_scores_come_as_any_sequence_of_numbers(kind):
    values = [float(flag) for flag in STRANGE]

    assert measured(kind(values), 0.5)["auc_pr"] == 1


def test_without_a_threshold_the_order_of_the_scores_is_measured_and_no_alarm():
    with_it, without = measured(STRANGE, 0.5), measured(STRANGE)

    assert set(with_it) - set(without) == WITH_THRESHOLD
    assert {"auc_pr", "vus_pr", "events", "score_max"} == set(without)


def test_a_metric_that_train_gave_itself_stays_and_comes_first():
    found = measured(STRANGE, 0.5, mae=1.5, precision=0.25)

    assert list(found)[:2] == ["mae", "precision"]
    assert (found["precision"], found["recall"]) == (0.25, 1)


def test_a_test_row_without_a_value_needs_no_score_and_is_left_out():
    test = GIVEN.test.copy()
    test.iloc[:5] = np.nan
    scores = np.where(np.arange(100) < 5, np.nan, STRANGE)

    found = measured(scores, 0.5, given=runner.Dataset(GIVEN.train, test))

    assert found["anomaly_rate"] == pytest.approx(10 / 95)
    assert found["auc_pr"] == 1


def test_rows_of_several_columns_are_measured_too():
    frame = GIVEN.test.to_frame("a").assign(b=np.nan, name="x")
    several = runner.Dataset(GIVEN.train.to_frame("a").assign(b=np.nan, name="x"), frame)

    assert measured(STRANGE, 0.5, given=several) == measured(
        STRANGE, 0.5, given=runner.Dataset(GIVEN.train, GIVEN.test)
    )


def test_where_no_row_has_a_value_nothing_is_measured():
    assert measured(np.zeros(100), 0.5, given=runner.Dataset(GIVEN.train, GIVEN.test * np.nan), m=1.0) == {
        "m": 1
    }


@pytest.mark.parametrize(
    ("scores", "threshold", "told"),
    [
        (
            np.zeros(88),
            None,
            r"have the shape \(88,\); they are one number per row of data.test, so \(100,\)",
        ),
        (np.zeros((100, 1)), None, r"have the shape \(100, 1\)"),
        (["x"] * 100, None, "the scores are a list that holds more than numbers"),
        (0.5, None, r"have the shape \(\)"),
        (np.where(STRANGE, np.nan, 0), None, r"10 of the 100 scores .*, the first is number 40 \(nan\)"),
        (np.where(STRANGE, np.inf, 0), None, r"the first is number 40 \(inf\)"),
        (np.ma.array(np.zeros(100), mask=STRANGE), None, "10 of the 100 scores"),
        (None, 0.5, "a threshold, but no scores"),
        (np.zeros(100), "high", "the threshold is a str; it is a number"),
        (np.zeros(100), float("nan"), "the threshold is no number but NaN"),
    ],
)
def test_scores_that_cannot_be_measured_are_told(scores, threshold, told):
    with pytest.raises(ResultError, match=told):
        measured(scores, threshold)


WORKER = """
import numpy as np
from runner import Trained

def train(row, data):
    middle = data.train.median()
    usual = np.abs(data.train - middle)
    return Trained({"middle": middle}, scores=np.abs(data.test - middle), threshold=usual.quantile(0.999))
"""


@pytest.fixture
def worker(tmp_path):
    path = tmp_path / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    return path


def test_a_run_measures_the_scores_of_a_worker_file_by_its_labels(sqlite_place, tmp_path, worker):
    values = np.sin(np.arange(1000) / 4)
    known = np.arange(1000) // 20 == 45
    times = pd.date_range("2026-01-01", periods=1000, freq="h", name="timestamp")
    pd.DataFrame({"value": values + 5 * known, "odd": known.astype(int)}, times).to_csv(
        tmp_path / "series.csv"
    )
    ranges = ",".join(str(times[place]) for place in (0, 799, 800, 999))
    (tmp_path / "split.csv").write_text(
        f"id,file,column,train_from,train_to,test_from,test_to\na,series.csv,value,{ranges}\n"
    )
    with Ledger.open(sqlite_place, create=False) as ledger:
        ledger.import_slices(tmp_path / "split.csv")

        runner.run(ledger, worker=str(worker), labels="odd", gates=["precision>0.9"], workers=0, quiet=True)

        found = ledger.query("SELECT name, value FROM current_metrics").set_index("name")["value"]
    assert found["precision"] == found["recall"] == found["auc_pr"] == found["events_found"] == 1
    assert found["false_alarms_per_day"] == 0
    assert found["vus_pr"] > 0.8


def test_the_contract_test_measures_scores_as_a_run_does(worker):
    strange = GIVEN.test.where(~STRANGE, 99)

    found = check_worker_file(worker, row(), GIVEN.train, strange, STRANGE)

    assert (found["events"], found["recall"]) == (1, 1)
    assert "false_alarms_per_day" in found


def test_the_contract_test_refuses_scores_that_a_run_would(tmp_path):
    path = tmp_path / "short_worker.py"
    path.write_text(WORKER.replace("np.abs(data.test - middle)", "[1.0]"), encoding="utf-8")

    with pytest.raises(ResultError, match=r"the scores have the shape \(1,\)"):
        check_worker_file(path, row(), GIVEN.train, GIVEN.test)
