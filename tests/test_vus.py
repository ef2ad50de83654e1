"""VUS-PR against values of the program of the benchmark TSB-AD, and runs of labelled points."""

from __future__ import annotations

import math

import numpy as np
import pytest

from runner.events import Events
from runner.vus import vus_pr


def case(events, *, tied=False):
    places = np.arange(900)
    labels = np.zeros(900, dtype=bool)
    for start, end in events:
        labels[start : end + 1] = True
    scores = np.sin(places**2 * 0.37) + labels * 0.8 + np.cos(places / 50) * 0.3
    return labels, np.round(scores, 1) if tied else scores


@pytest.mark.parametrize(
    ("events", "window", "tied", "published"),
    [
        ([(200, 240)], 30, False, 0.38643485652875975),
        ([(200, 240), (250, 255), (600, 700)], 60, False, 0.6793270457717586),
        ([(0, 20), (880, 899)], 41, False, 0.45238271627456106),
        ([(100, 100), (131, 140), (500, 505)], 125, True, 0.307457859515502),
        ([(300, 350)], 0, False, 0.5127977370684702),
    ],
    ids=["one", "touching buffers", "at the ends", "ties", "no buffer"],
)
def test_the_volume_is_that_of_the_benchmark_program(events, window, tied, published):
    labels, scores = case(events, tied=tied)

    assert vus_pr(labels, scores, window) == pytest.approx(published, abs=1e-12)


def test_scores_that_tell_exactly_the_events_beat_scores_that_tell_nothing():
    labels, _ = case([(200, 240), (600, 640)])

    assert vus_pr(labels, labels.astype(float), 20) > 0.8
    assert vus_pr(labels, np.zeros(900), 20) < 0.2


@pytest.mark.parametrize("labels", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool)])
def test_there_is_no_volume_without_both_kinds_of_points(labels):
    assert math.isnan(vus_pr(labels, np.arange(50.0), 5))


def test_events_are_runs_of_labelled_points_also_at_the_ends():
    events = Events.of(np.array([1, 1, 0, 1, 0, 0, 1], dtype=bool))

    assert list(events.starts) == [0, 3, 6]
    assert list(events.ends) == [1, 3, 6]
    assert list(events.merged(1, 7)) == [(0, 4), (5, 6)]
