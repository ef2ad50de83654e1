"""The command lines, as they are typed: what they print, where, and the exit codes they end with."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.series import daily

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def typed(tmp_path):
    """Type a command in a folder with two metrics in a database."""
    series = daily(300)
    frame = series.to_frame("cpu").assign(disk=series.to_numpy()[::-1], name="text")
    frame.insert(0, "timestamp", [str(time) for time in series.index])
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        frame.to_sql("metrics", raw, index=False)

    def run(line: str, *more: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [*line.split(), *more]
        command = [sys.executable, "-m", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, input=input
        )

    return run


@pytest.fixture
def trained(typed):
    """A ledger with two slices, both trained."""
    typed("ledger split web.db --train 10d --test 2d")
    typed("ledger import split.csv")
    typed("runner run --trainer seasonal_naive --workers 1")
    return typed


def test_from_a_database_to_trained_models_in_three_commands(typed, tmp_path):
    split = typed("ledger split web.db --train 10d --test 2d")
    imported = typed("ledger import split.csv")
    ran = typed("runner run --resume --trainer seasonal_naive --workers 1")

    assert (split.returncode, imported.returncode, ran.returncode) == (0, 0, 0)
    assert (tmp_path / "split.csv").read_text().splitlines()[1] == (
        "web.metrics.cpu,web,metrics,cpu,,2026-01-01 11:00:00,2026-01-11 11:00:00,"
        "2026-01-11 11:00:01,2026-01-13 11:00:00"
    )
    assert "2 slices from 1 tables or files" in split.stderr
    assert "2 rows, 2 added" in imported.stdout
    assert "2 succeeded, 0 rejected, 0 failed" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "Next: ledger status"
    assert ran.stderr == ""


def test_status_for_people_and_for_programs(trained):
    plain, as_json = trained("ledger status"), trained("ledger status --json")

    assert "2 slices, 2 done" in plain.stdout
    assert "succeeded  2  100.0%" in plain.stdout
    assert json.loads(as_json.stdout)["counts"]["succeeded"] == 2


def test_list_show_and_views(trained):
    listed = trained("ledger list --status succeeded --csv")
    shown = trained("ledger show web.metrics.cpu")
    as_json = json.loads(trained("ledger show web.metrics.cpu --json").stdout)
    views = trained("ledger views")

    assert len(listed.stdout.splitlines()) == 3
    assert "attempt 1: succeeded, serves" in shown.stdout
    assert as_json["attempts"][0]["metrics"]["mae"] > 0
    assert Path(as_json["attempts"][0]["artifacts"][0]["path"]).is_file()
    assert "current_metrics: The metrics of every champion" in views.stdout


@pytest.mark.parametrize("form", ["", "--csv", "--json"])
def test_a_query_is_printed_in_every_form(trained, form):
    answer = trained(f"ledger query {form}", "SELECT id, status FROM slices ORDER BY id")

    assert answer.returncode == 0
    assert "web.metrics.cpu" in answer.stdout
    assert form != "--json" or json.loads(answer.stdout)[0]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("line", "sql", "told"),
    [
        ("query --csv --json", "SELECT 1", "--csv and --json are two forms of one answer"),
        ("query --json", "SELECT 1 AS a, 2 AS a", "2 columns are called 'a'; name them apart with AS"),
        ("list --limit", "-1", "Invalid value for '--limit'"),
    ],
)
def test_an_answer_that_would_not_be_the_one_asked_for_is_refused(trained, line, sql, told):
    answer = trained(f"ledger {line}", sql)

    assert (answer.returncode, answer.stdout) == (2, "")
    assert told in answer.stderr


def test_failures_are_grouped_and_queued_again_by_the_command_they_name(trained, tmp_path):
    (tmp_path / "worker.py").write_text(
        "def train(row, data): raise ValueError('no ' + row.id)", encoding="utf-8"
    )
    trained("ledger requeue --where", "1 = 1")
    ran = trained("runner run --worker worker.py --workers 1 --max-attempts 1")

    told = trained("ledger failures")

    assert ran.returncode == 1
    assert ran.stdout.splitlines()[-1] == "Next: ledger failures"
    assert "2 × ValueError" in told.stdout
    again = trained("ledger requeue --where", "last_error_type = 'ValueError'")
    assert "2 slices queued again" in again.stdout


def test_what_is_to_be_typed_next_can_be_typed(typed, tmp_path):
    (tmp_path / "my data").mkdir()
    (tmp_path / "split.csv").write_text(
        "id,file,train_from,train_to,test_from,test_to\nit's,no.csv,0,1,2,3\n-x,x://no.csv,0,1,2,3\n",
        encoding="utf-8",
    )
    place = ("--ledger", "my data/l.db")
    typed("ledger import split.csv", *place)
    typed("runner run --trainer seasonal_naive --workers 1 --max-attempts 1", *place)
    told = typed("ledger failures", *place).stdout.splitlines()

    typing = [line.partition(": ")[2] for line in told if line.startswith("    for example: ")]
    shown = [typed(*shlex.split(line)).stdout.splitlines()[0] for line in typing]

    assert sorted(shown) == ["slice -x: failed (new)", "slice it's: failed (new)"]


def test_a_worker_file_is_checked_without_touching_the_ledger(trained, tmp_path):
    (tmp_path / "worker.py").write_text(
        "def train(row, data):\n    if row.column == 'disk':\n        raise ValueError('no')\n    return {'n': 1}\n",
        encoding="utf-8",
    )

    checked = trained("runner check worker.py")

    assert checked.returncode == 1
    assert "web.metrics.cpu: " in checked.stdout
    assert "n 1" in checked.stdout
    assert "ValueError: no" in checked.stdout
    assert "1 of 2 slices trained; the ledger was not changed" in checked.stdout
    assert json.loads(trained("ledger status --json").stdout)["counts"]["succeeded"] == 2


def test_the_trainers_explain_their_parameters(typed):
    told = typed("runner trainers").stdout

    assert "arima: ARIMA and seasonal ARIMA" in told
    assert "order=none  (3 whole numbers or none) p,d,q; auto" in told


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("ledger status", 7, "there is no ledger"),
        ("runner run", 7, "there is no ledger"),
        ("ledger import none.csv", 7, "none.csv cannot be read"),
        ("ledger import web.db", 2, "is not UTF-8 text"),
        ("ledger import split.csv --ledger web.db", 6, "belongs to another program"),
        ("ledger import split.csv --param order", 2, "is not of the form key=value"),
        ("ledger split nowhere --train 1d --test 1d -o -", 7, "there is no file or folder nowhere"),
        ("ledger split web.db --train 1d --test 1d", 2, "split.csv is there already; --force overwrites it"),
        ("ledger split web.db --train soon --test 1d", 2, "neither a length of time"),
        ("ledger split web.db --train 10 --test 1d", 2, "must both be"),
        ("ledger frobnicate", 2, "No such command"),
        ("runner run --timeout soon", 2, "it is a time such as 90s"),
        ("runner run --workers many", 2, "it is a number from 0 up, or auto"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_an_exit_code(typed, tmp_path, line, code, told):
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n")

    done = typed(line)

    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_options_come_from_the_environment_and_the_command_line_wins(typed, tmp_path, monkeypatch):
    typed("ledger split web.db --train 10d --test 2d")
    typed("ledger import split.csv")
    monkeypatch.setenv("RUNNER_TRAINER", "seasonal_naive")
    monkeypatch.setenv("RUNNER_WORKERS", "0")
    monkeypatch.setenv("RUNNER_PARAM", "period=12")
    monkeypatch.setenv("RUNNER_LIMIT", "1")

    typed("runner run")
    typed("runner run --param period=7 --limit 5")

    used = json.loads(typed("ledger query --json", "SELECT model_used FROM attempts ORDER BY id").stdout)
    assert [row["model_used"] for row in used] == ["seasonal naive(12)", "seasonal naive(7)"]


def test_what_is_typed_comes_before_the_environment_also_for_a_worker_file(typed, tmp_path, monkeypatch):
    typed("ledger split web.db --train 10d --test 2d")
    typed("ledger import split.csv")
    (tmp_path / "w.py").write_text("def train(row, data): return {'mae': 1}", encoding="utf-8")
    monkeypatch.setenv("RUNNER_WORKER", "w.py")
    monkeypatch.setenv("RUNNER_GATE", "mae < 1e9  smape < 1e9")

    typed("runner run --trainer seasonal_naive --limit 1 --workers 0")

    used = json.loads(typed("ledger query --json", "SELECT trainer, outcome FROM attempts").stdout)
    assert used == [{"trainer": "seasonal_naive", "outcome": "succeeded"}]


def test_many_slices_are_queued_again_only_on_purpose(typed, tmp_path):
    rows = "".join(f"{n},x.csv,0,1,2,3\n" for n in range(1_001))
    (tmp_path / "split.csv").write_text(
        f"id,file,train_from,train_to,test_from,test_to\n{rows}", encoding="utf-8"
    )
    typed("ledger import split.csv")
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as raw:
        raw.execute("UPDATE slices SET status = 'failed'")
        raw.commit()

    refused = typed("ledger requeue --failed")
    meant = typed("ledger requeue --failed --yes")

    assert (refused.returncode, meant.returncode) == (2, 0)
    assert "this would queue 1001 slices again; say --yes" in refused.stderr
    assert "1001 slices queued again" in meant.stdout


def test_splitting_takes_rows_patterns_and_an_end(typed, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        lines = "".join(f"{n},{n},{n}\n" for n in range(20))
        (tmp_path / "data" / name).write_text(f"row,x,y\n{lines}", encoding="utf-8")

    by_rows = typed("ledger split data --train 10 --test 5 --tables a* --columns x -o -")
    by_time = typed("ledger split web.db --train 2d --test 1d --until", "2026-01-05 00:00:00", "-o", "-")

    assert by_rows.stdout.splitlines()[1:] == ["data/a.csv.x,,,x,data/a.csv,5,14,15,19"]
    assert by_time.stdout.splitlines()[1].endswith(
        "2026-01-02 00:00:00,2026-01-04 00:00:00,2026-01-04 00:00:01,2026-01-05 00:00:00"
    )


def test_what_is_too_short_or_has_no_numbers_is_left_out_and_told(typed, tmp_path):
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        raw.execute("CREATE TABLE names (timestamp TEXT, name TEXT)")
        raw.execute("CREATE TABLE empty (timestamp TEXT, v REAL)")

    told = typed("ledger split web.db --train 1000d --test 1d")

    assert "1 have no time or no numeric column and were left out, such as web.names" in told.stderr
    assert "1 are empty" in told.stderr
    assert "1 are shorter than the window" in told.stderr


def test_a_split_file_is_overwritten_only_when_that_is_said(typed, tmp_path):
    (tmp_path / "split.csv").write_text("id,region\nby hand,eu\n", encoding="utf-8")

    refused = typed("ledger split web.db --train 10d --test 2d")
    kept = (tmp_path / "split.csv").read_text(encoding="utf-8")
    forced = typed("ledger split web.db --train 10d --test 2d --force")

    assert (refused.returncode, forced.returncode) == (2, 0)
    assert kept == "id,region\nby hand,eu\n"
    assert "web.metrics.cpu" in (tmp_path / "split.csv").read_text(encoding="utf-8")


def test_where_nothing_is_found_nothing_is_written(typed, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("no data", encoding="utf-8")

    told = typed("ledger split docs --train 10d --test 2d")

    assert told.returncode == 2
    assert "there is no series to make a slice of in docs; nothing was written" in told.stderr
    assert ".csv.bz2" in told.stderr
    assert not (tmp_path / "split.csv").exists()


@pytest.mark.parametrize("content", [None, "id,file,train_from,train_to,test_from,test_to\na,x,9,1,2,3\n"])
def test_an_import_that_fails_leaves_no_ledger_behind(typed, tmp_path, content):
    if content:
        (tmp_path / "split.csv").write_text(content, encoding="utf-8")

    failed = typed("ledger import split.csv --ledger fresh.db")

    assert failed.returncode == (2 if content else 7)
    assert list(tmp_path.glob("fresh*")) == []


def test_a_dry_run_makes_no_ledger(typed, tmp_path):
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,1,3\n")

    told = typed("ledger import split.csv --dry-run")

    assert "1 rows, 1 would be added" in told.stdout
    assert "in 1 rows the test range overlaps" in told.stdout
    assert not (tmp_path / "ledger.db").exists()


def test_a_dry_run_says_nothing_of_a_run(typed, tmp_path):
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n")
    (tmp_path / "more.csv").write_text("id,file,train_from,train_to,test_from,test_to\nb,x,0,1,2,3\n")
    typed("ledger import split.csv")

    told = typed("ledger import more.csv --dry-run")

    assert "1 would be added" in told.stdout
    assert "Next: " not in told.stdout


def test_the_ledger_may_be_named_by_the_environment(typed, tmp_path, monkeypatch):
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n")
    monkeypatch.setenv("LEDGER_URL", str(tmp_path / "elsewhere.db"))

    imported = typed("ledger import split.csv")

    assert imported.returncode == 0
    assert (tmp_path / "elsewhere.db").exists()
    assert not (tmp_path / "ledger.db").exists()
