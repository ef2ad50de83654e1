"""Drift runs from the first line to the last: what is checked, against what, and what is made of it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import text, update
from typer.testing import CliRunner

import runner
from ledger.cli import app
from ledger.database import reading, writing
from ledger.drift.records import Confirmed, Found
from ledger.drift.runs import TakenOverError
from ledger.errors import AccessError, QueryError, UnknownSliceError
from ledger.requeue import Selection
from ledger.schema import runners
from ledger.store import Ledger
from runner import progress, tables
from runner.driftrun.options import DriftOptions
from runner.driftrun.seat import AtWorkError, Seat, require_free
from runner.errors import OptionError, WorkerFileError
from runner.pool import Pool
from tests.drifting import World

ONCE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""For what is the same whatever the ledger is in: once is enough."""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """One database of four metrics, and the split file over them."""
    monkeypatch.chdir(tmp_path)
    return World(tmp_path)


@pytest.fixture
def trained(ledger, world):
    """A ledger in which every slice of the world has a model."""
    return train(ledger)


def train(ledger: Ledger, **options) -> Ledger:
    ledger.import_slices("split.csv")
    given = {"trainer": "seasonal_naive"} | options
    assert runner.run(ledger, workers=0, quiet=True, **given).failed == 0
    return ledger


def check(ledger: Ledger, **options) -> Counter:
    """How many of each verdict a drift run gives."""
    summary = runner.check_drift(ledger, **{"workers": 0, "quiet": True} | options)
    assert summary.exit_code == 0
    return Counter(summary.counts)


def answers(ledger: Ledger, sql: str) -> list[tuple[object, ...]]:
    with reading(ledger.engine) as conn:
        return [tuple(row) for row in conn.execute(text(sql))]


LAST = "SELECT slice_id, verdict, reason, window_from, window_to, rows FROM drift_checks ORDER BY id"


def test_a_profile_is_kept_of_every_training_with_its_result(trained):
    found = answers(trained, "SELECT attempt_id, detector, column_name, length(profile) FROM drift_profiles")

    assert [row[:3] for row in found] == [(n, "panel", f"m0{n - 1}") for n in range(1, 5)]
    assert all(200 < row[3] < 500 for row in found)


def test_models_are_checked_against_the_newest_rows_after_their_test_range(trained, world):
    world.go_on("web0.m02")

    counts = check(trained, window=200)

    assert counts == {"stable": 3, "suspect": 1}
    ((_, verdict, reason, start, end, rows),) = [
        row for row in answers(trained, LAST) if row[0] == "web0.m02"
    ]
    assert (verdict, rows, end) == ("suspect", 200, "2026-02-14 23:00:00")
    assert start == "2026-02-06 16:00:00"
    assert "sd" in reason or "times" in reason


def test_suspect_twice_is_drifted_and_the_second_window_begins_after_the_first(trained, world):
    world.go_on("web0.m02")
    check(trained)
    world.go_on("web0.m02")

    counts = check(trained)

    assert counts == {"stable": 3, "drifted": 1}
    first, second = [row for row in answers(trained, LAST) if row[0] == "web0.m02"]
    assert first[4] < second[3]
    ((since, verdict),) = answers(
        trained, "SELECT since, verdict FROM drift_checks WHERE since IS NOT NULL AND verdict = 'drifted'"
    )
    assert (since, verdict) == (first[4], "drifted")
    assert answers(trained, "SELECT slice_id, verdict FROM drifted") == [("web0.m02", "drifted")]


def test_a_suspicion_that_the_next_window_does_not_share_is_gone(trained, world):
    world.go_on("web0.m02")
    check(trained)
    world.go_on()

    counts = check(trained)

    assert counts == {"stable": 4}
    assert answers(trained, "SELECT * FROM drifted") == []


def test_without_newer_data_nothing_is_said_and_what_was_said_stays(trained, world):
    world.go_on("web0.m02")
    check(trained)

    counts = check(trained)

    assert counts == {"insufficient": 4}
    assert {row[2] for row in answers(trained, LAST)[4:]} == {"no newer data after 2026-02-14 23:00:00"}
    assert answers(trained, "SELECT slice_id, verdict FROM drifted") == [("web0.m02", "suspect")]


