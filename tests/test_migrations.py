"""The schema: a fresh ledger is made by the migrations, and they make what the code expects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from ledger import migrate
from ledger.database import reading, writing
from ledger.errors import AccessError, SchemaError
from ledger.schema import VERSION_TABLE, metadata
from ledger.store import Ledger
from ledger.upgrading import upgrade_ledger
from ledger.views import VIEWS

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def nowhere(request, tmp_path):
    """Where a ledger can be made: a path without a file, or the URL of a database without tables."""
    if request.param == "sqlite":
        yield str(tmp_path / "made.db")
        return
    databases = request.getfixturevalue("databases")
    url = databases.empty("made")
    yield url
    databases.drop(url)


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


def test_the_migrations_alone_make_a_ledger(nowhere):
    assert alembic("upgrade", "head", url=nowhere).returncode == 0

    with Ledger.open(nowhere, create=False) as ledger, reading(ledger.engine) as conn:
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


@pytest.mark.parametrize(
    ("revision", "sentence"), [("0000", "run `ledger upgrade"), ("9999", "newer than this")]
)
def test_another_schema_is_refused_with_what_to_do(ledger, place, revision, sentence):
    with writing(ledger.engine) as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))

    with pytest.raises(SchemaError, match=sentence):
        Ledger.open(place)


def test_upgrading_a_current_ledger_changes_nothing(place):
    report = upgrade_ledger(place)

    assert report.backup is None
    assert "already" in report.sentence()


def test_upgrading_under_a_live_runner_is_refused(ledger, place):
    ledger.register_runner({})

    with pytest.raises(SchemaError, match="is at work on this ledger; stop it first"):
        upgrade_ledger(place)


def test_upgrading_nothing_is_told(nowhere):
    with pytest.raises(AccessError, match="there is no ledger"):
        upgrade_ledger(nowhere)


def test_another_tools_version_table_in_the_same_database_is_untouched(ledger, place):
    with writing(ledger.engine) as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    alembic("upgrade", "head", url=place)

    with reading(ledger.engine) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == "theirs"
