"""What a watched crew notes of each slice: the time its worker was taken, and how often a run would try it."""

from __future__ import annotations

import pytest

from ledger.records import Artifact, Claim, Facts, Failure, Slice
from runner.assignment import Assignment, Report
from runner.crew import Death, Worker
from runner.launch import Ending
from runner.planning.watched import Watched


class Script:
    """A crew whose workers end when the test says so."""

    size = 2

    def __init__(self) -> None:
        self.coming: list[object] = []

    free = busy = open = ()

    def give(self, worker, assignment) -> None:
        pass

    def events(self, *_):
        found, self.coming = self.coming, []
        return found

    def end(self):
        return []


class Monotonic:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def held(number: int) -> Claim:
    return Claim(Slice(f"s{number}", "0", "9", "10", "14", file="x.csv"), 1, number, 1, "", 0, 0)


@pytest.fixture
def clock():
    return Monotonic()


@pytest.fixture
def crew():
    return Script()


@pytest.fixture
def watched(crew, clock):
    return Watched(crew, 4, monotonic=clock)


def test_a_slice_takes_its_worker_from_the_end_of_the_one_before(watched, crew, clock):
    worker = Worker(1)
    for number, (given, ended) in enumerate([(10.0, 13.0), (13.5, 15.0)]):
        clock.now = given
        watched.give(worker, Assignment(held(number)))
        clock.now = ended
        crew.coming = [
            Report(held(number), Facts(load_seconds=0.5, train_rows=3, test_rows=2, peak_memory=9))
        ]
        watched.events(1.0)

    assert [(each.slice_id, each.worker, each.seconds) for each in watched.trained] == [
        ("s0", 1, 3.0),
        ("s1", 1, 2.0),
    ]
    assert [(each.load, each.rows, each.memory) for each in watched.trained] == [(0.5, 5, 9)] * 2
    assert (watched.began, watched.ended) == (10.0, 15.0)


def test_each_worker_has_its_own_time(watched, crew, clock):
    watched.give(Worker(1), Assignment(held(1)))
    clock.now = 1.0
    watched.give(Worker(2), Assignment(held(2)))
    clock.now = 4.0
    crew.coming = [Report(held(2), Facts()), Report(held(1), Facts())]
    watched.events(1.0)

    assert [(each.worker, each.seconds) for each in watched.trained] == [(2, 3.0), (1, 4.0)]


def test_files_are_counted_in_bytes_and_in_blocks_of_the_disk(watched, crew):
    files = tuple(Artifact(f"f{size}", "json", size, "") for size in (1, 4096, 4097))
    watched.give(Worker(1), Assignment(held(1)))
    crew.coming = [Report(held(1), Facts(), artifacts=files)]
    watched.events(1.0)

    (found,) = watched.trained
    assert (found.files, found.bytes, found.disk) == (3, 8194, 4 * 4096)


def report(**failure) -> Report:
    return Report(held(1), Facts(), failure=Failure("E", "no", **failure))


def death(exceeded) -> Death:
    return Death(held(1), Ending(exit_code=3), exceeded, "", 1.0)


@pytest.mark.parametrize(
    ("event", "error", "tries"),
    [
        (Report(held(1), Facts()), None, 1),
        (report(), "E", 4),
        (report(final=True), "E", 1),
        (report(by_data=True, final=True), "E", 1),
        (Report(held(1), Facts(), nothing_kept="full"), "NoSpace", 1),
        (death(None), "WorkerCrash", 3),
        (death("memory"), "OutOfMemory", 3),
        (death("timeout"), "Timeout", 4),
    ],
)
def test_what_fails_counts_as_often_as_a_run_would_try_it(watched, crew, event, error, tries):
    watched.give(Worker(1), Assignment(held(1)))
    crew.coming = [event]
    watched.events(1.0)

    (found,) = watched.trained
    assert (found.error, found.tries) == (error, tries)


def test_the_time_the_runner_waits_counts_from_the_first_slice_on(watched, crew, clock):
    def passing(timeout, woken=None, linger=0.0):
        clock.now += timeout
        return []

    crew.events = passing
    watched.events(5.0)
    watched.give(Worker(1), Assignment(held(1)))
    watched.events(2.0)

    assert watched.waited == 2.0


def test_what_a_worker_did_since_it_was_last_heard_of_shares_the_time_as_measured(watched, crew, clock):
    for number in (1, 2):
        watched.give(Worker(1), Assignment(held(number)))
    clock.now = 8.0
    crew.coming = [
        Report(held(1), Facts(load_seconds=2.0, fit_seconds=1.0)),
        Report(held(2), Facts(fit_seconds=1.0)),
    ]
    watched.events(0.5)

    assert [(each.slice_id, each.seconds) for each in watched.trained] == [("s1", 6.0), ("s2", 2.0)]
    assert watched.ended == 8.0