def test_rows_that_were_too_few_to_say_anything_are_looked_at_again(trained, world):
    world.go_on("web0.m02")
    with closing(sqlite3.connect("web0.db")) as raw:
        raw.execute("CREATE TABLE later AS SELECT * FROM metrics WHERE timestamp >= '2026-02-07'")
        raw.execute("DELETE FROM metrics WHERE timestamp >= '2026-02-07'")
        raw.commit()
        few = check(trained)
        raw.execute("INSERT INTO metrics SELECT * FROM later")
        raw.commit()

    counts = check(trained)

    assert (few, counts) == ({"insufficient": 4}, {"stable": 3, "suspect": 1})
    assert answers(trained, LAST)[0][2] == "only 48 new values; 100 are needed"
    assert answers(trained, LAST)[-1][3] == "2026-02-05 00:00:00"


@ONCE
def test_each_table_is_read_once_for_all_of_its_slices(trained, world, monkeypatch):
    world.go_on()
    reads = []
    read = tables.read
    monkeypatch.setattr("runner.databases.read", lambda *given: reads.append(given) or read(*given))

    check(trained)

    assert len(reads) == 1


@ONCE
def test_only_the_newest_rows_are_asked_for(trained, world, monkeypatch):
    world.go_on()
    asked = []
    monkeypatch.setattr(
        "runner.tables.fetched",
        lambda conn, wanted, least: asked.append(str(wanted)) or fetched(conn, wanted, least=least),
    )
    from runner.fetching import fetched

    check(trained)

    assert "ORDER BY" in asked[0]
    assert "LIMIT" in asked[0]
    assert "metrics.timestamp >=" in asked[0].replace('"', "") or "timestamp >=" in asked[0].replace('"', "")


def test_a_common_cause_is_held_for_one_more_window(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, metrics=24)
    train(ledger)
    moved = [f"web0.m{number:02}" for number in range(12)]
    world.go_on(*moved)
    first = check(ledger)
    world.go_on(*moved)

    second = check(ledger)

    assert (first["common_cause"], first["suspect"]) == (12, 0)
    assert second["drifted"] == 12
    ((reason,),) = answers(ledger, "SELECT reason FROM drifted WHERE slice_id = 'web0.m00'")
    assert "common cause: 12 of 24 slices of database web0" in reason


@ONCE
def test_a_source_that_fails_costs_its_own_slices_only(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, databases=2, metrics=2)
    train(ledger)
    world.go_on()
    Path("web0.db").unlink()

    counts = check(ledger)

    assert counts == {"stable": 2, "insufficient": 2}
    reasons = {row[2] for row in answers(ledger, LAST) if row[1] == "insufficient"}
    assert len(reasons) == 1
    assert "there is no file" in reasons.pop()


@ONCE
def test_a_column_that_is_gone_costs_its_own_slice_only(trained, world):
    world.go_on()
    with closing(sqlite3.connect("web0.db")) as raw:
        raw.execute("ALTER TABLE metrics DROP COLUMN m00")

    counts = check(trained)

    assert counts == {"stable": 3, "insufficient": 1}
    assert "has no column 'm00'" in answers(trained, LAST)[0][2]


DETECTOR = """
import os, signal
from runner.drift.finding import Finding

class Mine:
    name = "mine"
    def profile(self, train, test):
        return str(float(train.mean())).encode()
    def check(self, profile, window):
        {before}
        far = abs(window.mean() - float(profile))
        p = 1e-9 if far > 4 else 0.5
        return Finding("mean", far, p, f"mean {{far:.1f}} away", None, len(window), 0.0, 1.0)
"""


def write_detector(before: str = "pass") -> str:
    Path("mine.py").write_text(DETECTOR.format(before=before), encoding="utf-8")
    return "mine.py:Mine"


def test_a_detector_of_ones_own_keeps_its_profiles_and_is_asked(ledger, world):
    train(ledger, detector=write_detector())
    world.go_on("web0.m01")

    counts = check(ledger)  # the last training run's detector, unless another is asked for

    assert counts == {"stable": 3, "suspect": 1}
    assert answers(ledger, "SELECT detector, statistic FROM drift_checks WHERE verdict = 'suspect'") == [
        ("mine", "mean")
    ]
    assert check(ledger, detector="panel") == {"insufficient": 4}
    assert answers(ledger, LAST)[-1][2] == "no profile of panel was kept when it was trained"


@ONCE
def test_a_check_that_raises_costs_its_own_slice_only(ledger, world):
    train(ledger, detector=write_detector("if window.name == 'm03': raise RuntimeError('odd')"))
    world.go_on()

    counts = check(ledger)

    assert counts == {"stable": 3, "insufficient": 1}
    assert answers(ledger, LAST)[-1][2] == "RuntimeError: odd"


