"""A runner that dies or meets a full disk at a named point of its work, and what --resume makes of it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest
from sqlalchemy import event, text

import runner
from ledger.database import writing
from ledger.store import Ledger
from tests.crash.conftest import ENVIRONMENT
from tests.crash.watching import BOTH, answers, ledger_of, wait_for
from tests.invariants import broken, successes


def resumed(folder, start, count: int) -> None:
    """Go on, and see that each slice was trained to success once and owes nothing."""
    process = start(folder, "--resume", "--workers", "1")
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert broken(ledger_of(folder), imported=count) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(count)}
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]


@BOTH
@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        ("flushing:kill9:2", None),  # the model file is in its place, and not on the disk yet
        ("claimed:kill9", [2]),  # after a claim, before anything started
        # The model file is in its place, its row is not written; while it was flushed the worker went on.
        ("reported:kill9", range(2, 7)),
        ("reported:kill9:3", range(1, 7)),  # by then all others may be recorded
        ("committing:kill9:4", None),  # all is written but the COMMIT
        ("committed:kill9:4", None),  # and after it, before anything else
        ("begun:kill9:5", None),
    ],
)
def test_a_runner_killed_at_any_point_loses_what_was_in_flight_and_nothing_else(fleet, start, fault, lost):
    folder = fleet(6, seconds=0)

    first = start(folder, "--workers", "1", fault=fault)
    first.communicate()

    assert first.returncode == -signal.SIGKILL
    assert broken(ledger_of(folder), imported=6) == []
    if lost is not None:
        ((held,),) = answers(folder, "SELECT count(*) FROM attempts WHERE outcome = 'running'")
        assert held in lost
    resumed(folder, start, 6)


def test_a_model_file_without_a_row_is_left_by_a_kill_between_the_two(fleet, start):
    folder = fleet(2, seconds=0)

    first = start(folder, "--workers", "1", "--limit", "1", fault="reported:kill9")
    first.communicate()

    files = [path for path in (folder / "artifacts").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"0" * 100]
    assert answers(folder, "SELECT count(*) FROM artifacts") == [(0,)]
    resumed(folder, start, 2)
    assert files[0].exists()  # under the path of its own attempt: nothing was written over


@pytest.mark.parametrize("step", ["writing", "renaming"])
def test_a_worker_killed_while_it_writes_a_model_leaves_no_half_of_one(fleet, start, step):
    folder = fleet(1, seconds=0)

    process = start(folder, "--workers", "1", fault=f"{step}:kill9:1")
    process.communicate()

    # The runner itself looks first whether files can be written, and dies of the same fault.
    assert process.returncode == -signal.SIGKILL
    resumed(folder, start, 1)


@BOTH
@pytest.mark.parametrize("point", ["importing", "committing"])
def test_an_import_killed_in_the_middle_has_imported_nothing(fleet, point):
    folder = fleet(3)
    rows = "".join(f"n{number},x,0,1,2,3,0,l\n" for number in range(5_000))
    header = "id,file,train_from,train_to,test_from,test_to,seconds,log\n"
    (folder / "more.csv").write_text(header + rows, encoding="utf-8")
    command = [sys.executable, "-m", "ledger", "import", "more.csv"]
    environment = {**ENVIRONMENT, "LEDGER_URL": ledger_of(folder)}

    killed = subprocess.run(
        command, cwd=folder, env={**environment, "LEDGER_FAULT": f"{point}:kill9"}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert answers(folder, "SELECT count(*) FROM slices") == [(3,)]

    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert answers(folder, "SELECT count(*) FROM slices") == [(5_003,)]


@BOTH
@pytest.mark.parametrize(("point", "queued"), [("committing", 0), ("committed", 3)])
def test_a_requeue_killed_in_the_middle_is_whole_or_not_there_and_can_be_made_again(fleet, point, queued):
    folder = fleet(5)
    with Ledger.open(ledger_of(folder)) as ledger, writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'failed', tries = 3 WHERE position <= 3"))
    command = [sys.executable, "-m", "ledger", "requeue", "--failed"]
    environment = {**ENVIRONMENT, "LEDGER_URL": ledger_of(folder)}
    owing = "SELECT count(*) FROM slices WHERE status = 'failed' AND tries = 3"

    killed = subprocess.run(
        command, cwd=folder, env={**environment, "LEDGER_FAULT": f"{point}:kill9:2"}, check=False
    )  # the first time it only counts them
    assert killed.returncode == -signal.SIGKILL
    assert answers(folder, owing) == [(3 - queued,)]

    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert answers(folder, "SELECT DISTINCT status, tries FROM slices") == [("pending", 0)]
    assert broken(ledger_of(folder), imported=5) == []


def test_a_disk_that_is_full_for_a_while_costs_no_slice_and_no_try(fleet, start):
    folder = fleet(5, seconds=0)

    process = start(folder, "--workers", "1", fault="flushing:enospc:2")  # each process counts for itself
    _, err = process.communicate()

    assert process.returncode == 0
    assert "Waiting: model files in" in err
    assert "No space left on device" in err
    assert broken(ledger_of(folder), imported=5) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(5)}
    assert answers(folder, "SELECT DISTINCT outcome, error_type FROM attempts ORDER BY 1") == [
        ("failed", "NoSpace"),
        ("succeeded", None),
    ]
    assert list((folder / "artifacts").rglob("*.tmp")) == []


def test_a_ledger_that_cannot_grow_pauses_the_run_until_it_can(fleet, monkeypatch):
    folder = fleet(40, seconds=0)
    monkeypatch.chdir(folder)
    room = {"pages": 0, "refused": 0}

    def limit(raw, *_) -> None:
        (pages,) = raw.execute("PRAGMA page_count").fetchone()
        room["pages"] = room["pages"] or pages + 1
        raw.execute(f"PRAGMA max_page_count={room['pages']}")

    def refused(_) -> None:
        room["refused"] += 1
        if room["refused"] == 2:  # somebody makes room
            room["pages"] = 10_000

    with Ledger.open(ledger_of(folder)) as ledger:
        event.listen(ledger.engine, "checkout", limit)
        event.listen(ledger.engine, "handle_error", refused)

        summary = runner.run(ledger, worker="worker.py", workers=1, quiet=True)

    assert room["refused"] >= 2
    assert (summary.exit_code, summary.succeeded) == (0, 40)
    assert broken(ledger_of(folder), imported=40) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(40)}


def test_a_ledger_locked_for_a_while_is_waited_for(fleet, start):
    folder = fleet(5, seconds=0)
    with closing(sqlite3.connect(ledger_of(folder), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        process = start(folder, "--workers", "1")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=4)
        other.execute("COMMIT")

        _, err = process.communicate()

    assert (process.returncode, err) == (0, "")
    assert len(successes(ledger_of(folder))) == 5


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_a_ledger_that_vanishes_under_a_run_stops_it(fleet, start, what):
    folder = fleet(200, seconds=0.1)
    ledger = folder / "ledger.db"
    process = start(folder, "--workers", "1")
    wait_for(folder, process, 2)

    content = ledger.read_bytes()
    ledger.rename(folder / "elsewhere.db")
    if what == "replaced":
        ledger.write_bytes(content)
    _, err = process.communicate(timeout=30)

    assert process.returncode == 7
    assert "was removed or replaced while it was in use" in err
    assert "Traceback" not in err


def test_a_damaged_page_is_noticed_before_anything_is_trained(fleet, start):
    folder = fleet(3_000, seconds=0)
    ledger = folder / "ledger.db"
    with closing(sqlite3.connect(ledger)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'slices'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    with ledger.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * 100)
    before = ledger.read_bytes()

    process = start(folder, "--workers", "1")
    _, err = process.communicate()

    assert process.returncode == 6
    assert "is damaged" in err
    assert ".recover" in err
    assert "Traceback" not in err
    assert ledger.read_bytes() == before
    assert (folder / "log.txt").read_text() == ""


def test_a_log_deleted_after_a_kill_costs_the_last_commits_and_nothing_is_trained_under_an_old_path(
    fleet, start
):
    folder = fleet(30, seconds=0.01)
    process = start(folder, "--workers", "1")
    wait_for(folder, process, 8)
    process.kill()
    process.wait()

    for name in ("ledger.db-wal", "ledger.db-shm"):
        (folder / name).unlink()

    assert any("the ledger is older" in each for each in broken(ledger_of(folder), imported=30))
    resumed(folder, start, 30)


def test_a_reader_that_stays_for_the_whole_run_sees_its_moment_and_blocks_nothing(fleet, start):
    folder = fleet(20, seconds=0)
    with closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM attempts").fetchone() == (0,)

        process = start(folder, "--workers", "1")
        _, err = process.communicate()

        assert (process.returncode, err) == (0, "")
        assert reader.execute("SELECT count(*) FROM attempts").fetchone() == (0,)
    assert len(successes(ledger_of(folder))) == 20


HUNGRY = """
def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    if row.id == "0":
        keep = []
        while True:
            keep.append(bytearray(20_000_000))
    return {"m": 1.0}
