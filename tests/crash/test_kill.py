"""SIGKILL at random moments, and the workers' own deaths: what is lost is at most what was in flight."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psutil
import pytest

import runner
from tests.crash.watching import BOTH, answers, ask_twice, family, ledger_of, wait_for
from tests.invariants import broken, successes


@BOTH
def test_a_run_killed_ten_times_ends_like_one_that_never_was(fleet, start):
    folder = fleet(300, seconds=0.005)
    chance = random.Random(20261123)
    outlived: list[psutil.Process] = []

    for _ in range(10):
        process = start(folder, "--resume", "--workers", "2")
        begun = len((folder / "log.txt").read_text().splitlines())
        wait_for(folder, process, chance.randint(1, 25))
        members = family(process.pid)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(members, timeout=5)
        outlived += [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
        assert broken(ledger_of(folder), imported=300) == []
        del begun
    last = start(folder, "--resume", "--workers", "2")
    out, err = last.communicate()

    assert (last.returncode, err) == (0, "")
    assert outlived == []
    assert broken(ledger_of(folder), imported=300) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(300)}
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]
    assert answers(folder, "SELECT DISTINCT outcome FROM attempts ORDER BY 1") == [("lost",), ("succeeded",)]


def test_the_rows_of_a_dead_runner_are_left_alone_without_resume(fleet, start):
    folder = fleet(6, seconds=30)
    first = start(folder, "--workers", "2")
    wait_for(folder, first, 2)
    first.kill()
    first.wait()

    second = start(folder, "--limit", "1", "--timeout", "1", "--max-attempts", "1", "--workers", "1")
    out, _ = second.communicate()

    assert second.returncode == 3
    assert "slices are held by runners that died" in out
    assert "Next: runner run --resume" in out
    assert (
        answers(folder, "SELECT count(*) FROM slices WHERE status = 'running' AND runner_id = 1")[0][0] >= 2
    )


def test_resume_goes_on_with_the_options_of_the_interrupted_run(fleet, start):
    folder = fleet(40, seconds=0.05)
    first = start(folder, "--workers", "1", "--seed", "7", "--gate", "none<1", "--max-attempts", "2")
    wait_for(folder, first, 3)
    first.kill()
    first.wait()

    second = start(folder, "--resume", "--limit", "2")
    out, _ = second.communicate()

    assert "Resuming run 1 with --workers 1 --worker" in out
    assert '--gate "none<1"' in out
    assert "--seed 7" in out
    assert answers(folder, "SELECT DISTINCT seed FROM attempts WHERE outcome = 'rejected'") == [(7,)]


CRASHES = """
import ctypes, os, signal, sys

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    print("about to " + row.id)
    if row.id == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    if row.id == "1":
        ctypes.string_at(0)
    if row.id == "2":
        os._exit(0)
    if row.id == "3":
        sys.exit(0)
    if row.id == "4":
        raise KeyboardInterrupt
    return {"m": 1.0}
"""


@BOTH
def test_a_slice_that_kills_its_worker_fails_after_three_and_the_run_goes_on(fleet, start):
    folder = fleet(12, worker=CRASHES)

    process = start(folder, "--workers", "2")
    process.communicate()

    assert process.returncode == 1
    assert broken(ledger_of(folder), imported=12) == []
    failed = answers(
        folder, "SELECT id, crashes, tries FROM slices WHERE status = 'failed' ORDER BY position"
    )
    assert failed == [(str(number), 3, 0) for number in range(5)]
    assert len(successes(ledger_of(folder))) == 7
    told = answers(
        folder, "SELECT DISTINCT slice_id, outcome, error_message, output FROM attempts WHERE number = 3"
    )
    assert {row[1] for row in told} == {"crashed"}
    assert "SIGKILL" in next(row[2] for row in told if row[0] == "0")
    assert "SIGSEGV" in next(row[2] for row in told if row[0] == "1")
    assert "about to 0" in next(row[3] for row in told if row[0] == "0")
    ((peak,),) = answers(folder, "SELECT min(peak_memory) FROM attempts WHERE outcome = 'crashed'")
    assert peak > 2**20  # bytes
    assert list((folder / "tmp").iterdir()) == []


HANGS = """
import signal, time

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    if row.id == "0":
        time.sleep(600)
    if row.id == "1":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    return {"m": 1.0}
