"""Who lives and who is dead, without trusting any wall clock."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from ledger import hosts
from ledger.contradictions import contradictions
from ledger.database import reading, writing
from ledger.hosts import is_alive, started, this_process
from ledger.runners import LEASE_SECONDS, Watch
from ledger.schema import runners, slices
from runner.presence import Presence

HERE = this_process()


def test_this_process_lives():
    assert is_alive(HERE, HERE) is True


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ({"pid_started": "another start"}, False),
        ({"boot_id": "before the reboot"}, False),
        ({"host": "elsewhere"}, None),
        ({"host": "elsewhere", "boot_id": "other"}, None),
        ({"pid_namespace": "another container"}, None),
    ],
)
def test_a_process_is_dead_only_where_that_can_be_known(change, alive):
    assert is_alive(replace(HERE, **change), HERE) is alive


def test_a_process_that_is_gone_is_dead_and_so_is_a_zombie():
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how

    as_zombie = started(child.pid)
    child.communicate()

    assert (as_zombie, started(child.pid)) == (None, None)


def test_the_start_of_a_process_never_changes():
    assert started(os.getpid()) == started(os.getpid()) == HERE.pid_started


@pytest.fixture
def elsewhere(ledger, monkeypatch):
    """Register a runner on another machine, of which only the heartbeat is seen here."""

    def register() -> int:
        monkeypatch.setattr(hosts, "_host", lambda: "elsewhere")
        runner_id = ledger.register_runner({})
        monkeypatch.undo()
        return runner_id

    return register


@pytest.fixture
def take(ledger, make_slice):
    """Have a runner claim a slice of its own."""

    def claim(runner_id: int, slice_id: str) -> None:
        make_slice(slice_id)
        with ledger.recording() as record:
            record.claim(runner_id)

    return claim


@pytest.fixture
def status_of(ledger):
    def read(slice_id: str) -> tuple[str, int]:
        with reading(ledger.engine) as conn:
            row = conn.execute(select(slices).where(slices.c.id == slice_id)).one()
            return row.status, row.tries

    return read


class Monotonic:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic():
    return Monotonic()


def presence(ledger, monotonic, *, resume: bool = False) -> Presence:
    return Presence(ledger, {}, resume=resume, monotonic=monotonic)


def kill(ledger, runner_id: int) -> None:
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).where(runners.c.id == runner_id).values(pid_started="long ago"))


def test_silence_for_a_whole_lease_is_death_and_a_beat_is_life(ledger, elsewhere):
    far = elsewhere()
    watch = Watch()

    assert watch.dead(ledger.live_runners(), monotonic=0.0) == set()
    assert watch.dead(ledger.live_runners(), monotonic=LEASE_SECONDS) == set()
    ledger.beat(far)
    assert watch.dead(ledger.live_runners(), monotonic=LEASE_SECONDS + 1) == set()
    assert watch.dead(ledger.live_runners(), monotonic=2 * LEASE_SECONDS) == set()
    assert watch.dead(ledger.live_runners(), monotonic=2 * LEASE_SECONDS + 2) == {far}


def test_a_process_that_is_there_and_silent_for_a_whole_lease_counts_as_dead(ledger):
    stopped = ledger.register_runner({})
    watch = Watch()

    assert [runner.alive for runner in ledger.live_runners()] == [True]
    assert watch.dead(ledger.live_runners(), monotonic=0.0) == set()
    assert watch.dead(ledger.live_runners(), monotonic=LEASE_SECONDS) == set()
    assert watch.dead(ledger.live_runners(), monotonic=LEASE_SECONDS + 1) == {stopped}


def test_the_slices_of_a_runner_that_is_silent_meanwhile_are_taken_back(
    ledger, elsewhere, take, status_of, monotonic
):
    far = elsewhere()
    take(far, "a")
    me = presence(ledger, monotonic)
    ledger.beat(far)  # it lived after this one started

    for _ in range(8):
        monotonic.now += 10
        assert me.tick()

    assert status_of("a") == ("pending", 0)
    assert me.taken_back == 1


def test_the_slices_of_a_living_runner_stay_with_it(ledger, elsewhere, take, status_of, monotonic):
    far = elsewhere()
    take(far, "a")
    me = presence(ledger, monotonic, resume=True)

    for _ in range(30):
        monotonic.now += 10
        ledger.beat(far)
        me.tick()

    assert status_of("a")[0] == "running"


def test_a_runner_of_this_machine_that_died_is_known_at_once(ledger, take, status_of, monotonic):
    dead = ledger.register_runner({})
    take(dead, "a")
    kill(ledger, dead)

    me = presence(ledger, monotonic, resume=True)

    assert (status_of("a"), me.taken_back) == (("pending", 0), 1)


def test_without_resume_those_that_died_before_are_left_alone_and_counted(ledger, take, status_of, monotonic):
    dead = ledger.register_runner({})
    take(dead, "a")
    kill(ledger, dead)

    me = presence(ledger, monotonic)
    monotonic.now += 1_000
    me.tick()

    assert (status_of("a")[0], me.left_behind) == ("running", 1)


def test_one_that_dies_meanwhile_is_taken_back_even_without_resume(ledger, take, status_of, monotonic):
    other = ledger.register_runner({})
    take(other, "a")
    me = presence(ledger, monotonic)
    kill(ledger, other)

    monotonic.now += 11
    me.tick()

    assert (status_of("a")[0], me.left_behind) == ("pending", 0)


def test_a_runner_beats_every_ten_seconds_and_not_more_often(ledger, monotonic):
    me = presence(ledger, monotonic)
    for _ in range(50):
        monotonic.now += 1
        me.tick()

    with reading(ledger.engine) as conn:
        assert conn.execute(select(runners.c.heartbeat)).scalar() == 5


def test_a_runner_that_was_declared_dead_comes_back_under_a_new_id(ledger, monotonic):
    me = presence(ledger, monotonic)
    first = me.runner_id
    ledger.take_back_lost([first])

    monotonic.now += 11
    kept = me.tick()

    assert (kept, me.runner_id > first) == (False, True)
    assert [runner.id for runner in ledger.live_runners()] == [me.runner_id]


def test_a_runner_that_ended_is_no_longer_watched(ledger, monotonic):
    presence(ledger, monotonic).end("finished")

    assert ledger.live_runners() == []


def test_a_runner_that_ends_holds_nothing_any_more(ledger, take, status_of, monotonic):
    me = presence(ledger, monotonic)
    take(me.runner_id, "a")

    assert me.end("died of an error") == 1

    assert status_of("a") == ("pending", 0)
    assert (me.end("again"), list(contradicted(ledger))) == (0, [])


def contradicted(ledger) -> list[str]:
    with reading(ledger.engine) as conn:
        return [told for _, told in contradictions(conn)]


@pytest.fixture
def ended(ledger, take):
    """The id of a runner whose record is closed, but the slice `a` is still in its hands."""
    runner_id = ledger.register_runner({"seed": 7})
    take(runner_id, "a")
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(ended_at=runners.c.started_at, ending="died of an error"))
    return runner_id


def test_the_slices_of_a_runner_that_ended_without_giving_them_back_are_taken_by_resume(
    ledger, ended, status_of, monotonic
):
    assert ledger.status().abandoned == 1
    assert ledger.last_run().runner_id == ended

    me = presence(ledger, monotonic, resume=True)

    assert (status_of("a"), me.taken_back, contradicted(ledger)) == (("pending", 0), 1, [])


def test_without_resume_the_slices_of_a_runner_that_ended_before_are_counted(
    ledger, ended, status_of, monotonic
):
    me = presence(ledger, monotonic)
    monotonic.now += 11
    me.tick()

    assert (status_of("a")[0], me.left_behind) == ("running", 1)