@ONCE
@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(3)"])
def test_a_check_that_kills_its_worker_costs_its_own_slice_only(ledger, world, how):
    train(ledger, detector=write_detector(f"if window.name == 'm01': {how}"))
    world.go_on()

    counts = check(ledger, workers=1)

    assert counts == {"stable": 3, "insufficient": 1}
    ((reason,),) = answers(ledger, "SELECT reason FROM drift_checks WHERE slice_id = 'web0.m01'")
    assert "while it checked this" in reason


@ONCE
def test_a_check_that_takes_too_long_is_ended(ledger, world):
    train(ledger, detector=write_detector("__import__('time').sleep(600)"))
    world.go_on()

    counts = check(ledger, workers=1, timeout="1s")

    assert counts == {"insufficient": 4}
    assert answers(ledger, LAST)[0][2] == "its table or file took longer than 1 s"


@ONCE
def test_a_profile_that_cannot_be_made_fails_no_training(ledger, world):
    Path("bad.py").write_text(
        "class Bad:\n    name = 'bad'\n"
        "    def profile(self, train, test):\n        raise ValueError('no')\n"
        "    def check(self, profile, window):\n        raise ValueError('never')\n",
        encoding="utf-8",
    )

    train(ledger, detector="bad.py:Bad")

    assert answers(ledger, "SELECT DISTINCT profile, problem FROM drift_profiles") == [
        (None, "ValueError: no")
    ]
    assert check(ledger) == {"insufficient": 4}
    assert answers(ledger, LAST)[0][2] == "there is no profile: ValueError: no"


@ONCE
def test_no_profile_is_kept_where_none_is_wanted(ledger, world):
    train(ledger, profile=False)

    assert answers(ledger, "SELECT count(*) FROM drift_profiles") == [(0,)]
    assert check(ledger) == {"insufficient": 4}


@ONCE
@pytest.mark.parametrize(
    ("name", "sentence"),
    [("odd", "it is panel, or file.py:Name"), ("none.py:X", "there is no detector file")],
)
def test_a_detector_that_is_none_is_told_before_anything_starts(trained, name, sentence):
    with pytest.raises(OptionError, match=sentence):
        runner.check_drift(trained, detector=name, workers=0, quiet=True)

    assert answers(trained, "SELECT count(*) FROM drift_runs") == [(0,)]


@ONCE
def test_wide_data_gets_no_profile_and_says_so(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, metrics=20)
    Path("split.csv").write_text(
        Path("split.csv").read_text(encoding="utf-8").splitlines()[0]
        + "\nall,web0,metrics,,2026-01-01,2026-01-30,2026-01-31,2026-02-04\n",
        encoding="utf-8",
    )
    Path("worker.py").write_text("def train(row, data):\n    return {'rows': len(data.train)}\n")
    train(ledger, worker="worker.py", trainer=None)
    world.go_on()

    counts = check(ledger)

    assert counts == {"insufficient": 1}
    assert "the data has 20 value columns; profiles are kept of up to 16" in answers(ledger, LAST)[0][2]


@ONCE
def test_of_several_columns_the_strongest_finding_counts(ledger, world):
    Path("split.csv").write_text(
        "id,database,table,column,train_from,train_to,test_from,test_to\n"
        "all,web0,metrics,,2026-01-01,2026-01-30,2026-01-31,2026-02-04\n",
        encoding="utf-8",
    )
    Path("worker.py").write_text("def train(row, data):\n    return {'rows': len(data.train)}\n")
    train(ledger, worker="worker.py", trainer=None)
    world.go_on("web0.m01")

    counts = check(ledger)

    assert counts == {"suspect": 1}
    assert answers(ledger, LAST)[0][2].startswith("m01: ")
    assert answers(ledger, "SELECT count(*) FROM drift_profiles") == [(4,)]


@ONCE
@pytest.mark.parametrize(
    "ranges", ["0,799,800,899", "2026-01-01,2026-02-03 07:00,2026-02-03 08:00,2026-02-07 11:00"]
)
def test_files_are_checked_too_by_time_and_by_row_number(ledger, tmp_path, monkeypatch, ranges):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, metrics=1)
    with closing(sqlite3.connect("web0.db")) as raw:
        before = pd.read_sql("SELECT timestamp, m00 FROM metrics", raw)
    world.go_on("web0.m00")
    with closing(sqlite3.connect("web0.db")) as raw:
        frame = pd.read_sql("SELECT timestamp, m00 FROM metrics", raw)
    columns = ["m00"] if ranges.startswith("0") else ["timestamp", "m00"]
    frame = pd.concat([frame, frame.tail(200)]) if ranges.startswith("0") else frame
    Path("split.csv").write_text(
        f"id,file,column,train_from,train_to,test_from,test_to\na,x.csv,m00,{ranges}\n"
    )
    frame[columns].iloc[: len(before) + 60].to_csv("x.csv", index=False)
    train(ledger)
    frame[columns].to_csv("x.csv", index=False)

    counts = check(ledger)

    assert counts == {"suspect": 1}
    ((_, _, _, start, end, _),) = answers(ledger, LAST)
    assert start == ("900" if ranges.startswith("0") else "2026-02-07 12:00:00")
    assert end == (str(len(frame) - 1) if ranges.startswith("0") else "2026-02-14 23:00:00")


