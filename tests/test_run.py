"""Runs from the first line to the last, in this process and in workers."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
from sqlalchemy import text

import runner
from ledger import faults
from ledger.artifacts import CannotKeepError
from ledger.database import reading, writing
from ledger.requeue import Selection
from ledger.store import Ledger
from runner.errors import OptionError, RunnerError, WorkerFileError
from tests.invariants import broken
from tests.series import daily

ONCE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""For what is the same whatever the ledger is in: once is enough."""


@pytest.fixture
def project(place, tmp_path, monkeypatch):
    """A folder with a database of two metrics, a file, and a split file over both."""
    monkeypatch.chdir(tmp_path)
    series = daily(300)
    frame = pd.DataFrame({"cpu": series.to_numpy(), "memory (%)": series.to_numpy()[::-1]})
    frame.insert(0, "timestamp", [str(time) for time in series.index])
    with closing(sqlite3.connect("web.db")) as raw:
        frame.to_sql("metrics", raw, index=False)
    frame[["timestamp", "cpu"]].to_csv("disk.csv", index=False)
    ranges = "2026-01-01,2026-01-10,2026-01-11,2026-01-12"
    Path("split.csv").write_text(
        "id,database,table,column,file,train_from,train_to,test_from,test_to,region\n"
        f"cpu,web,metrics,cpu,,{ranges},eu\nmem,web,metrics,memory (%),,{ranges},eu\ndisk,,,,disk.csv,{ranges},us\n",
        encoding="utf-8",
    )
    with Ledger.open(place, create=False) as ledger:
        ledger.import_slices("split.csv")
        yield ledger


def answers(ledger: Ledger, sql: str) -> list[tuple[object, ...]]:
    with reading(ledger.engine) as conn:
        return [tuple(row) for row in conn.execute(text(sql))]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_slice_is_trained_tested_recorded_and_loads_again(project, workers):
    summary = runner.run(project, trainer="autoreg", workers=workers, quiet=True)

    assert (summary.succeeded, summary.failed, summary.exit_code) == (3, 0, 0)
    assert broken(project.name, imported=3) == []
    metrics = project.query("SELECT slice_id, name FROM current_metrics")
    assert set(metrics["name"]) == {"mae", "rmse", "smape", "mase", "one_step_mae"}
    model = runner.load(project, "mem")
    assert model.predict(5).shape == (5,)
    assert np.isfinite(model.score([10.0, 11.0])).all()


def test_what_an_attempt_cost_is_recorded(project):
    runner.run(project, trainer="seasonal_naive", workers=1, quiet=True)

    columns = "train_rows, test_rows, trainer, model_used, seed, code_version, train_from"
    (row,) = answers(project, f"SELECT {columns} FROM attempts WHERE slice_id = 'cpu'")
    assert row[:5] == (240, 48, "seasonal_naive", "seasonal naive(24)", 0)
    assert row[5].startswith("slice-ledger ")
    assert answers(project, "SELECT count(*) FROM attempts WHERE load_seconds > 0 AND save_seconds > 0") == [
        (3,)
    ]
    assert answers(project, "SELECT min(peak_memory) > 10000000 FROM attempts") == [(1,)]


@ONCE
@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_workers_start_either_way(project, start):
    assert runner.run(project, trainer="seasonal_naive", workers=1, start=start, quiet=True).succeeded == 3


@ONCE
@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_libraries_have_one_thread_each_before_they_are_imported(project, start):
    Path("worker.py").write_text(
        "import os\nN = int(os.environ['OMP_NUM_THREADS'])\n"
        "def train(row, data):\n"
        "    import threadpoolctl\n"
        "    return {'n': N, 'most': max(each['num_threads'] for each in threadpoolctl.threadpool_info())}\n",
        encoding="utf-8",
    )

    runner.run(project, worker="worker.py", workers=1, start=start, quiet=True)

    assert answers(project, "SELECT DISTINCT name, value FROM metrics ORDER BY 1") == [
        ("most", 1.0),
        ("n", 1.0),
    ]


