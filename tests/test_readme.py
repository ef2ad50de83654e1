"""The README: its commands, code, queries and settings are run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger.database import writing
from ledger.store import Ledger
from ledger.views import VIEWS
from runner.config import read_config
from tests.series import daily

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(kind: str, containing: str) -> str:
    """The code block of a kind that contains a text."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return next(code for code in blocks if containing in code)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder like a reader's: databases, and the split file of the README."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_databases").mkdir()
    series = daily(24 * 40)
    frame = series.to_frame("cpu")
    frame.insert(0, "timestamp", [str(time) for time in series.index])
    for place in (tmp_path / "my_databases" / "shop.db", tmp_path / "shop.db"):
        with closing(sqlite3.connect(place)) as raw:
            frame.to_sql("metrics", raw, index=False)
    return tmp_path


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = shlex.split(line, comments=True)
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_commands_for_ones_own_data_work_one_after_the_other(folder):
    lines = block("sh", "ledger split my_databases/").splitlines()

    codes = [typed(line, folder).returncode for line in lines]

    assert len(codes) == 4
    assert set(codes) == {0}
    with Ledger.open("ledger.db") as ledger:
        assert ledger.status().counts["succeeded"] == 1


def test_the_notebook_cell_works_on_the_split_file_shown(folder):
    (folder / "split.csv").write_text(block("csv", "cpu-1"), encoding="utf-8")
    cell = block("python", "Ledger.open").replace("workers=4", "workers=0, quiet=True")

    names: dict[str, object] = {}
    exec(cell, names)

    assert names["ledger"].status().counts["succeeded"] == 1


@pytest.mark.parametrize("question", block("sql", "current_metrics").splitlines())
def test_every_query_shown_is_answered(folder, question):
    with Ledger.open("ledger.db") as ledger:
        assert ledger.query(question.partition(" --")[0]) is not None


def test_the_settings_shown_are_understood(folder):
    (folder / "runner.toml").write_text(block("toml", "[databases]"), encoding="utf-8")

    options = read_config(folder / "runner.toml")

    assert (options["timeout"], options["gates"]) == (600, ("mase<2",))
    assert options["databases"]["*"].endswith("{database}")


@pytest.fixture
def old_and_drifted(folder):
    """2,002 slices trained a year ago; half of the champions were found to have drifted."""
    rows = "".join(f"{n},x.csv,2025-01-01,2025-01-20,2025-01-21,2025-01-30\n" for n in range(2_002))
    (folder / "split.csv").write_text(f"id,file,train_from,train_to,test_from,test_to\n{rows}")
    with Ledger.open("ledger.db") as ledger:
        ledger.import_slices("split.csv")
        ledger.end_runner(ledger.register_runner({}), "finished")
        then = "'2025-02-01T00:00:00.000000Z'"
        with writing(ledger.engine) as conn:
            for statement in (
                "INSERT INTO attempts (slice_id, number, runner_id, outcome, started_at, finished_at, "
                f"train_from, train_to, test_from, test_to) SELECT id, 1, 1, 'succeeded', {then}, {then}, "
                "train_from, train_to, test_from, test_to FROM slices ORDER BY position",
                "UPDATE slices SET status = 'succeeded', attempt = 1, champion_id = position",
                "INSERT INTO drift_checks (slice_id, attempt_id, window_to, detector, verdict, checked_at) "
                f"SELECT id, champion_id, '2025-02-10', 'panel', 'drifted', {then} FROM slices "
                "WHERE position <= 1001",
            ):
                conn.execute(text(statement))
    return folder


@pytest.mark.parametrize(("kind", "within"), [("", "0 2 * * *"), ("ini", "ExecStart=")])
def test_the_schedule_queues_what_drifted_and_what_is_old_and_asks_nobody(old_and_drifted, kind, within):
    line = next(line for line in block(kind, within).splitlines() if within in line)
    commands = re.findall(r"ledger requeue [^&']*", line)

    told = [typed(command, old_and_drifted).stdout.splitlines()[0] for command in commands]

    assert told == ["1001 slices queued again", "1001 slices queued again"]


def test_every_view_is_named():
    assert [view.name for view in VIEWS if f"| `{view.name}` |" not in README] == []


def test_every_page_linked_is_there():
    links = re.findall(r"\]\(([\w./-]+)\)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("which", ["one", "two"])
def test_both_commands_are_where_the_checks_look_for_them(which):
    assert f"<!-- command {which} -->\n```sh\npython3 -m venv .venv && " in README
