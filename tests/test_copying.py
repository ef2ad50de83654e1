"""A ledger moved into another database has every row and key, and goes on there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

import runner
from ledger import migrate
from ledger.copying import copy_ledger
from ledger.database import ledger_url, writing
from ledger.errors import LedgerError, SchemaError
from ledger.records import Claim
from ledger.rows import ORDER
from ledger.schema import VERSION_TABLE, metadata
from ledger.store import Ledger
from tests.every_state import fill
from tests.rows import rows_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def full(new_place, tmp_path):
    """The place of a ledger that has something of everything."""
    place = new_place()
    with Ledger.open(place) as ledger:
        fill(ledger, tmp_path)
    return place


def raw_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What SQLite itself holds, its counters included."""
    with closing(sqlite3.connect(path)) as raw:
        return {
            name: sorted(raw.execute(f"SELECT * FROM {name}"), key=repr)
            for name in (*metadata.tables, VERSION_TABLE, "sqlite_sequence")
        }


def typed(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "ledger", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_there_and_back_everything_is_as_it_was(sqlite_ledger, new_database, tmp_path):
    fill(sqlite_ledger, tmp_path)
    url = new_database()
    with writing(sqlite_ledger.engine) as conn:
        conn.execute(text(f"INSERT INTO settings VALUES ('artifact_root', '{tmp_path}/models')"))

    copy_ledger(sqlite_ledger.path, url)
    copy_ledger(url, tmp_path / "back.db")

    assert raw_rows(tmp_path / "back.db") == raw_rows(sqlite_ledger.path)


def test_a_copy_has_every_row(full, new_place, tmp_path):
    target = new_place()

    report = copy_ledger(full, target)

    with Ledger.open(full) as before, Ledger.open(target) as after:
        assert rows_of(after) == rows_of(before)
        assert after.uuid() == before.uuid()
    assert (report.counts["slices"], report.counts["attempts"], report.counts["metrics"]) == (9, 9, 15)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_an_id_that_was_ever_given_is_never_given_again(ledger, make_slice, new_database, tmp_path):
    make_slice()
    url = new_database()
    with writing(ledger.engine) as conn:
        conn.execute(text("INSERT INTO sqlite_sequence VALUES ('attempts', 100)"))

    copy_ledger(ledger.path, url)
    there = claim_and_end(url)
    copy_ledger(url, tmp_path / "back.db")
    back = claim_and_end(tmp_path / "back.db")

    assert [(held.runner_id, held.attempt_id) for held in (there, back)] == [(1, 101), (2, 102)]


def claim_and_end(place: str | Path) -> Claim:
    with Ledger.open(place) as ledger:
        me = ledger.register_runner({})
        with ledger.recording() as record:
            held = record.claim(me)
            assert held is not None
            record.release(held, reason="enough")
        ledger.end_runner(me, "finished")
        return held


def test_a_run_goes_on_on_the_copy_and_its_models_are_found(new_place, new_database, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    Path("x.csv").write_text("t,v\n" + "".join(f"{n},{n % 3}\n" for n in range(20)), encoding="utf-8")
    rows = "".join(f"{n},x.csv,0,9,10,14\n" for n in range(4))
    Path("split.csv").write_text("id,file,train_from,train_to,test_from,test_to\n" + rows, encoding="utf-8")
    source, target = new_place(), new_database()
    options = {"trainer": "seasonal_naive", "workers": 0, "quiet": True}
    with Ledger.open(source) as ledger:
        ledger.import_slices("split.csv")
        runner.run(ledger, limit=2, **options)

    copy_ledger(source, target)
    monkeypatch.chdir(tmp_path / "elsewhere")

    with Ledger.open(target) as ledger:
        summary = runner.run(ledger, resume=True, quiet=True)
        assert summary.succeeded == 2
        assert [runner.load(ledger, str(n)).predict(3).shape for n in range(4)] == [(3,)] * 4


def test_a_copy_under_a_live_runner_is_refused_and_names_it(ledger, new_place):
    target = new_place()
    ledger.register_runner({})

    with pytest.raises(LedgerError, match=rf"runner 1 \(.*, pid {os.getpid()}\) is at work") as refused:
        copy_ledger(ledger.name, target)

    assert refused.value.exit_code == 2
    assert migrate.revision_at(ledger_url(target)) is None


def test_a_runner_that_cannot_be_seen_from_here_may_live(ledger, new_place):
    ledger.register_runner({})
    with writing(ledger.engine) as conn:
        conn.execute(text("UPDATE runners SET host = 'another'"))

    with pytest.raises(LedgerError, match=r"runner 1 \(another, .* may be at work .*runner run --resume"):
        copy_ledger(ledger.name, new_place())


def test_a_copy_into_a_ledger_with_rows_is_refused(full, ledger, new_place, tmp_path):
    before = rows_of(ledger)

    with pytest.raises(LedgerError, match="holds imports already; copy into an empty one"):
        copy_ledger(ledger.name, full)
    with pytest.raises(LedgerError, match="holds imports already; copy into an empty one"):
        copy_ledger(full, full)

    assert rows_of(ledger) == before


def test_a_copy_into_an_empty_ledger_takes_the_identity_of_the_source(full, new_place):
    target = new_place()
    Ledger.open(target).close()

    copy_ledger(full, target)

    with Ledger.open(full) as before, Ledger.open(target) as after:
        assert after.uuid() == before.uuid()


def test_a_copy_into_a_ledger_of_another_schema_is_refused(ledger, new_place):
    target = new_place()
    with Ledger.open(target) as old, writing(old.engine) as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

    with pytest.raises(SchemaError, match="newer than this program's"):
        copy_ledger(ledger.name, target)


def test_a_copy_that_fails_leaves_nothing_of_itself(full, new_place, tmp_path):
    target = new_place()
    there = sorted(path.name for path in tmp_path.iterdir())

    failed = typed("copy", full, target, LEDGER_FAULT="committing:raise")

    assert failed.stderr.endswith("InjectedError: committing\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    assert copy_ledger(full, target).counts["slices"] == 9


def test_a_copy_that_is_killed_can_be_made_again(full, new_place, tmp_path):
    target = new_place()

    killed = typed("copy", full, target, LEDGER_FAULT="committing:kill9")
    again = typed("copy", full, target)

    assert killed.returncode == -9
    assert again.returncode == 0, again.stderr
    assert ["slices", "9"] in [line.split() for line in again.stdout.splitlines()]
    assert again.stdout.splitlines()[-1].startswith("Next: runner run --resume --ledger ")
    with Ledger.open(full) as before, Ledger.open(target) as after:
        assert rows_of(after) == rows_of(before)


def test_a_ledger_that_cannot_be_written_can_be_copied(sqlite_ledger, tmp_path):
    fill(sqlite_ledger, tmp_path)
    before = sqlite_ledger.path.read_bytes()
    sqlite_ledger.checkpoint()
    sqlite_ledger.close()
    kept = sqlite_ledger.path.read_bytes()

    copy_ledger(sqlite_ledger.path, tmp_path / "copy.db")

    assert before != kept
    assert sqlite_ledger.path.read_bytes() == kept


def test_every_table_is_copied():
    assert sorted(ORDER) == sorted(metadata.tables)