READS = """
import sqlite3, pandas as pd

def get_data(row):
    with open("asked.txt", "a") as log:
        print(row.train_from, row.train_to, row.test_from, row.test_to, sep="|", file=log)
    with sqlite3.connect("web0.db") as raw:
        def part(start, end):
            asked = f"SELECT timestamp, {row.column} FROM metrics WHERE timestamp BETWEEN ? AND ? ORDER BY 1"
            found = pd.read_sql(asked, raw, params=(start, end), index_col="timestamp", parse_dates=["timestamp"])
            return found[row.column]
        if PAIR:
            return part(row.train_from, row.train_to), part(row.test_from, row.test_to)
        return part(row.train_from, row.test_to + " 24")
"""


@ONCE
@pytest.mark.parametrize("pair", ["True", "False"])
def test_the_users_get_data_is_given_the_recent_range(ledger, world, pair):
    Path("worker.py").write_text(f"PAIR = {pair}\n{READS}", encoding="utf-8")
    ledger.import_slices("split.csv")
    assert (
        runner.run(ledger, worker="worker.py", trainer="seasonal_naive", workers=0, quiet=True).succeeded == 4
    )
    Path("asked.txt").unlink()
    world.go_on("web0.m00")

    counts = check(ledger)

    assert counts == {"stable": 3, "suspect": 1}
    asked = Path("asked.txt").read_text(encoding="utf-8").splitlines()
    assert set(asked) == {"2026-01-01|2026-01-30|2026-02-04 23:59:59.999999|2261-12-31 00:00:00"}
    assert answers(ledger, LAST)[0][3:5] == ("2026-02-05 00:00:00", "2026-02-14 23:00:00")


def test_a_selection_is_checked_and_nothing_else(trained, world):
    world.go_on()

    by_id = check(trained, ids=["web0.m01"])
    by_condition = check(trained, where="column_name IN ('m02', 'm03')")

    assert (by_id, by_condition) == ({"stable": 1}, {"stable": 2})
    assert [row[0] for row in answers(trained, LAST)] == ["web0.m01", "web0.m02", "web0.m03"]


@ONCE
def test_named_slices_without_a_model_are_told(ledger, world):
    ledger.import_slices("split.csv")
    runner.run(ledger, trainer="seasonal_naive", workers=0, quiet=True, limit=1)
    ids = ["web0.m00", "web0.m01", "web0.m02"]

    planned = runner.check_drift(ledger, ids=ids, workers=0, quiet=True, dry_run=True).lines()
    found = runner.check_drift(ledger, ids=ids, workers=0, quiet=True).lines()

    assert planned[0] == "1 model would be checked against 1 table or file"
    assert found[0].startswith("1 model checked in ")
    assert planned[1] == found[1] == "  2 named slices without a model that serves"


def test_a_selection_that_cannot_be_is_told(trained):
    with pytest.raises(UnknownSliceError):
        check(trained, ids=["none"])
    with pytest.raises(QueryError, match="--where"):
        check(trained, where="no_such_column = 1")
    assert answers(trained, "SELECT count(*) FROM drift_runs") == [(0,)]


def test_a_dry_run_writes_nothing(trained, world):
    world.go_on()

    summary = runner.check_drift(trained, dry_run=True)

    assert summary.lines() == ["4 models would be checked against 1 table or file"]
    assert answers(trained, "SELECT count(*) FROM drift_runs") == [(0,)]
    assert answers(trained, "SELECT count(*) FROM runners") == [(1,)]


def test_a_verdict_names_the_model_that_was_judged_and_is_none_on_its_successor(trained, world):
    world.go_on("web0.m00")
    check(trained)
    trained.requeue(Selection(ids=("web0.m00",)))
    runner.run(trained, trainer="seasonal_naive", workers=0, quiet=True)

    counts = check(trained)

    assert counts == {"suspect": 1, "insufficient": 3}  # the old suspicion is no half of a drift
    judged = answers(
        trained, "SELECT attempt_id, verdict FROM drift_checks WHERE slice_id = 'web0.m00' ORDER BY id"
    )
    assert judged == [(1, "suspect"), (5, "suspect")]
    assert answers(trained, "SELECT attempt_id FROM drifted") == [(5,)]


