"""`runner plan`, from a ledger to a recommendation: what it tells, and that it changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import runner
from ledger.requeue import Selection
from ledger.store import Ledger
from runner.errors import OptionError
from runner.planning.plan import NothingTrainedError, PlanStoppedError
from tests.rows import rows_of

ROOT = Path(__file__).resolve().parents[1]
HEADER = "id,file,column,train_from,train_to,test_from,test_to,trainer,params\n"
COLUMNS = 8


@pytest.fixture
def project(ledger, tmp_path, monkeypatch):
    """A ledger of forty slices: four files of eight columns, and eight files of one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("runner.planning.rehearsal.ENOUGH", 0.0)
    rows = []
    for number in range(4):
        write(f"wide{number}.csv", COLUMNS)
        rows += [f"w{number}.{column},wide{number}.csv,c{column},0,39,40,59,,\n" for column in range(COLUMNS)]
    for number in range(8):
        write(f"narrow{number}.csv", 1)
        rows.append(f"n{number},narrow{number}.csv,,0,39,40,59,seasonal_naive,period=7\n")
    Path("split.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    ledger.import_slices("split.csv")
    return ledger


def write(name: str, columns: int) -> None:
    head = ",".join(f"c{column}" for column in range(columns))
    lines = (
        f"{place},{','.join(str((place * (1 + column)) % 11) for column in range(columns))}\n"
        for place in range(60)
    )
    Path(name).write_text(f"time,{head}\n{''.join(lines)}", encoding="utf-8")


def left_behind() -> list[str]:
    return sorted(path.name for path in Path(tempfile.gettempdir()).iterdir())


def everything_but_plans(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows for name, rows in rows_of(ledger).items() if name != "plans"}


def test_a_plan_tells_time_memory_disk_and_reading_and_changes_no_slice(project):
    before = everything_but_plans(project)

    told = runner.plan(project, sample=12, workers=1, trainer="seasonal_naive", params={"period": 7})

    assert told.slices == 40
    assert 12 <= told.sampled <= 40
    assert 0 < told.time.low < told.time.expected < told.time.high
    assert told.memory > 10**7
    assert told.models.files == 40
    assert told.models.disk_bytes == 40 * 4096
    assert 100 * 40 < told.models.bytes < 10_000 * 40
    assert (told.failed, told.machines) == (0, 0)
    (folder,) = told.sources
    assert (folder.slices, folder.tables) == (40, 12)
    assert folder.bytes >= sum(path.stat().st_size for path in Path().glob("[wn]*.csv"))
    assert folder.rows >= 12 * 60
    assert everything_but_plans(project) == before
    assert left_behind() == []
    assert not Path("artifacts").exists()


def test_the_plan_is_kept_and_the_status_tells_it_against_the_run(project):
    told = runner.plan(project, sample=12, workers=1, trainer="seasonal_naive")

    before = project.status().plan
    runner.run(project, workers=1, trainer="seasonal_naive", quiet=True)
    after = project.status().plan

    assert before.plan == told.plan()
    assert (before.runs, before.done, before.finished, before.projected) == (0, 0, False, None)
    assert (after.runs, after.done, after.finished, after.differs) == (1, 40, True, ())
    assert after.projected == after.elapsed > 0
    assert after.inside is (told.time.low <= after.elapsed <= told.time.high)


def test_only_what_is_still_to_be_trained_is_planned(project):
    runner.run(project, workers=0, trainer="seasonal_naive", limit=25, quiet=True)

    told = runner.plan(project, sample=5, workers=0, trainer="seasonal_naive")

    assert told.slices == 15


def test_a_sample_larger_than_the_queue_takes_all_of_it(project):
    told = runner.plan(project, sample=1_000, workers=2, trainer="seasonal_naive")

    assert told.sampled == told.slices == 40


def test_a_plan_for_this_process_needs_no_workers(project):
    told = runner.plan(project, sample=10, workers=0, trainer="seasonal_naive")

    assert told.workers == 1
    assert told.time.expected > 0


def test_a_slice_may_begin_from_its_champion_as_in_a_run(project, monkeypatch):
    import runner.training

    states, state_of = [], runner.training.state_of
    monkeypatch.setattr(
        runner.training, "state_of", lambda *given: states.append(state_of(*given)) or states[-1]
    )
    how = {"workers": 0, "trainer": "arima", "params": {"order": "1,0,0"}}
    runner.run(project, quiet=True, **how)
    project.requeue(Selection(where="status <> 'pending' AND trainer IS NULL"))

    told = runner.plan(project, sample=10, **how)

    assert told.failed == 0
    assert len(states) >= 10
    assert None not in states


def test_an_empty_queue_is_nothing_to_plan(project):
    runner.run(project, workers=0, trainer="seasonal_naive", quiet=True)

    assert runner.plan(project, workers=0) is None
    assert project.status().plan is None


def test_slices_that_fail_are_told(project):
    Path("worker.py").write_text(
        "def train(row, data):\n    if row.id.endswith('3'):\n        raise KeyError('three')\n    return {'m': 1}\n",
        encoding="utf-8",
    )

    told = runner.plan(project, sample=40, workers=0, worker="worker.py")

    assert told.errors == {"KeyError": 4}
    assert "  failures   4 of 40 slices tried: KeyError" in told.lines()


def test_a_worker_that_dies_is_told(project):
    Path("worker.py").write_text(
        "import os\ndef train(row, data):\n    return os._exit(3) if row.id == 'w0.3' else {'m': 1}\n",
        "utf-8",
    )

    told = runner.plan(project, sample=40, workers=1, worker="worker.py")

    assert told.errors == {"WorkerCrash": 1}


def test_where_everything_fails_the_error_is_told_and_nothing_is_kept(project):
    Path("worker.py").write_text(
        "def get_data(row): raise ValueError('no way')\ndef train(row, data): return {}\n", encoding="utf-8"
    )
    before = rows_of(project)

    with pytest.raises(
        NothingTrainedError, match=r"failed, so nothing can be foretold: \d+ × ValueError, .*no way"
    ):
        runner.plan(project, sample=10, workers=0, worker="worker.py")

    assert rows_of(project) == before
    assert left_behind() == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sample": 0}, "sample is 0; it is at least 1"),
        ({"deadline": "9" * 400 + "h"}, "it is a time such as 90s, 15m, 8h or 2d"),
        ({"deadline": "soon"}, "deadline is 'soon'; it is a time such as 90s, 15m, 8h or 2d"),
        ({"threshold": 0}, "threshold is 0; it is more than 0"),
        ({"workers": -1}, "workers is -1; it is at least 0"),
    ],
)
def test_an_option_that_cannot_be_is_refused(project, options, told):
    with pytest.raises(OptionError, match=told):
        runner.plan(project, **options)


