"""What is PostgreSQL's own: plans, passwords, SQL that would write, tables of another program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text

from ledger.database import reading, writing
from ledger.errors import AccessError, NotALedgerError, QueryError
from ledger.store import Ledger

ROOT = Path(__file__).resolve().parents[1]
HEADER = "id,file,train_from,train_to,test_from,test_to,region\n"


@pytest.fixture
def pg(postgres_place):
    with Ledger.open(postgres_place, create=False) as opened:
        yield opened


@pytest.fixture
def split(tmp_path):
    def write(count: int) -> Path:
        path = tmp_path / "split.csv"
        rows = "".join(f"{n},x.csv,0,9,10,14,eu\n" for n in range(count))
        path.write_text(HEADER + rows, encoding="utf-8")
        return path

    return write


def test_a_claim_uses_the_index_of_pending_slices_also_under_a_generic_plan(pg, split):
    pg.import_slices(split(5_000))
    with writing(pg.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'succeeded' WHERE position > 10"))
    with pg.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE slices"))
    said: list[tuple[str, dict[str, object]]] = []
    event.listen(pg.engine, "before_cursor_execute", lambda *call: said.append((call[2], call[3])))
    me = pg.register_runner({})
    with pg.recording() as record:
        record.claim(me)

    claim, values = next(call for call in said if call[0].startswith("UPDATE slices"))
    for number, name in enumerate(values, start=1):
        claim = claim.replace(f"%({name})s", f"${number}")
    with reading(pg.engine) as conn:
        conn.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        conn.exec_driver_sql(f"PREPARE claim AS {claim}")
        given = ", ".join(f"'{value}'" for value in values.values())
        plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN EXECUTE claim ({given})").scalars())
    assert "Index Scan using slices_pending" in plan
    assert "Seq Scan on slices" not in plan


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM slices",
        "SELECT 1; DELETE FROM slices",
        "COMMIT; DELETE FROM slices",
        "SELECT 1; COMMIT; SET default_transaction_read_only = off; DELETE FROM slices",
        "WITH gone AS (DELETE FROM slices RETURNING id) SELECT * FROM gone",
        "SELECT set_config('transaction_read_only', 'off', true), nextval('runners_id_seq')",
        "COPY slices TO PROGRAM 'cat'",
    ],
)
def test_a_query_cannot_write(pg, split, sql):
    pg.import_slices(split(2))

    with pytest.raises(QueryError):
        pg.query(sql)

    assert pg.status().total == 2


def test_a_ledger_opened_for_reading_writes_nothing_also_after_it_was_read(postgres_place):
    with Ledger.open(postgres_place, create=False, read_only=True) as looking:
        looking.status()

        with pytest.raises(AccessError, match="may only be read"):
            looking.register_runner({})


def test_a_password_is_never_printed(postgres_place, split, tmp_path):
    split(2)
    secret = postgres_place.replace("tests@", "tests:hush@")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lines = (
        ["ledger", "import", "split.csv"],
        ["runner", "run", "--resume", "--trainer", "seasonal_naive", "--max-attempts", "1", "--workers", "1"],
        ["ledger", "status"],
        ["ledger", "failures"],
        ["ledger", "show", "0"],
        ["ledger", "requeue", "--failed"],
    )

    told = [
        subprocess.run(
            [sys.executable, "-m", *line, "--ledger", secret],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )
        for line in lines
    ]  # fmt: skip

    printed = "".join(each.stdout + each.stderr for each in told)
    assert "2 rows, 2 added" in printed
    assert "2 slices queued again" in printed
    assert "hush" not in printed


@pytest.mark.parametrize(
    ("made", "name"),
    [("TABLE slices (x INTEGER)", "slices"), ("VIEW progress AS SELECT 1 AS theirs", "progress")],
)
def test_a_database_with_tables_or_views_of_these_names_is_refused(databases, made, name):
    url = databases.empty("theirs")
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text(f"CREATE {made}"))
    engine.dispose()

    with pytest.raises(NotALedgerError, match=f"tables of another program called {name}"):
        Ledger.open(url)

    databases.drop(url)