def test_retired_slices_and_those_without_a_model_are_not_checked(ledger, world):
    ledger.import_slices("split.csv")
    runner.run(ledger, trainer="seasonal_naive", limit=2, workers=0, quiet=True)
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'retired' WHERE id = 'web0.m00'"))
    world.go_on()

    assert check(ledger) == {"stable": 1}


def test_old_stable_checks_are_thinned_out_and_all_others_stay(trained, world):
    for round_ in range(6):
        world.go_on(*(["web0.m00"] if round_ == 1 else []))
        check(trained)
        check(trained)

    kept = Counter(row[:2] for row in answers(trained, LAST))

    assert kept[("web0.m00", "suspect")] == 1
    assert kept[("web0.m01", "stable")] == 3
    assert kept[("web0.m01", "insufficient")] == 3
    ends = [row[4] for row in answers(trained, LAST) if row[:2] == ("web0.m01", "stable")]
    assert ends[-1] == "2026-04-05 23:00:00"


@ONCE
def test_a_finding_that_the_models_own_errors_do_not_share_is_harmless(ledger, world):
    train(ledger, trainer="autoreg")
    world.go_on("web0.m00")

    counts = check(ledger, confirm="residual")

    asked = answers(ledger, "SELECT verdict, reason FROM drift_checks WHERE slice_id = 'web0.m00'")
    assert counts in ({"stable": 4}, {"stable": 3, "suspect": 1})
    ((verdict, reason),) = asked
    assert "the model's error is" in reason
    assert ("harmless" in reason) == (verdict == "stable")


@ONCE
def test_a_model_that_cannot_be_asked_stays_suspect(ledger, world):
    Path("worker.py").write_text(
        "from runner import Trained\n"
        "def train(row, data):\n    return Trained(metrics={'n': 1}, model={1, 2})\n",
        encoding="utf-8",
    )
    train(ledger, worker="worker.py", trainer=None)
    world.go_on("web0.m00")

    counts = check(ledger, confirm="residual")

    assert counts == {"stable": 3, "suspect": 1}
    ((reason,),) = answers(ledger, "SELECT reason FROM drift_checks WHERE verdict = 'suspect'")
    assert "not confirmed: only the built-in models" in reason


@ONCE
def test_options_of_a_drift_run_stand_in_a_file_of_their_own_section(trained, world):
    Path("runner.toml").write_text(
        '[run]\nworkers = 0\ntimeout = "5m"\n\n[drift]\nwindow = 150\ntimeout = "1h"\n'
    )
    world.go_on("web0.m02")

    check(trained)
    check(trained, window=200)

    options = [json.loads(row[0]) for row in answers(trained, "SELECT options FROM drift_runs ORDER BY id")]
    assert [(each["window"], each["timeout"]) for each in options] == [(150, 3600.0), (200, 3600.0)]


@ONCE
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("windw = 150", r"\[drift\] there is no option 'windw'"),
        ("window = 'wide'", r"\[drift\] window is 'wide'; it is a whole number"),
    ],
)
def test_an_option_of_a_drift_run_that_cannot_be_is_named_with_its_section(trained, line, sentence):
    Path("runner.toml").write_text(f"[drift]\n{line}\n")

    with pytest.raises(OptionError, match=sentence):
        check(trained)


@ONCE
@pytest.mark.parametrize("section", ["run", "drift"])
def test_a_detector_named_in_a_file_lies_beside_that_file(trained, world, section):
    folder = Path("settings")
    folder.mkdir()
    write_detector()
    Path("mine.py").rename(folder / "mine.py")
    (folder / "own.toml").write_text(f'[{section}]\ndetector = "mine.py:Mine"\n', encoding="utf-8")

    check(trained, config="settings/own.toml")

    ((options,),) = answers(trained, "SELECT options FROM drift_runs")
    assert json.loads(options)["detector"] == f"{folder.absolute() / 'mine.py'}:Mine"


@ONCE
@pytest.mark.parametrize(("section", "named"), [("run", ""), ("drift", r"\[drift\] ")])
def test_a_file_of_options_cannot_name_another_one(trained, section, named):
    Path("runner.toml").write_text(f'[{section}]\nconfig = "other.toml"\n', encoding="utf-8")

    with pytest.raises(
        OptionError, match=rf"runner\.toml: {named}config names the file .* give it as --config"
    ):
        check(trained)


