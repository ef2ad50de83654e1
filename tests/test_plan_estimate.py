"""From a sample to the whole: what is counted once, what per table, what per slice; and how wide the band is."""

from __future__ import annotations

import heapq
import math
import random
from itertools import pairwise

import pytest

from runner.planning.estimate import Conditions, Observed, estimate

ALONE = Conditions(workers=1, around=0.0, writing=0.0)


def observed(stratum: int = 0, block: int = 0, **values: float) -> Observed:
    usual = {"reads": False, "first": False, "load": 0.0, "rest": 1.0, "tries": 1, "share": 1.0}
    return Observed(stratum=stratum, block=block, **{**usual, **values})


def test_a_sample_of_equal_slices_is_multiplied():
    told = estimate([100], [observed(block=number) for number in range(10)], ALONE)

    assert told.expected == pytest.approx(100)
    assert told.low < 100 < told.high
    assert told.per_slice == (1.0,)


def test_a_reading_is_counted_once_for_its_table_and_not_for_each_slice():
    sample = [
        observed(0, block, reads=place == 0, load=5.0 * (place == 0), share=1 / 50)
        for block in range(4)
        for place in range(3)
    ]

    told = estimate([500], sample, ALONE)

    assert told.expected == pytest.approx(10 * 5 + 500)


def test_what_a_worker_does_once_is_counted_once_for_all_workers_at_the_same_time():
    sample = [
        observed(block=number, first=number < 2, rest=4.0 if number < 2 else 1.0) for number in range(12)
    ]

    told = estimate([1_000], sample, Conditions(workers=2, around=7.0, writing=0.0))

    assert told.around == pytest.approx(7 + 3)
    assert told.expected == pytest.approx(10 + 500, abs=0.5)


def test_two_workers_take_half_the_time_of_their_work_and_wait_for_the_last_slice():
    sample = [observed(block=number) for number in range(10)]

    told = estimate([101], sample, Conditions(workers=2, around=0.0, writing=0.0))

    assert told.busy == pytest.approx(101)
    assert told.expected == pytest.approx(50.5 + 0.25)


def test_no_run_is_faster_than_its_runner_writes():
    sample = [observed(block=number, rest=0.001) for number in range(10)]

    told = estimate([1_000], sample, Conditions(workers=8, around=0.0, writing=0.01))

    assert told.expected == pytest.approx(10)


def test_no_run_is_shorter_than_its_longest_slice():
    sample = [observed(0, number, rest=0.01) for number in range(5)] + [observed(1, 5, first=True, rest=60.0)]

    told = estimate([100, 1], sample, Conditions(workers=4, around=0.0, writing=0.0))

    assert told.longest == 60
    assert told.expected >= 60


def test_a_slice_that_fails_costs_every_try():
    sample = [observed(block=number, tries=3 if number == 0 else 1) for number in range(4)]

    assert estimate([4], sample, ALONE).expected == pytest.approx(3 + 3)


def test_every_stratum_speaks_for_itself():
    sample = [observed(0, 0, rest=1.0), observed(0, 1, rest=1.0), observed(1, 2, rest=9.0)]

    told = estimate([10, 1_000], sample, ALONE)

    assert told.expected == pytest.approx(10 + 9_000)


def test_a_stratum_of_which_nothing_was_trained_is_taken_for_the_mean_of_the_others():
    assert estimate([10, 10], [observed(0, 0, rest=2.0)], ALONE).expected == pytest.approx(40)


def test_the_band_is_the_wider_the_less_is_known_and_the_more_others_take_of_the_machine():
    chance = random.Random(1)
    costs = [chance.lognormvariate(0, 0.5) for _ in range(200)]
    widths = []
    for count, others in ((200, 0.0), (20, 0.0), (5, 0.0), (5, 0.9)):
        sample = [observed(block=number, rest=costs[number]) for number in range(count)]
        told = estimate([10_000], sample, Conditions(1, 0.0, 0.0, others))
        widths.append(told.high / told.low)

    assert all(before < after for before, after in pairwise(widths))


def test_a_whole_queue_that_was_tried_leaves_only_the_difference_from_run_to_run():
    sample = [observed(block=number, rest=float(1 + number)) for number in range(8)]

    told = estimate([8], sample, ALONE)

    assert told.high / told.low == pytest.approx(math.exp(2 * 1.28 * 0.12), rel=0.05)


def test_the_same_sample_gives_the_same_band():
    sample = [observed(block=number, rest=1.0 + number % 3) for number in range(8)]

    assert estimate([80], sample, ALONE) == estimate([80], sample, ALONE)


def test_nothing_can_be_told_of_nothing():
    with pytest.raises(ValueError, match="nothing was trained"):
        estimate([10], [], ALONE)


def made_up_run(seed: int) -> tuple[float, float, float]:
    """The band for a made-up fleet, and how long its made-up run took, which the band was not told.

    One to three trainers; tables cost differently, and slices of a table too (log-normal); the run
    is list scheduling of tables read once, times what two runs of the same work lie apart.
    """
    chance = random.Random(seed)
    workers, around, sample, jobs, sizes = chance.choice([1, 2, 4]), 2.0, [], [], []
    for stratum in range(chance.randint(1, 3)):
        tables, slices = chance.choice([5, 20, 200]), chance.choice([1, 5, 50])
        base, between, within = 10 ** chance.uniform(-2, 0), chance.uniform(0, 0.4), chance.uniform(0, 0.6)
        costs = []
        for _ in range(tables):
            own = base * math.exp(chance.gauss(0, between))
            costs.append([own * math.exp(chance.gauss(0, within)) for _ in range(slices)])
        reading = base * 10 ** chance.uniform(-1, 1.3)
        sizes.append(tables * slices)
        for block, table in enumerate(chance.sample(costs, min(5, tables))):
            for place, cost in enumerate(table[:3]):
                load = reading if place == 0 else 0.0
                sample.append(
                    observed(
                        stratum,
                        1_000 * stratum + block,
                        reads=place == 0,
                        load=load,
                        rest=cost,
                        share=1 / slices,
                    )
                )
        jobs += [cost + reading * (place == 0) for table in costs for place, cost in enumerate(table)]
    free = [around] * workers
    for cost in jobs:
        heapq.heapreplace(free, free[0] + cost)
    told = estimate(sizes, sample, Conditions(workers, around, 0.0))
    return told.low, told.high, max(free) * math.exp(chance.gauss(0, 0.08))


def test_nine_of_ten_made_up_runs_end_inside_their_band():
    runs = [made_up_run(seed) for seed in range(100)]

    inside = sum(low <= actual <= high for low, high, actual in runs)

    assert inside >= 90
    assert sorted(high / low for low, high, _ in runs)[50] < 2