"""


def test_a_training_that_hangs_is_killed_and_its_worker_replaced(fleet, start):
    folder = fleet(6, worker=HANGS)

    process = start(folder, "--workers", "1", "--timeout", "3", "--max-attempts", "1")
    process.communicate()

    assert process.returncode == 1
    assert answers(folder, "SELECT id FROM slices WHERE status = 'failed' ORDER BY 1") == [("0",), ("1",)]
    assert len(successes(ledger_of(folder))) == 4
    assert answers(
        folder, "SELECT DISTINCT outcome, error_type FROM attempts WHERE outcome <> 'succeeded'"
    ) == [("timeout", "Timeout")]


@BOTH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_once_a_run_finishes_what_it_trains_and_gives_back_the_rest(fleet, start, number, code):
    folder = fleet(50, seconds=0.3)
    process = start(folder, "--workers", "2")
    wait_for(folder, process, 2)

    process.send_signal(number)
    out, _ = process.communicate()

    assert process.returncode == code
    assert "Next: runner run --resume" in out
    assert broken(ledger_of(folder), imported=50) == []
    outcomes = dict(answers(folder, "SELECT outcome, count(*) FROM attempts GROUP BY 1"))
    assert outcomes["succeeded"] >= 2
    assert set(outcomes) == {"succeeded", "interrupted"}
    assert answers(folder, "SELECT DISTINCT status FROM slices ORDER BY 1") == [("pending",), ("succeeded",)]
    assert answers(folder, "SELECT ending FROM runners") == [("stopped",)]


@BOTH
def test_asked_twice_a_run_stops_at_once_and_nothing_is_held_against_a_slice(fleet, start):
    folder = fleet(10, seconds=600)
    process = start(folder, "--workers", "2")
    wait_for(folder, process, 2)

    ask_twice(process, signal.SIGTERM)
    process.communicate()

    assert process.returncode == 143
    assert answers(folder, "SELECT DISTINCT status, tries, crashes FROM slices") == [("pending", 0, 0)]
    assert answers(folder, "SELECT DISTINCT outcome FROM attempts") == [("interrupted",)]


def test_what_is_trained_in_the_process_itself_stops_when_asked_twice(fleet, start):
    folder = fleet(3, seconds=600)
    process = start(folder, "--workers", "0")
    wait_for(folder, process, 1)

    ask_twice(process, signal.SIGINT)
    process.communicate()

    assert process.returncode == 130
    assert answers(folder, "SELECT DISTINCT status, tries, crashes FROM slices") == [("pending", 0, 0)]
    assert answers(folder, "SELECT DISTINCT outcome FROM attempts") == [("interrupted",)]


def keep_asking(process, number: signal.Signals, times: int) -> None:
    """Send a signal again and again, with a moment between."""
    for _ in range(times):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)


def fill(pipe) -> None:
    """Leave no room in a pipe: who writes into it waits until somebody reads."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    end = os.open(f"/proc/self/fd/{pipe.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(end, b"\n")
    os.close(end)


@pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe can be set on Linux alone")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_asked_of_a_run_that_has_ended_its_work_changes_nothing(fleet, start, number, code):
    folder = fleet(10, seconds=600)
    process = start(folder, "--workers", "1")
    fill(process.stdout)
    wait_for(folder, process, 1)

    while not answers(folder, "SELECT 1 FROM runners WHERE ending = 'stopped'"):
        keep_asking(process, number, 1)
    keep_asking(process, number, 10)
    assert process.poll() is None  # it has its last lines to write
    out, err = process.communicate()

    assert (process.returncode, err) == (code, "")
    assert "Next: runner run --resume" in out


def test_what_is_asked_while_slices_are_given_back_is_no_reason_to_keep_them(fleet, start):
    folder = fleet(3, seconds=600)
    process = start(folder, "--workers", "0", "--quiet")
    wait_for(folder, process, 1)

    with closing(sqlite3.connect(ledger_of(folder), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        keep_asking(process, signal.SIGINT, 10)
        other.execute("COMMIT")
    out, err = process.communicate()

    assert (process.returncode, err) == (130, "")
    assert "Next: runner run --resume" in out
    assert answers(folder, "SELECT DISTINCT status FROM slices") == [("pending",)]
    assert answers(folder, "SELECT DISTINCT outcome FROM attempts") == [("interrupted",)]


LEAVES_CHILDREN = """
import subprocess, pathlib

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    child = subprocess.Popen(["sleep", "600"])
    with open(row.log, "a") as log:
        log.write(f"{child.pid}\\n")
    return {"m": 1.0}
"""


def test_what_a_training_started_ends_with_the_run(fleet, start):
    folder = fleet(4, worker=LEAVES_CHILDREN)

    process = start(folder, "--workers", "2")
    process.communicate()

    left = [int(line) for line in (folder / "log.txt").read_text().split()]
    assert len(left) == 4
    gone, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in left if psutil.pid_exists(pid)], timeout=5
    )
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_what_a_training_started_ends_with_a_runner_that_is_killed(fleet, start):
    folder = fleet(1, worker=LEAVES_CHILDREN.replace('return {"m": 1.0}', "child.wait()"))
    process = start(folder, "--workers", "1")
    wait_for(folder, process, 1)
    left = psutil.Process(int((folder / "log.txt").read_text()))

    process.kill()

    assert left.wait(timeout=10) is None
    process.wait()
    gone(folder / "tmp")


@pytest.mark.parametrize(
    "words", [("plan", "--worker", "worker.py"), ("check", "worker.py")], ids=lambda w: w[0]
)
def test_a_plan_or_check_that_is_killed_leaves_no_folder(fleet, start, words):
    folder = fleet(2, seconds=600)
    process = start(folder, words=words)
    wait_for(folder, process, 1)

    process.kill()

    process.wait()
    gone(folder / "tmp")


def gone(folder: Path) -> None:
    """Wait until nothing is left in a folder: the fork server tidies up just after its runner is gone."""
    deadline = time.monotonic() + 10
    while list(folder.iterdir()):
        assert time.monotonic() < deadline, f"left behind: {list(folder.rglob('*'))}"


@BOTH
def test_two_runners_share_a_ledger_and_train_each_slice_once(fleet, start):
    folder = fleet(300, seconds=0)

    both = [start(folder, "--workers", "1") for _ in range(2)]
    told = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert [err for _, err in told] == ["", ""]
    assert broken(ledger_of(folder), imported=300) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(300)}


@BOTH
def test_a_stopped_runner_that_was_overtaken_records_nothing_and_goes_on(fleet, start, monkeypatch):
    folder = fleet(12, seconds=0.4)
    stopped = start(folder, "--workers", "1", "--limit", "1")
    wait_for(folder, stopped, 1)
    os.kill(stopped.pid, signal.SIGSTOP)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("ledger.runners.LEASE_SECONDS", 1.0)
    monkeypatch.setattr("runner.presence.HEARTBEAT_SECONDS", 0.2)

    summary = runner.run(ledger_of(folder), worker="worker.py", workers=0, quiet=True)
    os.kill(stopped.pid, signal.SIGCONT)
    out, err = stopped.communicate()

    assert (summary.exit_code, summary.succeeded, summary.taken_back) == (0, 12, 1)
    assert (stopped.returncode, err) == (0, "")
    assert "results came too late and were dropped" in out
    assert broken(ledger_of(folder), imported=12) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(12)}
    assert answers(folder, "SELECT count(*) FROM attempts WHERE outcome = 'lost'") == [(1,)]
    kept = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
    assert len(kept) == 12  # those of the overtaken attempt are gone