@ONCE
def test_libraries_have_one_thread_each_in_this_process_too(project):
    Path("worker.py").write_text(
        "import threadpoolctl\n"
        "def train(row, data):\n"
        "    return {'most': max(each['num_threads'] for each in threadpoolctl.threadpool_info())}\n",
        encoding="utf-8",
    )

    with threadpoolctl.threadpool_limits(2):
        runner.run(project, worker="worker.py", workers=0, quiet=True)

    assert answers(project, "SELECT DISTINCT value FROM metrics") == [(1.0,)]


def test_what_succeeded_is_not_trained_again(project):
    runner.run(project, trainer="seasonal_naive", workers=0, quiet=True)

    again = runner.run(project, trainer="seasonal_naive", workers=0, resume=True, quiet=True)

    assert (again.started, again.exit_code) == (0, 0)
    assert "Nothing was pending" in again.lines()[-1]


def test_a_gate_rejects_keeps_and_says_why(project):
    summary = runner.run(project, trainer="seasonal_naive", workers=0, gates=["mae<0"], quiet=True)

    assert (summary.rejected, summary.exit_code) == (3, 1)
    assert answers(project, "SELECT DISTINCT status, champion_id FROM slices") == [("rejected", None)]
    ((reason,),) = answers(project, "SELECT reason FROM attempts WHERE slice_id = 'cpu'")
    assert "is not < 0" in reason
    assert answers(project, "SELECT count(*) FROM artifacts") == [(3,)]