@ONCE
def test_a_training_run_does_not_take_up_the_options_of_a_drift_run(trained, world):
    world.go_on()
    check(trained, window=200)

    told = []
    runner.run(trained, resume=True, workers=0, quiet=True, say=told.append)

    assert told == ["Resuming after run 1 with --workers 0 --trainer seasonal_naive"]


def test_a_run_is_a_row_and_each_check_names_it(trained, world):
    world.go_on("web0.m00")

    check(trained, window=200, where="id <> 'web0.m03'")

    columns = "planned, stable_count, suspect_count, drifted_count, insufficient_count, ending, options"
    ((*counts, options),) = answers(trained, f"SELECT {columns} FROM drift_runs")
    assert counts == [3, 2, 1, 0, 0, "decided"]
    assert json.loads(options)["window"] == 200
    assert answers(trained, "SELECT DISTINCT run_id FROM drift_checks") == [(1,)]
    assert answers(trained, "SELECT count(*) FROM drift_findings") == [(0,)]
    assert answers(trained, "SELECT command, ending FROM runners ORDER BY id") == [
        ("run", "finished"),
        ("drift", "finished"),
    ]


@ONCE
def test_the_summary_tells_what_was_found_and_what_to_type_next(trained, world):
    world.go_on("web0.m00")
    first = runner.check_drift(trained, workers=0, quiet=True).lines()
    world.go_on("web0.m00")

    second = runner.check_drift(trained, workers=0, quiet=True).lines()

    assert "4 models checked in" in first[0]
    assert first[0].endswith("0 drifted, 0 common cause, 1 suspect, 3 stable, 0 insufficient")
    assert first[1].startswith("  web0.m00: suspect: ")
    assert first[-1] == f"Next: runner drift{trained.option}, when there is newer data"
    assert second[-1] == f"Next: ledger requeue --drifted{trained.option}"


@pytest.fixture
def begun(trained):
    """A drift run that a runner has begun and found one thing in; and its seat."""
    seat = Seat(trained, DriftOptions())
    run = seat.begin(4)
    trained.record_findings(run, [Found("web0.m00", 1, None, "panel", "fine", p=0.5)])
    return trained, seat, run


def test_a_runner_whose_drift_run_was_taken_over_writes_nothing_any_more(begun):
    ledger, seat, run = begun
    other = Seat(ledger, DriftOptions())
    other.take(run)

    for write in (
        lambda: ledger.record_findings(seat.run, [Found("web0.m01", 2, None, "panel", "late", p=0.5)]),
        lambda: ledger.record_confirmations(seat.run, [Confirmed("web0.m00", True, "late")]),
        lambda: ledger.decide(seat.run, []),
        lambda: ledger.abandon(seat.run),
        lambda: seat.take(run),
    ):
        with pytest.raises(TakenOverError):
            write()

    assert answers(ledger, "SELECT slice_id, reason, confirmed FROM drift_findings") == [
        ("web0.m00", "fine", None)
    ]
    assert answers(ledger, "SELECT count(*) FROM drift_checks") == [(0,)]


def test_a_drift_run_at_which_nobody_is_any_more_is_unhealthy(begun):
    ledger, seat, run = begun
    at_work = [str(symptom) for symptom in ledger.doctor()]

    seat.leave("stopped")

    told = [symptom.sentence for symptom in ledger.doctor() if "Drift" in symptom.sentence]
    assert not any("Drift run" in sentence for sentence in at_work)
    assert told == [
        f"Drift run {run.id} (4 checks) was interrupted, and none of its checks has a verdict: "
        "`runner drift --resume` goes on with it."
    ]


NOT_LOADED = "raise OSError('no such license')\n\ndef get_data(row):\n    pass\n"


@ONCE
@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"ids": ["none"]}, UnknownSliceError),
        ({"where": "no_such_column = 1"}, QueryError),
        ({"detector": "none.py:Mine"}, OptionError),
        ({"worker": "bad.py"}, WorkerFileError),
        ({"worker": "none.py"}, OptionError),
    ],
)
def test_what_cannot_be_asked_for_gives_up_no_interrupted_run_and_begins_none(begun, wrong, error, workers):
    ledger, seat, run = begun
    seat.leave("stopped")
    Path("bad.py").write_text(NOT_LOADED, encoding="utf-8")

    with pytest.raises(error):
        check(ledger, workers=workers, **wrong)

    assert [each.id for each in ledger.open_drift_runs()] == [run.id]
    assert answers(ledger, "SELECT count(*) FROM drift_runs") == [(1,)]
    assert ledger.live_runners() == []


