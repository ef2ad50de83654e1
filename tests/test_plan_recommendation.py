"""The recommended way to run, case by case; and how many machines a deadline takes."""

from __future__ import annotations

import pytest

from runner.planning.recommendation import Load, Way, machines_for, recommend, size

HOUR, GB = 3600.0, 10**9
ONE, PROCESSES, MACHINES = Way.ONE_PROCESS, Way.SEVERAL_PROCESSES, Way.SEVERAL_MACHINES


@pytest.mark.parametrize(
    ("seconds", "longest", "data", "threshold", "way"),
    [
        (60, 1, 1 * GB, HOUR, ONE),
        (HOUR, 1, 1 * GB, HOUR, ONE),  # the threshold itself is not over it
        (HOUR + 1, 1, 1 * GB, HOUR, PROCESSES),
        (HOUR + 1, 1, 4 * GB, HOUR, PROCESSES),  # a third itself is not over it
        (HOUR + 1, 1, 4 * GB + 1, HOUR, MACHINES),
        (60, 1, 4 * GB + 1, HOUR, ONE),  # data alone: one table is read at a time
        (HOUR, 600, 1 * GB, HOUR, ONE),
        (601, 601, 1 * GB, HOUR, MACHINES),  # a single model of over ten minutes decides alone
        (100 * HOUR, 1, 1 * GB, HOUR, PROCESSES),
        (90, 1, 1 * GB, 60.0, PROCESSES),
        (90, 1, 5 * GB, 60.0, MACHINES),
        (2 * HOUR, 1, 5 * GB, 3 * HOUR, ONE),
    ],
)
def test_the_rules_choose_the_way(seconds, longest, data, threshold, way):
    chosen = recommend(Load(seconds, longest, data, memory=12 * GB, threshold=threshold))

    assert chosen.way is way


def test_the_reason_tells_the_figures_that_decided():
    told = recommend(Load(2 * HOUR, 1.0, 5 * GB, memory=12 * GB)).reason

    assert told == (
        "2 h 0 min in one process are over 1 h 0 min, and the data (5.0 GB) is over a third of the memory"
    )


@pytest.mark.parametrize(
    ("deadline", "busy", "around", "longest", "workers", "machines"),
    [
        (100, 100, 0, 0, 1, 1),
        (100, 101, 0, 0, 1, 2),
        (100, 400, 0, 0, 2, 2),
        (100, 400, 10, 10, 2, 3),  # 80 seconds are left, on two workers: 160 of 400
        (100, 50, 60, 50, 2, None),  # the start and one slice alone are too long
        (100, 50, 10, 91, 1, None),
        (100, 50, 10, 60, 1, 1),
    ],
)
def test_a_deadline_takes_so_many_machines(deadline, busy, around, longest, workers, machines):
    found = machines_for(deadline, busy=busy, around=around, longest=longest, workers=workers)

    assert found == machines


@pytest.mark.parametrize(
    ("amount", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (123_456, "123 kB"), (2.5e12, "2.5 TB")],
)
def test_an_amount_is_told_in_words(amount, told):
    assert size(amount) == told