@ONCE
def test_a_run_without_numba_trains_all_the_same_and_says_so_once(project, tmp_path, monkeypatch, capsys):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "numba.py").write_text("raise ImportError('none here')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "without")  # the path that workers get

    summary = runner.run(project, trainer="isolation_forest", workers=2)

    told = "Warning: numba cannot be imported (none here): isolation forests take twenty times as long"
    assert (summary.succeeded, summary.failed) == (3, 0)
    assert capsys.readouterr().err.count(told) == 1
    assert summary.lines().count(told) == 1


def test_the_worker_file_reads_trains_and_prints(project):
    Path("worker.py").write_text(
        "import warnings\n"
        "def get_data(row):\n    return list(range(len(row.region) * 10)), [1.0]\n"
        "def train(row, data, params):\n"
        "    print('training', row.id)\n    warnings.warn('odd')\n"
        "    return {'n': len(data.train), 'x': float(params['x'])}\n",
        encoding="utf-8",
    )

    summary = runner.run(project, worker="worker.py", params={"x": "2"}, workers=1, quiet=True)

    assert summary.succeeded == 3
    assert answers(project, "SELECT DISTINCT name, value FROM metrics ORDER BY 1") == [
        ("n", 20.0),
        ("x", 2.0),
    ]
    ((output, warned, trainer),) = answers(
        project, "SELECT output, warnings, trainer FROM attempts WHERE slice_id = 'cpu'"
    )
    assert (output.strip(), warned, trainer) == ("training cpu", "UserWarning: odd", "worker")


def test_a_training_that_raises_is_tried_again_and_then_fails_with_its_traceback(project):
    Path("worker.py").write_text(
        "def train(row, data):\n    if row.id == 'cpu':\n        raise ValueError('no luck \\0 today')\n    return {'m': 1}\n",
        encoding="utf-8",
    )

    summary = runner.run(project, worker="worker.py", workers=1, max_attempts=2, backoff=0.01, quiet=True)

    assert (summary.succeeded, summary.failed, summary.retried, summary.exit_code) == (2, 1, 1, 1)
    assert answers(project, "SELECT number, outcome, error_type FROM attempts WHERE slice_id = 'cpu'") == [
        (1, "failed", "ValueError"),
        (2, "failed", "ValueError"),
    ]
    ((message, trace),) = answers(
        project, "SELECT error_message, traceback FROM attempts WHERE slice_id = 'cpu' LIMIT 1"
    )
    assert message == "no luck ? today"
    assert 'worker.py", line 3, in train' in trace


@ONCE
@pytest.mark.parametrize("returned", ["None", "object()", "{'m': 'text'}", "Trained(model=lambda: 1)"])
def test_a_result_that_cannot_be_recorded_fails_its_slice_alone_and_at_once(project, returned):
    Path("worker.py").write_text(
        f"from runner import Trained\ndef train(row, data):\n    return {returned} if row.id == 'cpu' else {{'m': 1}}\n",
        encoding="utf-8",
    )

    summary = runner.run(project, worker="worker.py", workers=0, quiet=True)

    assert (summary.succeeded, summary.failed, summary.retried) == (2, 1, 0)


def test_data_that_cannot_be_trained_fails_at_once_with_its_class(project):
    Path("disk.csv").write_text("timestamp,cpu\n2020-01-01,1\n", encoding="utf-8")

    summary = runner.run(project, trainer="autoreg", workers=0, quiet=True)

    assert (summary.failed, summary.retried) == (1, 0)
    assert answers(project, "SELECT error_type FROM attempts WHERE slice_id = 'disk'") == [("NoDataError",)]


def test_a_source_that_is_away_is_tried_again(project):
    Path("disk.csv").unlink()

    summary = runner.run(project, trainer="seasonal_naive", workers=0, backoff=0.01, quiet=True)

    assert (summary.failed, summary.retried) == (1, 2)
    assert answers(project, "SELECT DISTINCT error_type FROM attempts WHERE slice_id = 'disk'") == [
        ("SourceError",)
    ]


@pytest.fixture
def gone(ledger, tmp_path, monkeypatch):
    """A ledger of 100 slices of a database that is not there."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{n},gone,t,c,0,1,2,3\n" for n in range(100))
    Path("split.csv").write_text(
        f"id,database,table,column,train_from,train_to,test_from,test_to\n{rows}", encoding="utf-8"
    )
    ledger.import_slices("split.csv")
    return ledger


def test_a_dead_source_stops_the_run_before_it_burns_every_slice(gone):
    summary = runner.run(gone, trainer="seasonal_naive", workers=0, backoff=60, backoff_limit=60, quiet=True)

    assert summary.exit_code == 1
    assert "the first 20 attempts all failed alike with SourceError: database gone" in summary.stopped_by
    assert broken(gone.name, imported=100) == []
    assert answers(gone, "SELECT count(*) FROM slices WHERE tries = 0 AND status = 'pending'")[0][0] >= 78


def test_a_slice_names_its_own_trainer_and_params(project):
    Path("split.csv").write_text(
        "id,file,train_from,train_to,test_from,test_to,trainer,params\n"
        "a,disk.csv,2026-01-01,2026-01-10,2026-01-11,2026-01-12,autoreg,lags=3\n"
        "b,disk.csv,2026-01-01,2026-01-10,2026-01-11,2026-01-12,,\n"
        "c,disk.csv,2026-01-01,2026-01-10,2026-01-11,2026-01-12,,period=7\n"
        "d,disk.csv,2026-01-01,2026-01-10,2026-01-11,2026-01-12,autoreg,\n",
        encoding="utf-8",
    )
    project.import_slices("split.csv", prune=True)

    runner.run(project, trainer="seasonal_naive", params={"period": "12"}, workers=0, quiet=True)

    assert answers(project, "SELECT slice_id, model_used FROM attempts ORDER BY slice_id") == [
        ("a", "AR(3)"),
        ("b", "seasonal naive(12)"),
        ("c", "seasonal naive(7)"),
        ("d", "AR(24)"),
    ]


def test_a_limit_starts_exactly_so_many(project):
    summary = runner.run(project, trainer="seasonal_naive", workers=2, limit=2, quiet=True)

    assert (summary.started, summary.succeeded, summary.exit_code) == (2, 2, 0)
    assert answers(project, "SELECT count(*) FROM attempts") == [(2,)]


def test_a_time_limit_gives_back_what_was_not_started(project):
    summary = runner.run(project, trainer="seasonal_naive", workers=0, time_limit=0.001, quiet=True)

    assert summary.stopped_by == "the time limit is reached"
    assert broken(project.name, imported=3) == []


def test_a_folder_that_takes_no_files_is_told_before_anything_starts(project):
    Path("artifacts").write_text("in the way", encoding="utf-8")

    with pytest.raises(CannotKeepError, match="model files cannot be written in") as error:
        runner.run(project, trainer="seasonal_naive", workers=0, quiet=True)

    assert error.value.exit_code == 7
    assert answers(project, "SELECT count(*) FROM attempts") == [(0,)]


@pytest.mark.parametrize("step", ["writing", "flushing", "renaming"])
def test_a_disk_that_is_full_for_a_while_pauses_the_run_and_costs_no_slice_a_try(project, monkeypatch, step):
    monkeypatch.setenv("LEDGER_FAULT", f"{step}:enospc:3")  # the first is the look before the start
    monkeypatch.setattr(faults, "_reached", Counter())

    summary = runner.run(project, trainer="seasonal_naive", workers=0, quiet=True)

    assert (summary.exit_code, summary.succeeded, summary.released) == (0, 3, 1)
    assert answers(project, "SELECT DISTINCT status, tries FROM slices") == [("succeeded", 0)]
    assert answers(project, "SELECT outcome, error_type FROM attempts WHERE outcome <> 'succeeded'") == [
        ("failed", "NoSpace")
    ]
    assert broken(project.name, imported=3) == []
    assert [path.name for path in Path("artifacts").rglob("*") if ".tmp" in path.name] == []


BEATS = """
import time
from tests.invariants import answers

def train(row, data):
    deadline = time.monotonic() + 20
    while True:
        ((beats,),) = answers({place!r}, "SELECT heartbeat FROM runners")
        if beats >= 3 or time.monotonic() > deadline:
            return {{"beats": beats}}
"""


def test_a_runner_lives_also_while_it_trains_in_its_own_process(project, place, monkeypatch):
    monkeypatch.setattr("runner.heartbeat.HEARTBEAT_SECONDS", 0.05)
    Path("worker.py").write_text(BEATS.format(place=place), encoding="utf-8")

    summary = runner.run(project, worker="worker.py", workers=0, limit=1, quiet=True)

    assert summary.succeeded == 1
    assert answers(project, "SELECT value >= 3 FROM metrics WHERE name = 'beats'") in ([(1,)], [(True,)])


def test_options_come_from_a_file_and_are_recorded_without_urls(project):
    Path("runner.toml").write_text(
        '[run]\ntrainer = "seasonal_naive"\nworkers = 0\ntimeout = "5m"\ngate = "mae<100"\n'
        '[params]\nperiod = 12\n[databases]\nother = "postgresql://u:secret@h/x"\n',
        encoding="utf-8",
    )

    runner.run(project, quiet=True)

    ((written,),) = answers(project, "SELECT options FROM runners")
    options = json.loads(written)
    assert (options["trainer"], options["timeout"], options["gates"]) == ("seasonal_naive", 300, ["mae<100"])
    assert "secret" not in written
    assert answers(project, "SELECT DISTINCT model_used FROM attempts") == [("seasonal naive(12)",)]


def test_resume_takes_up_the_last_options_unless_others_are_given(project):
    runner.run(project, trainer="seasonal_naive", workers=0, limit=1, seed=5, quiet=True)
    said = []

    runner.run(project, resume=True, seed=6, quiet=True, say=said.append)

    assert said == ["Resuming after run 1 with --workers 0 --trainer seasonal_naive --seed 6"]
    assert answers(project, "SELECT seed, trainer, count(*) FROM attempts GROUP BY 1, 2 ORDER BY 1") == [
        (5, "seasonal_naive", 1),
        (6, "seasonal_naive", 2),
    ]


def test_resume_does_not_take_up_a_run_that_could_not_start(project):
    Path("bad.py").write_text("def train(row, data): ...\n1 / 0", encoding="utf-8")
    runner.run(project, trainer="seasonal_naive", workers=0, limit=1, quiet=True)
    with pytest.raises(WorkerFileError):
        runner.run(project, worker="bad.py", workers=1, quiet=True)
    said = []

    runner.run(project, resume=True, quiet=True, say=said.append)

    assert said == ["Resuming after run 1 with --workers 0 --trainer seasonal_naive"]


def test_a_file_changed_after_a_finished_run_counts_and_what_was_typed_then_stays(project):
    runner.run(project, trainer="seasonal_naive", workers=0, seed=5, quiet=True)
    project.requeue(Selection(where="status = 'succeeded'"))
    Path("runner.toml").write_text("[run]\nseed = 9\n", encoding="utf-8")

    runner.run(project, resume=True, quiet=True)

    assert answers(project, "SELECT DISTINCT seed, trainer FROM attempts WHERE number = 2") == [
        (9, "seasonal_naive")
    ]


def test_resume_reads_the_config_file_of_the_interrupted_run(project):
    Path("my.toml").write_text('[run]\ntrainer = "seasonal_naive"\nworkers = 0\n', encoding="utf-8")
    runner.run(project, config="my.toml", limit=1, quiet=True)

    runner.run(project, resume=True, quiet=True)

    assert answers(project, "SELECT DISTINCT trainer FROM attempts") == [("seasonal_naive",)]


@ONCE
def test_parameters_are_merged_one_by_one_and_fall_with_their_trainer(project):
    Path("runner.toml").write_text('[run]\ntrainer = "arima"\n[params]\norder = "2,0,0"\n', encoding="utf-8")

    runner.run(project, workers=0, params={"seasonal": (0, 1, 0, 7)}, limit=1, quiet=True)
    runner.run(project, workers=0, trainer="seasonal_naive", limit=1, quiet=True)

    used = answers(project, "SELECT model_used FROM attempts ORDER BY id")
    assert used == [("ARIMA(2,0,0)(0,1,0)7",), ("seasonal naive(24)",)]


def test_a_run_that_leaves_a_slice_waiting_has_not_succeeded(project):
    Path("w.py").write_text("def train(row, data): raise ValueError('no')", encoding="utf-8")

    summary = runner.run(project, worker=Path("w.py"), workers=0, limit=1, quiet=True)

    assert (summary.exit_code, summary.retried, len(summary.waiting)) == (1, 1, 1)
    assert summary.lines()[-1].startswith("Next: runner run --resume")


@ONCE
def test_a_mistake_in_the_workers_code_stops_the_run(gone):
    Path("w.py").write_text(
        "def get_data(row): return [1.0], [2.0]\ndef train(row, data): pass", encoding="utf-8"
    )

    summary = runner.run(gone, worker="w.py", workers=0, quiet=True)

    assert "the first 20 attempts all failed alike with ResultError" in summary.stopped_by
    assert summary.lines()[-1].startswith("Next: ledger failures")
    assert answers(gone, "SELECT count(*) FROM slices WHERE status = 'pending'")[0][0] >= 78


@ONCE
@pytest.mark.parametrize(("ends", "code"), [("sys.exit(3)", 1), ("raise KeyboardInterrupt", 130)])
def test_training_here_survives_a_train_that_ends_the_program(project, ends, code):
    Path("w.py").write_text(f"import sys\ndef train(row, data):\n print('hi')\n {ends}", encoding="utf-8")

    summary = runner.run(project, worker="w.py", workers=0, limit=1, quiet=True)

    assert summary.exit_code == code
    assert broken(project.name, imported=3) == []
    if code == 1:
        assert answers(project, "SELECT outcome, output FROM attempts") == [("crashed", "hi\n")]


@ONCE
def test_what_is_printed_while_training_here_is_shown_and_kept(project, capsys):
    Path("w.py").write_text("def train(row, data): print('hello'); return {'m': 1}", encoding="utf-8")

    runner.run(project, worker="w.py", workers=0, limit=1, quiet=True)

    assert capsys.readouterr().out == "hello\n"
    assert answers(project, "SELECT output FROM attempts") == [("hello\n",)]


@ONCE
def test_an_error_that_cannot_say_what_it_is_fails_its_slice(project):
    code = "class E(Exception):\n def __str__(self): raise ValueError\ndef train(row, data): raise E"
    Path("w.py").write_text(code, encoding="utf-8")

    runner.run(project, worker="w.py", workers=0, max_attempts=1, quiet=True)

    assert answers(project, "SELECT DISTINCT outcome, error_type, error_message FROM attempts") == [
        ("failed", "E", "E")
    ]


def test_on_a_fresh_ledger_the_trainer_is_arima(project):
    runner.run(project, resume=True, workers=0, limit=1, quiet=True)

    ((trainer, used),) = answers(project, "SELECT trainer, model_used FROM attempts")
    assert (trainer, used[:6]) == ("arima", "ARIMA(")


@ONCE
@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"trainer": "prophet"}, OptionError, "there is no trainer 'prophet'; there are arima, "),
        ({"trainer": "arima", "params": {"oder": "1"}}, OptionError, "has no parameter 'oder'"),
        ({"gates": ["mae"]}, OptionError, "is no condition"),
        ({"workers": -1}, OptionError, "it is at least 0"),
        ({"workers": "many"}, OptionError, "it is a number from 0 up, or auto"),
        ({"workers": True}, OptionError, "it is a number from 0 up, or auto"),
        ({"timeout": "soon"}, OptionError, "timeout is 'soon'; it is a time such as 90s"),
        ({"timeout": float("nan")}, OptionError, "it is a time such as 90s"),
        ({"timeout": "1m", "workers": 0}, OptionError, "need worker processes"),
        ({"memory_limit": "much"}, OptionError, "it is an amount of memory such as 900MB"),
        ({"gate": "mae<1"}, OptionError, "there is no option 'gate'; there are backoff, "),
        ({"gates": 5}, OptionError, "it is a condition such as 'mae<0.5'"),
        ({"params": "period=3"}, OptionError, "it is a table of names and values"),
        ({"trainer": "seasonal_naive", "params": {"period": -3}}, OptionError, "at least 1"),
        ({"seed": 2**32}, OptionError, "it is at most"),
        ({"start": "fork"}, OptionError, "it is auto, forkserver or spawn"),
        ({"max_attempts": 0}, OptionError, "it is at least 1"),
        ({"worker": "none.py"}, OptionError, "there is no worker file"),
        ({"worker": "bad.py"}, WorkerFileError, "cannot be imported"),
        ({"worker": "good.py", "trainer": "arima"}, RunnerError, "would never be used"),
        ({"config": "bad.toml"}, OptionError, "there is no option 'wokers'"),
        ({"config": "worse.toml"}, OptionError, "cannot be read"),
        ({"config": "typed.toml"}, OptionError, "typed.toml: max_attempts is 'three'; it is a whole number"),
        ({"config": "urls.toml"}, OptionError, "it is a table of names and URLs in quotes"),
        ({"config": "flat.toml"}, OptionError, r"run is 5; it is a section, written \[run\]"),
        ({"config": "none.toml"}, OptionError, "there is no file none.toml"),
        ({"seed": True}, OptionError, "seed is True; it is a whole number"),
    ],
)
def test_an_option_that_cannot_be_is_told_before_anything_starts(project, given, error, told):
    Path("bad.py").write_text("1 / 0", encoding="utf-8")
    Path("good.py").write_text("def train(row, data): return {}", encoding="utf-8")
    Path("bad.toml").write_text("[run]\nwokers = 2\n", encoding="utf-8")
    Path("worse.toml").write_text("[run\n", encoding="utf-8")
    Path("typed.toml").write_text('[run]\nmax_attempts = "three"\n', encoding="utf-8")
    Path("flat.toml").write_text("run = 5\n", encoding="utf-8")
    Path("urls.toml").write_text("[databases]\nx = 3\n", encoding="utf-8")

    with pytest.raises(error, match=told):
        runner.run(project, quiet=True, **given)

    assert answers(project, "SELECT count(*) FROM attempts") == [(0,)]


def test_an_unknown_trainer_of_a_slice_is_told_before_anything_starts(project):
    text = (
        Path("split.csv")
        .read_text(encoding="utf-8")
        .replace(",region", ",trainer")
        .replace(",us", ",prophet")
    )
    Path("split.csv").write_text(text.replace(",eu", ","), encoding="utf-8")
    project.import_slices("split.csv")

    with pytest.raises(OptionError, match="there is no trainer 'prophet'"):
        runner.run(project, quiet=True)


@ONCE
def test_the_same_seed_gives_the_same_model(project):
    runner.run(project, trainer="isolation_forest", params={"trees": "5"}, workers=0, quiet=True)
    first = answers(
        project, "SELECT slice_id, sha256 FROM artifacts JOIN attempts ON id = attempt_id ORDER BY 1"
    )
    with writing(project.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'pending'"))

    runner.run(project, trainer="isolation_forest", params={"trees": "5"}, workers=1, quiet=True)

    again = answers(
        project,
        "SELECT slice_id, sha256 FROM artifacts JOIN attempts ON id = attempt_id WHERE number = 2 ORDER BY 1",
    )
    assert first == again


@ONCE
@pytest.mark.parametrize(("durable", "level"), [(None, 1), (True, 2)])
def test_a_durable_run_waits_for_the_disk_at_every_event(project, monkeypatch, durable, level):
    seen = set()
    beat = Ledger.register_runner

    def looking(ledger, options):
        with reading(ledger.engine) as conn:
            seen.add(conn.exec_driver_sql("PRAGMA synchronous").scalar_one())
        return beat(ledger, options)

    monkeypatch.setattr(Ledger, "register_runner", looking)

    runner.run(project.name, trainer="seasonal_naive", workers=0, quiet=True, durable=durable)

    assert seen == {level}


def test_a_slice_that_is_trained_again_begins_from_its_champions_model(project):
    runner.run(project, trainer="arima", params={"order": (1, 0, 0)}, workers=1, quiet=True)
    project.requeue(Selection(ids=("cpu", "mem")))
    Path(runner_file(project, "mem")).write_bytes(b"damaged")

    summary = runner.run(project, trainer="arima", params={"order": (1, 0, 0)}, workers=1, quiet=True)

    assert summary.succeeded == 2
    warm = "SELECT slice_id, number, (SELECT number FROM attempts b WHERE b.id = a.warm_start_id) FROM attempts a"
    assert sorted(answers(project, warm)) == [
        ("cpu", 1, None),
        ("cpu", 2, 1),
        ("disk", 1, None),
        ("mem", 1, None),
        ("mem", 2, None),  # its champion cannot be read: a warm start is a bonus
    ]


@ONCE
def test_a_champion_of_another_trainer_is_no_start(project):
    runner.run(project, trainer="seasonal_naive", workers=0, quiet=True)
    project.requeue(Selection(ids=("cpu",)))

    runner.run(project, trainer="arima", params={"order": (1, 0, 0)}, workers=0, quiet=True)

    assert answers(project, "SELECT count(*) FROM attempts WHERE warm_start_id IS NOT NULL") == [(0,)]


def runner_file(ledger: Ledger, slice_id: str) -> str:
    (file,) = ledger.model_files(slice_id)
    return ledger.artifact_store().place(file.path)