"""


def test_a_slice_that_eats_memory_fails_alone(fleet, start):
    folder = fleet(4, worker=HUNGRY)

    process = start(folder, "--workers", "1", "--memory-limit", "700MB", "--max-attempts", "1")
    process.communicate(timeout=120)

    assert process.returncode == 1
    assert answers(folder, "SELECT DISTINCT error_type FROM attempts WHERE slice_id = '0'") == [
        ("OutOfMemory",)
    ]
    assert len(successes(ledger_of(folder))) == 3
    assert broken(ledger_of(folder), imported=4) == []
    ((peak,),) = answers(folder, "SELECT max(peak_memory) FROM attempts")
    assert peak < 1.2 * 2**30


STRAYS = """
import subprocess

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    with open(row.log, "a") as log:
        log.write(f"{child.pid}\\n")
    return {"m": 1.0}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on")
def test_even_what_left_its_group_ends_with_the_run(fleet, start):
    folder = fleet(2, worker=STRAYS)

    process = start(folder, "--workers", "1")
    process.communicate()

    left = [int(line) for line in (folder / "log.txt").read_text().split()]
    assert len(left) == 2
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in left):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_the_temporary_files_of_an_attempt_are_gone_after_it(fleet, start):
    worker = """
import os, tempfile

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    folder = tempfile.mkdtemp()
    assert os.environ["TMPDIR"] in folder
    return {"left": float(len(os.listdir(os.path.dirname(os.path.dirname(folder)))))}
"""
    folder = fleet(20, worker=worker)

    process = start(folder, "--workers", "1")
    process.communicate()

    assert process.returncode == 0
    # The folder of the attempt and the file for what is printed: nothing of the slices before.
    assert answers(folder, "SELECT DISTINCT value FROM metrics") == [(2.0,)]
    assert list((folder / "tmp").iterdir()) == []
