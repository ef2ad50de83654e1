"""Upgrades of real ledgers by made-up revisions: all of it or nothing, once, after a backup."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import event, inspect, text

from ledger import migrate
from ledger.copying import copy_ledger
from ledger.database import ledger_url, open_engine, reading, writing
from ledger.errors import LedgerBusyError, SchemaError
from ledger.migrate import OURS, Migrations
from ledger.rest import keep_at_rest
from ledger.schema import VERSION_TABLE
from ledger.store import Ledger
from ledger.upgrading import UpgradeReport, upgrade_ledger
from tests.every_state import fill
from tests.rows import rows_of

ROOT = Path(__file__).resolve().parents[1]
NEXT, NEWEST = "9001", "9002"
REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{revision}", "{before}"

def upgrade():
    {body}
"""
PAINT = (
    'op.add_column("slices", sa.Column("colour", sa.Text())); op.execute("CREATE TABLE paints (name TEXT)")'
)
FILL = "op.execute(\"UPDATE slices SET colour = 'red'\"); op.execute(\"INSERT INTO paints VALUES ('red')\")"


@pytest.fixture
def made_up(tmp_path: Path) -> Callable[..., Migrations]:
    """The project's migrations with two more after them; the body of the last may be given."""

    def make(last: str = FILL) -> Migrations:
        folder = tmp_path / "migrations"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(OURS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for revision, before, body in ((NEXT, OURS.newest, PAINT), (NEWEST, NEXT, last)):
            script = REVISION.format(revision=revision, before=before, body=body)
            (folder / "versions" / f"{revision}_made_up.py").write_text(script, encoding="utf-8")
        return Migrations(folder, NEWEST)

    return make


@pytest.fixture
def place(new_place, tmp_path, monkeypatch):
    """Where a ledger that has something of everything is."""
    monkeypatch.chdir(tmp_path)
    name = new_place()
    with Ledger.open(name) as ledger:
        fill(ledger, tmp_path)
    return name


def contents(place: str) -> dict[str, list[tuple[object, ...]]]:
    ledger = Ledger(open_engine(ledger_url(place)))
    try:
        return rows_of(ledger)
    finally:
        ledger.close()


def found_in(place: str) -> tuple[str | None, list[str]]:
    """The revision of a ledger, and the colours of its slices when it has any."""
    engine = open_engine(ledger_url(place))
    try:
        with reading(engine) as conn:
            revision = migrate.revision_of(conn)
            if "paints" not in inspect(conn).get_table_names():
                return revision, []
            return revision, list(conn.execute(text("SELECT DISTINCT colour FROM slices")).scalars())
    finally:
        engine.dispose()


def in_a_process(place: str, migrations: Migrations, **variables: str) -> subprocess.CompletedProcess[str]:
    script = (
        "from pathlib import Path\nfrom ledger.migrate import Migrations\n"
        "from ledger.upgrading import upgrade_ledger\n"
        f"upgrade_ledger({place!r}, Migrations(Path({str(migrations.folder)!r}), {migrations.newest!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def test_every_step_is_made_and_the_ledger_as_it_was_is_kept(place, made_up, tmp_path):
    before = contents(place)

    report = upgrade_ledger(place, made_up())

    assert found_in(place) == (NEWEST, ["red"])
    assert contents(place) == before
    assert (report.before, report.after) == (OURS.newest, NEWEST)
    assert found_in(str(report.backup)) == (OURS.newest, [])
    assert contents(str(report.backup)) == before
    assert str(report.backup) in report.sentence()


def test_the_backup_can_be_put_back(place, made_up, new_place):
    before = contents(place)
    report = upgrade_ledger(place, made_up())
    again = new_place()

    copy_ledger(str(report.backup), again)

    assert contents(again) == before


def test_a_failure_in_the_last_step_leaves_schema_and_data_as_they_were(place, made_up):
    before = contents(place)

    with pytest.raises(ZeroDivisionError):
        upgrade_ledger(place, made_up(last=f"{FILL}; 1 / 0"))

    assert found_in(place) == (OURS.newest, [])
    assert contents(place) == before
    upgrade_ledger(place, made_up())
    assert found_in(place) == (NEWEST, ["red"])


def test_an_upgrade_that_is_killed_leaves_the_old_schema_and_can_be_made_again(place, made_up):
    before, migrations = contents(place), made_up()

    killed = in_a_process(place, migrations, LEDGER_FAULT="upgrading:kill9")

    assert killed.returncode == -9
    assert found_in(place) == (OURS.newest, [])
    assert contents(place) == before
    assert in_a_process(place, migrations).returncode == 0
    assert found_in(place) == (NEWEST, ["red"])
    assert contents(place) == before


def test_of_several_that_upgrade_at_once_one_does_and_the_others_wait(place, made_up, tmp_path):
    migrations = made_up()

    reports = at_once(4, upgrade_ledger, place, migrations)

    assert sorted(report.before for report in reports) == [OURS.newest, NEWEST, NEWEST, NEWEST]
    assert found_in(place) == (NEWEST, ["red"])
    assert len(list(tmp_path.glob("*-schema-*"))) == 1


def test_several_that_make_the_same_ledger_at_once_have_one(new_place):
    place = new_place()

    made = at_once(4, identity, place)

    assert len(set(made)) == 1
    assert found_in(place) == (migrate.REVISION, [])


def at_once(count: int, do: Callable[..., UpgradeReport | str], *words: object) -> list[UpgradeReport | str]:
    """What `do` returns in each of `count` processes that begin together."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, _meet, (context.Barrier(count),)) as pool:
        done = [pool.submit(_together, do, *words) for _ in range(count)]
        return [each.result() for each in done]


def _meet(barrier: object) -> None:
    globals()["_BARRIER"] = barrier


def _together(do: Callable[..., UpgradeReport | str], *words: object) -> UpgradeReport | str:
    globals()["_BARRIER"].wait(60)
    return do(*words)


def identity(place: str) -> str:
    with Ledger.open(place) as ledger:
        return ledger.uuid()


def test_an_upgrade_under_a_live_runner_is_refused_and_names_it(place, made_up):
    with Ledger.open(place) as ledger:
        me = ledger.register_runner({})

        with pytest.raises(SchemaError, match=rf"runner {me} \(.*, pid {os.getpid()}\) is at work on this"):
            upgrade_ledger(place, made_up())

    assert found_in(place) == (OURS.newest, [])


def test_a_runner_that_opened_the_ledger_before_the_upgrade_cannot_begin_after_it(place, made_up):
    with Ledger.open(place) as opened:
        before = contents(place)
        upgrade_ledger(place, made_up())

        with pytest.raises(
            SchemaError, match=f"has schema {NEWEST}, newer than this program's {OURS.newest}"
        ):
            opened.register_runner({})

    assert contents(place) == before


def test_no_runner_begins_in_postgresql_while_an_upgrade_looks_for_runners(new_database):
    with Ledger.open(new_database()) as ledger, writing(ledger.engine) as upgrading:
        keep_at_rest(upgrading)
        event.listen(ledger.engine, "begin", lambda conn: conn.exec_driver_sql("SET LOCAL lock_timeout = 50"))

        with pytest.raises(LedgerBusyError):
            ledger.register_runner({})


@pytest.mark.parametrize(
    ("revision", "sentence"), [("0000", "which this program does not know"), ("9999", "newer than this")]
)
def test_a_schema_that_no_step_leads_from_is_refused(place, revision, sentence, tmp_path):
    with Ledger.open(place) as ledger, writing(ledger.engine) as conn:
        conn.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{revision}'"))
    before = contents(place)

    with pytest.raises(SchemaError, match=sentence):
        upgrade_ledger(place)

    assert contents(place) == before
    assert list(tmp_path.glob("*-schema-*")) == []


def test_another_tools_version_table_survives_an_upgrade(place, made_up):
    with Ledger.open(place) as ledger, writing(ledger.engine) as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    upgrade_ledger(place, made_up())

    engine = open_engine(ledger_url(place))
    with reading(engine) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["theirs"]
    engine.dispose()
    assert found_in(place) == (NEWEST, ["red"])


def test_a_ledger_beside_another_tools_version_table_in_postgresql_leaves_it_alone(new_database):
    url = new_database()
    engine = open_engine(ledger_url(url))
    with writing(engine) as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))

    Ledger.open(url).close()

    with reading(engine) as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["theirs"]
    engine.dispose()