@ONCE
def test_a_resumed_run_whose_workers_cannot_start_can_be_resumed_again(begun):
    ledger, seat, run = begun
    seat.leave("stopped")
    Path("bad.py").write_text(NOT_LOADED, encoding="utf-8")

    with pytest.raises(WorkerFileError, match="no such license"):
        check(ledger, resume=True, worker="bad.py")
    (ending,) = answers(ledger, "SELECT ending FROM runners ORDER BY id DESC LIMIT 1")

    assert ending == ("could not start",)
    assert check(ledger, resume=True)["insufficient"] == 3
    assert answers(ledger, "SELECT id, ending FROM drift_runs") == [(run.id, "decided")]


@ONCE
def test_a_run_without_anything_to_check_begins_nothing_and_gives_up_nothing(begun):
    ledger, seat, run = begun
    seat.leave("stopped")
    ledger.requeue(Selection(ids=("web0.m00",)))
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE slices SET champion_id = NULL WHERE id = 'web0.m00'"))
    before = answers(ledger, "SELECT count(*) FROM runners")

    found = runner.check_drift(ledger, ids=["web0.m00"], workers=1, quiet=True)

    assert found.lines() == [
        "  1 named slice without a model that serves",
        f"There is no model to check. Next: ledger status{ledger.option}",
    ]
    assert found.exit_code == 0
    assert [each.id for each in ledger.open_drift_runs()] == [run.id]
    assert answers(ledger, "SELECT count(*) FROM runners") == before


@ONCE
def test_a_run_that_is_stopped_before_a_worker_is_ready_has_not_begun(begun, monkeypatch):
    ledger, seat, run = begun
    seat.leave("stopped")
    monkeypatch.setattr(Pool, "free", [])
    events = Pool.events
    monkeypatch.setattr(
        Pool, "events", lambda self, wait: signal.raise_signal(signal.SIGTERM) or events(self, 0.0)
    )

    found = runner.check_drift(ledger, workers=1, quiet=True)

    assert found.exit_code == 128 + signal.SIGTERM
    assert found.lines()[-1] == f"Next: runner drift{ledger.option}"
    assert [each.id for each in ledger.open_drift_runs()] == [run.id]


def test_status_tells_a_drift_run_that_is_at_work_and_no_other(begun, place):
    ledger, seat, run = begun

    at_work = CliRunner().invoke(app, ["status", "--ledger", place]).output.splitlines()
    plain = json.loads(CliRunner().invoke(app, ["status", "--ledger", place, "--json"]).output)
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(boot_id="before the reboot"))

    assert f"  drift run {run.id}: 1 of 4 checks done, by runner {seat.runner_id}" in at_work
    assert plain["drift_runs"] == [{"id": run.id, "runner": seat.runner_id, "planned": 4, "done": 1}]
    assert ledger.status().drift == ()


@ONCE
def test_the_rate_of_a_resumed_run_is_of_its_own_checks(begun, monkeypatch):
    ledger, seat, _ = begun
    seat.leave("stopped")
    paces = []
    monkeypatch.setattr(progress, "Lines", lambda pace, *_: paces.append(pace) or progress.Silent())

    found = runner.check_drift(ledger, resume=True, workers=0)
    found.seconds = 1.0

    assert (found.done, found.before) == (4, 1)
    assert "4 models checked in 1.0 s, 3 checks/s: " in found.lines()[0]
    assert [pace.rate(1) for pace in paces] == [0.0]


def test_what_is_written_twice_is_there_once(begun):
    ledger, seat, _ = begun

    ledger.record_findings(seat.run, [Found("web0.m00", 1, None, "panel", "again", p=0.1)])

    assert answers(ledger, "SELECT reason FROM drift_findings") == [("fine",)]


def test_a_runner_that_was_declared_dead_goes_on_under_a_new_id(begun, monkeypatch):
    ledger, seat, run = begun
    ledger.take_back_lost({seat.runner_id})
    monkeypatch.setattr("runner.driftrun.seat.HEARTBEAT_SECONDS", 0.0)

    seat.beat()

    assert seat.runner_id != run.runner_id
    assert seat.run.runner_id == seat.runner_id
    assert answers(ledger, "SELECT runner_id FROM drift_runs") == [(seat.runner_id,)]


