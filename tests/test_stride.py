"""How many slices a worker may hold, by how long they take."""

from __future__ import annotations

import pytest

from runner.stride import LINGER_SECONDS, MOST, Stride


@pytest.fixture
def after():
    """A stride after slices that took so many seconds."""

    def trained(*seconds: float) -> Stride:
        stride = Stride()
        for each in seconds:
            stride.note(each)
        return stride

    return trained


def test_slices_of_which_nothing_is_known_are_handed_over_one_by_one(after):
    stride = after()

    assert (stride.ahead, stride.linger) == (0, 0.0)


def test_a_few_fast_slices_prove_nothing(after):
    assert after(*[0.0] * 20).ahead == 0


def test_a_worker_is_given_work_for_some_milliseconds(after):
    assert after(*[0.004] * 200).ahead in (4, 5)
    assert after(*[0.009] * 200).ahead == 2


def test_there_is_an_end_to_what_a_worker_holds(after):
    stride = after(*[0.0] * 200)

    assert stride.ahead == MOST
    assert 0 < stride.linger <= LINGER_SECONDS


def test_slices_longer_than_that_never_wait_behind_each_other(after):
    stride = after(*[0.025] * 1_000)

    assert (stride.ahead, stride.linger) == (0, 0.0)


def test_one_long_slice_makes_the_runner_careful(after):
    assert after(*[0.0] * 200, 60.0).ahead == 0


def test_results_gather_for_less_time_than_a_worker_has_work(after):
    stride = after(*[0.002] * 200)

    assert stride.linger < stride.ahead * 0.002


def test_loading_that_most_slices_do_not_have_makes_none_of_them_slow():
    stride, plain = Stride(rare_load=0.98), Stride()
    for _ in range(200):
        stride.note(0.034, load=0.030)
        plain.note(0.034, load=0.030)

    assert plain.ahead == 0
    assert stride.ahead == 4
