"""The schema: a fresh ledger is made by the migrations, and they make what the code expects."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from inspect import signature
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from ledger import migrate
from ledger.cli import app as ledger_app
from ledger.database import reading, writing
from ledger.errors import AccessError, NotALedgerError, SchemaError
from ledger.schema import VERSION_TABLE, metadata
from ledger.store import Ledger
from ledger.upgrading import upgrade_ledger
from ledger.views import VIEWS
from runner.cli import app as runner_app

ROOT = Path(__file__).parent.parent


def alembic(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LEDGER_URL": url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "alembic", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_newest_migration_is_the_one_the_code_names():
    config = Config(str(ROOT / "alembic.ini"))

    assert ScriptDirectory.from_config(config).get_current_head() == migrate.REVISION


def test_the_migrations_make_what_the_code_expects(place):
    checked = alembic("check", url=place)

    assert "No new upgrade operations detected" in checked.stdout + checked.stderr
    assert checked.returncode == 0


def test_the_migrations_alone_make_a_ledger(new_place):
    place = new_place()

    assert alembic("upgrade", "head", url=place).returncode == 0

    with Ledger.open(place, create=False) as ledger, reading(ledger.engine) as conn:
        made = {*inspect(conn).get_table_names(), *inspect(conn).get_view_names()}
    assert made >= {*metadata.tables, *(view.name for view in VIEWS), VERSION_TABLE}


def test_the_migrations_import_neither_package():
    for version in (ROOT / "migrations" / "versions").glob("*.py"):
        source = version.read_text(encoding="utf-8")
        assert "import ledger" not in source
        assert "from ledger" not in source
        assert "runner" not in source.replace("runners", "").replace("runner_id", "")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_has_the_columns_that_are_documented(ledger, view):
    with reading(ledger.engine) as conn:
        columns = list(conn.execute(text(f"SELECT * FROM {view.name}")).keys())

    assert columns == list(view.columns)


OTHERS = [
    ("0000", "run `ledger upgrade --ledger {place}`"),
    ("9999", "schema 9999, newer than this program's"),
]
WORDS = {
    "backup": ["kept.db"],
    "check": ["worker.py"],
    "import": ["split.csv"],
    "promote": ["a", "1"],
    "query": ["SELECT 1"],
    "requeue": ["a"],
    "rollback": ["a"],
    "show": ["a"],
}
COMMANDS = [
    pytest.param(app, command.name, id=f"{app.info.name} {command.name}")
    for app in (ledger_app, runner_app)
    for command in app.registered_commands
    if "ledger" in signature(command.callback).parameters and command.name != "upgrade"
]


@pytest.mark.parametrize(("revision", "sentence"), OTHERS)
@pytest.mark.parametrize(("app", "command"), COMMANDS)
def test_every_command_refuses_another_schema_and_writes_nothing(
    app, command, revision, sentence, sqlite_ledger, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split.csv").write_text("id,file,train_from,train_to,test_from,test_to\na,x,0,1,2,3\n")
    (tmp_path / "worker.py").write_text("def train(row, data): return {}\n")
    before = made_into(sqlite_ledger, revision)

    with pytest.raises(
        SchemaError, match=re.escape(sentence.format(place=shlex.quote(str(sqlite_ledger.path))))
    ) as refused:
        app([command, *WORDS.get(command, [])], standalone_mode=False)

    assert refused.value.exit_code == 5
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize(("revision", "sentence"), OTHERS)
def test_a_ledger_of_another_schema_is_not_copied(sqlite_ledger, tmp_path, monkeypatch, revision, sentence):
    before = made_into(sqlite_ledger, revision)

    with pytest.raises(
        SchemaError, match=re.escape(sentence.format(place=shlex.quote(str(sqlite_ledger.path))))
    ):
        ledger_app(["copy", str(sqlite_ledger.path), str(tmp_path / "copy.db")], standalone_mode=False)

    assert everything_in(tmp_path) == before


@pytest.mark.parametrize(("revision", "sentence"), OTHERS)
def test_another_schema_is_refused_with_what_to_do(ledger, revision, sentence):
    with writing(ledger.engine) as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))

    with pytest.raises(SchemaError, match=re.escape(sentence.format(place=shlex.quote(str(ledger.name))))):
        Ledger.open(ledger.name)


def made_into(ledger: Ledger, revision: str) -> dict[str, bytes]:
    """Give the ledger another revision, as a file without a write-ahead log, and return what is in its folder."""
    ledger.close()
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'")
        raw.execute("PRAGMA journal_mode=DELETE")
    return everything_in(ledger.path.parent)


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_another_programs_file_is_refused_and_stays_as_it_is(tmp_path):
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("CREATE TABLE alembic_version (version_num TEXT)")
    before = everything_in(tmp_path)

    with pytest.raises(NotALedgerError, match="belongs to another program"):
        Ledger.open(path)
    with pytest.raises(NotALedgerError, match="belongs to another program"):
        upgrade_ledger(path)

    assert everything_in(tmp_path) == before


def test_upgrading_a_current_ledger_changes_nothing(place):
    report = upgrade_ledger(place)

    assert report.backup is None
    assert "already" in report.sentence()


def test_upgrading_nothing_is_told(new_place):
    with pytest.raises(AccessError, match="there is no ledger"):
        upgrade_ledger(new_place())


def test_another_tools_version_table_in_the_same_database_is_untouched(ledger, place):
    with writing(ledger.engine) as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    alembic("upgrade", "head", url=place)

    with reading(ledger.engine) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == "theirs"