def test_a_run_whose_runner_beats_is_not_taken_over(begun):
    ledger, seat, run = begun

    with pytest.raises(AtWorkError, match=f"drift run {run.id} is at work: runner {seat.runner_id}"):
        require_free(ledger, run, wait=lambda _: ledger.beat(seat.runner_id))


def test_a_run_whose_runner_lives_on_this_machine_is_at_work_without_waiting(begun):
    ledger, seat, run = begun

    with pytest.raises(AtWorkError, match=f"drift run {run.id} is at work: runner {seat.runner_id}"):
        require_free(ledger, run, wait=lambda _: pytest.fail("it waited"))


@pytest.mark.parametrize("other", [{"ids": ["web0.m01"]}, {"where": "id = 'web0.m01'"}, {"window": 300}])
def test_an_interrupted_run_does_not_go_on_with_other_checks(begun, other):
    ledger, seat, run = begun
    seat.leave("stopped")

    with pytest.raises(OptionError, match=f"drift run {run.id} was begun with other {next(iter(other))}"):
        check(ledger, resume=True, **other)
    counts = check(ledger, resume=True)

    assert sum(counts.values()) == 4
    assert answers(ledger, "SELECT ending FROM drift_runs") == [("decided",)]


def test_a_run_that_ends_while_it_is_waited_for_is_followed_by_a_new_one(begun, monkeypatch):
    ledger, seat, run = begun

    def ended(ledger, run, say):
        ledger.abandon(run)
        seat.leave("finished")

    monkeypatch.setattr("runner.driftrun.start.require_free", ended)
    counts = check(ledger, resume=True)

    assert sum(counts.values()) == 4
    assert answers(ledger, "SELECT id, ending FROM drift_runs ORDER BY id") == [
        (run.id, "abandoned"),
        (run.id + 1, "decided"),
    ]


def test_a_dry_run_counts_what_an_interrupted_run_has_left(begun):
    ledger, seat, _ = begun
    seat.leave("stopped")

    told = runner.check_drift(ledger, resume=True, dry_run=True)

    assert told.planned == 3


def test_a_run_whose_runner_is_silent_for_a_whole_lease_is_free(begun):
    ledger, seat, run = begun
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).values(heartbeat_at=ledger.now() - timedelta(minutes=5)))
    seconds, told = iter(range(0, 1_000, 25)), []

    require_free(ledger, run, told.append, wait=lambda _: None, monotonic=lambda: float(next(seconds)))

    assert answers(ledger, f"SELECT ending FROM runners WHERE id = {seat.runner_id}") == [("died",)]
    (sentence,) = told
    assert sentence.startswith(f"Waiting up to 60 s for a heartbeat of runner {seat.runner_id} on ")
    assert f", pid {os.getpid()}, which has drift run {run.id}: " in sentence


def test_a_resumed_run_says_whom_it_waits_for(begun, monkeypatch):
    ledger, seat, run = begun
    with writing(ledger.engine) as conn:
        conn.execute(update(runners).where(runners.c.id == seat.runner_id).values(host="elsewhere"))
    monkeypatch.setattr("runner.driftrun.seat.LOOK_SECONDS", 0.0)
    told = []

    def say(sentence: str) -> None:
        told.append(sentence)
        seat.leave("stopped")

    check(ledger, resume=True, say=say)

    assert f"runner {seat.runner_id} on elsewhere, pid {os.getpid()}" in told[0]
    assert told[1].startswith(f"Resuming drift run {run.id}: ")


def test_a_ledger_that_cannot_be_written_for_a_while_costs_no_check(trained, world, monkeypatch):
    world.go_on("web0.m00")
    write, refused = type(trained).record_findings, []

    def refuse_once(self, run, found):
        if not refused:
            refused.append(True)
            raise AccessError("the disk is full")
        write(self, run, found)

    monkeypatch.setattr(type(trained), "record_findings", refuse_once)
    monkeypatch.setattr("runner.driftrun.engine.PATIENCE", 0.01)

    assert check(trained) == {"stable": 3, "suspect": 1}
    assert refused


@ONCE
def test_show_tells_the_last_drift_checks(trained, world):
    world.go_on("web0.m00")
    check(trained)

    told = CliRunner().invoke(app, ["show", "web0.m00", "--ledger", trained.name]).output
    plain = json.loads(
        CliRunner().invoke(app, ["show", "web0.m00", "--ledger", trained.name, "--json"]).output
    )

    assert "attempt 1 is suspect: " in told
    assert "(2026-02-05 00:00:00 to 2026-02-14 23:00:00)" in told
    assert plain["drift_checks"][0]["verdict"] == "suspect"
