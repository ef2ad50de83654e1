"""What the trainers of networks share: batches of fixed shapes, and XLA where it is faster."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from runner.errors import SlowFitWarning
from runner.trainers import xla
from runner.trainers.batches import batches, room

LIMITS = np.array([5, 30, 0, 0], np.int32)


class NoXlaError(Exception):
    """Stands for every error of TensorFlow."""


class Ticking:
    """A clock that a graph moves on by what its steps cost."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def graph(self, name, per_step, calls):
        def run(limits, *given):
            self.now += per_step * limits[0] * limits[1]
            calls.append((name, tuple(limits)))
            return name

        return run


def tried(compiled, plain):
    """A training whose graphs cost so much per step, and what was called."""
    clock, calls = Ticking(), []
    graphs = (clock.graph("compiled", compiled, calls), clock.graph("plain", plain, calls))
    return xla.Training("lstm", *graphs, NoXlaError, clock=clock), calls


@pytest.mark.parametrize("count", [2, 5, 31, 32, 33, 100])
def test_every_row_is_trained_on_once_in_every_epoch(count):
    plan = batches(count, room(count), 3, 32, 0, np.random.default_rng(0))

    epochs = plan.places[: 3 * plan.limits[1]].reshape(3, -1)
    assert [sorted(epoch[epoch >= 0]) for epoch in epochs] == [list(range(count))] * 3
    assert (plan.held == -1).all()


@pytest.mark.parametrize("count", [2, 5, 31, 32, 33, 100, 1_000])
def test_with_patience_the_last_tenth_is_held_back(count):
    plan = batches(count, room(count), 3, 32, 4, np.random.default_rng(0))

    trained, held = set(plan.places[plan.places >= 0]), plan.held[plan.held >= 0]
    tail = max(1, count // 10)
    assert list(held) == list(range(count - tail, count))
    assert trained == set(range(count - tail))
    assert list(plan.limits[2:]) == [-(-tail // 32), 4]


@pytest.mark.parametrize("patience", [0, 3])
def test_shapes_follow_from_the_room_and_not_from_the_number_of_rows(patience):
    plans = [batches(n, room(n), 2, 16, patience, np.random.default_rng(0)) for n in range(65, 129)]

    assert len({(plan.places.shape, plan.held.shape) for plan in plans}) == 1


@pytest.mark.parametrize(
    ("compiled", "plain", "chosen"),
    [(1.0, 3.0, "compiled"), (1.0, 0.9, "compiled"), (1.0, 0.7, "compiled"), (1.0, 0.6, "plain")],
)
def test_xla_is_taken_unless_plain_tensorflow_is_clearly_faster(compiled, plain, chosen):
    training, _ = tried(compiled, plain)

    assert training(LIMITS) == chosen


def test_both_are_tried_with_a_few_steps_and_only_once():
    training, calls = tried(1.0, 3.0)

    training(LIMITS)
    training(LIMITS)

    trial = (2, 30, 0, 0)
    assert calls[:4] == [("compiled", trial)] * 2 + [("plain", trial)] * 2
    assert calls[4:] == [("compiled", tuple(LIMITS))] * 2


def test_without_xla_every_architecture_trains_and_one_warning_says_so():
    asked = []

    def broken(*given):
        asked.append(given)
        raise NoXlaError("no XLA here\nand a long story")

    xla._say.cache_clear()
    first, other = (xla.Training("lstm", broken, lambda *_: "trained", NoXlaError) for _ in range(2))

    with pytest.warns(SlowFitWarning, match="the lstm trains more slowly: no XLA here$"):
        assert first(LIMITS) == "trained"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = first(LIMITS), other(LIMITS)

    assert (answers, len(asked)) == (("trained", "trained"), 2)


def test_what_plain_tensorflow_cannot_do_either_is_raised():
    def broken(*given):
        raise NoXlaError("out of memory")

    training = xla.Training("lstm", broken, broken, NoXlaError, chosen=broken)

    with pytest.raises(NoXlaError, match="out of memory"):
        training(LIMITS)
