"""Drift runs that die or are stopped in the middle, and what --resume makes of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import runner
from ledger.store import Ledger
from tests.crash.conftest import ENVIRONMENT
from tests.crash.watching import BOTH, PLACE, answers, ledger_of
from tests.drifting import World

WORKER = """
import sqlite3, time
import pandas as pd

def get_data(row):
    if row.test_to.startswith("2261"):
        with open("log.txt", "a") as log:
            print(row.id, file=log)
        time.sleep(SLOW)
    with sqlite3.connect(f"{row.database}.db") as raw:
        found = pd.read_sql(f"SELECT timestamp, {row.column} FROM metrics", raw, parse_dates=["timestamp"])
    return found.set_index("timestamp")[row.column]
"""
DATABASES, METRICS = 4, 3


@pytest.fixture
def fleet(place, tmp_path, monkeypatch):
    """A folder with a trained fleet whose slice web1.m01 has moved since; returns the folder."""
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, DATABASES, METRICS)
    write_worker(tmp_path, slow=0)
    Path("log.txt").touch()
    Path(PLACE).write_text(place, encoding="utf-8")
    with Ledger.open(place) as ledger:
        ledger.import_slices("split.csv", artifacts=str(tmp_path / "artifacts"))
        runner.run(ledger, trainer="seasonal_naive", worker="worker.py", workers=0, quiet=True)
    world.go_on("web1.m01")
    return tmp_path


def write_worker(folder: Path, *, slow: float) -> None:
    (folder / "worker.py").write_text(f"SLOW = {slow}\n{WORKER}", encoding="utf-8")


def drift(folder: Path, *options: str, fault: str = "") -> subprocess.Popen[str]:
    """Start `runner drift` with one worker, which gets the slices of one database at a time."""
    return subprocess.Popen(
        [sys.executable, "-m", "runner", "drift", "--workers", "1", *options],
        cwd=folder,
        env={**ENVIRONMENT, "LEDGER_URL": ledger_of(folder), "LEDGER_FAULT": fault},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def read(folder: Path) -> Counter[str]:
    """How often each slice's new data was read."""
    return Counter((folder / "log.txt").read_text(encoding="utf-8").split())


def decided_once(folder: Path) -> None:
    """Every slice has one check with its verdict, and nothing is left of the way there."""
    verdicts = answers(folder, "SELECT slice_id, verdict FROM drift_checks")
    assert Counter(verdict for _, verdict in verdicts) == {"stable": 11, "suspect": 1}
    assert len({slice_id for slice_id, _ in verdicts}) == 12
    assert ("web1.m01", "suspect") in verdicts
    assert answers(folder, "SELECT count(*) FROM drift_findings") == [(0,)]
    assert answers(folder, "SELECT count(*) FROM drift_runs WHERE ending = 'decided'") == [(1,)]


# Transactions: 1 the runner, 2 the run, 3 to 6 what each database's slices gave, 7 the verdicts.
@BOTH
@pytest.mark.parametrize(
    "fault",
    [
        "committed:kill9:2",
        "committing:kill9:3",
        "committed:kill9:3",
        "committing:kill9:5",
        "committed:kill9:5",
        "committed:kill9:6",
        "committing:kill9:7",
    ],
)
def test_a_drift_run_killed_anywhere_goes_on_where_it_was(fleet, fault):
    killed = drift(fleet, fault=fault)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert answers(fleet, "SELECT count(*) FROM drift_checks") == [(0,)]
    kept = {row[0] for row in answers(fleet, "SELECT slice_id FROM drift_findings")}

    resumed = drift(fleet, "--resume")
    out, err = resumed.communicate()

    assert (resumed.returncode, err) == (0, "")
    assert f"Resuming drift run 1: {len(kept)} of 12 checks are done" in out
    decided_once(fleet)
    assert {name for name, times in read(fleet).items() if name in kept and times > 1} == set()


def doctor(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `ledger doctor` says."""
    command = [sys.executable, "-m", "ledger", "doctor", "--ledger", ledger_of(folder)]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)


@BOTH
def test_the_doctor_says_what_goes_on_with_a_drift_run_whose_runner_was_killed(fleet):
    drift(fleet, fault="committed:kill9:4").communicate()

    before = doctor(fleet)
    drift(fleet, "--resume").communicate()
    after = doctor(fleet)

    assert before.returncode == 1
    assert (
        "Drift run 1 (12 checks) was interrupted, and none of its checks has a verdict: "
        "`runner drift --resume` goes on with it.\n"
    ) in before.stdout
    assert after.returncode == 0
    assert "Drift run" not in after.stdout


@BOTH
def test_a_drift_run_killed_after_its_verdicts_is_over(fleet):
    killed = drift(fleet, fault="committed:kill9:7")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    decided_once(fleet)

    drift(fleet, "--resume").communicate()

    assert answers(fleet, "SELECT verdict, count(*) FROM drift_checks WHERE run_id = 2 GROUP BY 1") == [
        ("insufficient", 12)
    ]
    assert answers(fleet, "SELECT slice_id, verdict FROM drifted") == [("web1.m01", "suspect")]


def test_without_resume_an_interrupted_run_is_given_up_and_nothing_of_it_counts(fleet):
    drift(fleet, fault="committed:kill9:4").communicate()

    again = drift(fleet)
    out, _ = again.communicate()

    assert "Drift run 1 had been interrupted and is given up" in out
    decided_once(fleet)
    assert answers(fleet, "SELECT id, ending FROM drift_runs ORDER BY id") == [
        (1, "abandoned"),
        (2, "decided"),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_drift_run_that_is_asked_to_stop_can_be_resumed(fleet, number):
    write_worker(fleet, slow=0.2)
    process = drift(fleet)
    with (fleet / "log.txt").open() as log:
        begun = 0
        while begun < 4 and process.poll() is None:
            begun += sum(1 for _ in log)

    process.send_signal(number)
    out, err = process.communicate()

    assert (process.returncode, err) == (128 + number, "")
    assert "Next: runner drift --resume" in out
    assert answers(fleet, "SELECT ending FROM runners ORDER BY id") == [("finished",), ("stopped",)]
    ((kept,),) = answers(fleet, "SELECT count(*) FROM drift_findings")
    assert 3 <= kept < 12
    write_worker(fleet, slow=0)
    assert drift(fleet, "--resume").communicate()[1] == ""
    decided_once(fleet)