def test_a_deadline_is_told_with_the_machines_it_takes(project):
    ample = runner.plan(project, sample=10, workers=0, trainer="seasonal_naive", deadline="8h")
    never = runner.plan(project, sample=10, workers=0, trainer="seasonal_naive", deadline=0.000_001)

    assert ample.machines == 1
    assert "This machine is done in 8 h 0 min" in ample.lines()
    assert never.machines is None
    assert any(line.startswith("No number of machines") for line in never.lines())


def test_a_threshold_turns_one_process_into_several(project):
    told = runner.plan(project, sample=10, workers=0, trainer="seasonal_naive", threshold=0.000_001)

    assert told.recommendation.way.value == "several processes"


def test_a_table_is_read_with_all_columns_that_the_queue_reads(project, monkeypatch):
    from runner.training import Training

    seen = {}
    attempt = Training.attempt

    def watched(self, assignment):
        seen[assignment.held.slice.id] = assignment.together
        return attempt(self, assignment)

    monkeypatch.setattr(Training, "attempt", watched)

    runner.plan(project, sample=6, workers=0, trainer="seasonal_naive")

    wide = {columns for name, columns in seen.items() if name.startswith("w")}
    assert wide == {tuple(f"c{column}" for column in range(COLUMNS))}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_nothing(project, number):
    Path("worker.py").write_text(
        f"import os, signal\ndef train(row, data):\n    os.kill({os.getpid()}, {int(number)})\n    return {{'m': 1}}\n",
        "utf-8",
    )
    before = rows_of(project)

    with pytest.raises(PlanStoppedError, match="no slice was changed and nothing was kept") as stopped:
        runner.plan(project, sample=10, workers=1, worker="worker.py")

    assert stopped.value.exit_code == 128 + number
    assert rows_of(project) == before
    assert left_behind() == []


def plan_command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "runner", "plan", "--workers", "0", "--sample", "10", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_command_prints_json_with_the_keys_that_the_docs_explain(project):
    done = plan_command(
        "--ledger",
        str(project.engine.url.render_as_string(hide_password=False)).replace("sqlite:///", ""),
        "--trainer",
        "seasonal_naive",
        "--json",
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    page = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
    assert [name for name in told if f"`{name}`" not in page] == []
    assert told["slices"] == 40
    assert told["recommended"] == "one process"
    assert told["next"].startswith("runner run --resume --workers 1 --trainer seasonal_naive")


def test_the_words_of_a_plan_and_of_the_status_after_it(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a.csv", 1)
    Path("split.csv").write_text(HEADER + "a,a.csv,,0,39,40,59,seasonal_naive,period=7\n", encoding="utf-8")
    sqlite_ledger.import_slices("split.csv")

    done = plan_command()
    status = subprocess.run(
        [sys.executable, "-m", "ledger", "status"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    lines = done.stdout.splitlines()
    assert lines[0] == "1 slice, 1 of them tried; none of them was changed"
    assert [line.split()[0] for line in lines[1:5]] == ["time", "memory", "models", "reading"]
    assert lines[-2].startswith("Recommended: one process: ")
    assert lines[-1] == "Next: runner run --resume --workers 1"
    assert "for 1 slice" in status.stdout


def test_an_empty_queue_is_told_by_the_command(sqlite_ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    told, as_json = plan_command(), plan_command("--json")

    assert told.stdout == "Nothing is pending or waiting, so there is nothing to plan. Next: ledger status\n"
    assert json.loads(as_json.stdout) == {"slices": 0}
    assert (told.returncode, as_json.returncode) == (0, 0)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_ledger_that_may_only_be_read_is_planned_and_told_that_the_plan_is_not_kept(project):
    with Ledger.open(str(project.path), read_only=True) as ledger:
        told = runner.plan(ledger, sample=5, workers=0, trainer="seasonal_naive")

    assert told.why_not_kept is not None
    assert f"The plan could not be kept: {told.why_not_kept}" in told.lines()
    assert told.as_json()["kept"] is False
    assert project.status().plan is None
