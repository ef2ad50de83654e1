"""What scores are worth where the anomalies are known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from runner.detection import average_precision, detection_measures


def flags(written: str) -> np.ndarray:
    return np.array([letter == "x" for letter in written])


def measured(labels: str, alarms: str, *, step: float | None = 86_400.0):
    """The measures of scores that are 1 at each alarm, over a threshold of a half."""
    return detection_measures(flags(alarms).astype(float), flags(labels), threshold=0.5, step=step, window=4)


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_precision_and_recall_equals_that_of_scikit_learn(seed):
    chance = np.random.default_rng(seed)
    labels, scores = chance.random(200) < 0.2, np.round(chance.normal(size=200), 1)

    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))


def test_points_events_and_false_alarms_are_counted():
    found = measured("..xxx....xx...", "x..xx.xx......")

    assert found["precision"] == pytest.approx(2 / 5)
    assert found["recall"] == pytest.approx(2 / 5)
    assert (found["events"], found["events_found"]) == (2, 1)
    assert found["false_alarms_per_day"] == pytest.approx(2 / 9)


def test_one_point_of_a_long_event_does_not_find_all_of_its_points():
    found = measured("..xxxxxxxx..", "..x.........")

    assert found["recall"] == pytest.approx(1 / 8)
    assert found["events_found"] == 1


def test_an_alarm_that_begins_before_its_event_is_not_false():
    assert measured("...xx.....", "..xxx.....")["false_alarms_per_day"] == 0


@pytest.mark.parametrize(
    ("labels", "alarms", "step", "absent"),
    [
        ("..........", "x.........", 60.0, {"auc_pr", "vus_pr", "recall"}),
        ("..........", "..........", 60.0, {"auc_pr", "vus_pr", "recall", "precision"}),
        ("xxxxxxxxxx", "xxxxx.....", 60.0, {"vus_pr", "false_alarms_per_day"}),
        ("...xx.....", "..........", 60.0, {"precision"}),
        ("...xx.....", "x.........", None, {"false_alarms_per_day"}),
    ],
)
def test_a_measure_that_would_divide_by_nothing_is_left_out(labels, alarms, step, absent):
    every = {"auc_pr", "vus_pr", "precision", "recall", "events", "events_found", "false_alarms_per_day"}

    assert set(measured(labels, alarms, step=step)) == every - absent


def test_without_labels_every_alarm_is_false():
    found = measured("..........", "xx...x....", step=8_640.0)

    assert found["precision"] == 0
    assert found["false_alarms_per_day"] == 2
