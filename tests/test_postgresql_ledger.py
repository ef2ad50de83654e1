"""The same ledger in PostgreSQL: imports, claims, runs and questions."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import runner
from ledger.database import reading, writing
from ledger.errors import NotALedgerError, QueryError
from ledger.records import Artifact, Facts, Failure, Success
from ledger.requeue import Selection
from ledger.status import Outcome
from ledger.store import Ledger

ROOT = Path(__file__).resolve().parents[1]
HEADER = "id,file,train_from,train_to,test_from,test_to,region\n"


@pytest.fixture
def url(postgres_url, request):
    """The URL of a fresh database of the temporary server."""
    name = f"ledger_{abs(hash(request.node.name)) % 10**10}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        conn.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgres_url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def pg(url):
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def split(tmp_path):
    def write(count: int, to: str = "9") -> Path:
        path = tmp_path / "split.csv"
        rows = "".join(f"{n},x.csv,0,{to},10,14,eu\n" for n in range(count))
        path.write_text(HEADER + rows, encoding="utf-8")
        return path

    return write


def test_importing_adds_keeps_changes_and_retires(pg, split):
    first = pg.import_slices(split(5))
    again = pg.import_slices(split(5))
    changed = pg.import_slices(split(3, to="8"), prune=True)

    assert (first.added, again.unchanged) == (5, 5)
    assert (changed.changed, changed.retired) == (3, 2)


def test_a_slice_is_claimed_completed_failed_and_queued_again(pg, split):
    pg.import_slices(split(3))
    me = pg.register_runner({"workers": 1})
    with pg.recording() as record:
        one, two, three = (record.claim(me) for _ in range(3))
        assert record.claim(me) is None
        made = (Artifact("p", "json", 2, "0"),)
        assert record.complete(one, Success({"a": 1.0, "b": float("nan")}, made), Facts(fit_seconds=1.0))
        assert record.fail(two, Failure("E", "no \0"), Facts(), outcome=Outcome.FAILED, retry_at=None)
        assert record.release(three, reason="stopped")
        assert record.complete(one, Success(), Facts())  # a COMMIT nobody heard of: it stands
        assert not record.complete(two, Success(), Facts())

    assert pg.status().counts["succeeded"] == 1
    assert [group.error_type for group in pg.failures()] == ["E"]
    assert pg.history("0").attempts[0].metrics == {"a": 1.0, "b": "nan"}
    assert pg.requeue(Selection(where="status = 'failed' AND train_from <> ':x'")).queued == 1


def test_no_two_claim_the_same_slice(url, pg, split):
    pg.import_slices(split(200))

    def claim_some(_: int) -> list[str]:
        found = []
        with Ledger.open(url) as mine:
            me = mine.register_runner({})
            while True:
                with mine.recording() as record:
                    held = record.claim(me)
                if held is None:
                    return found
                found.append(held.slice.id)

    with ThreadPoolExecutor(4) as pool:
        taken = [name for part in pool.map(claim_some, range(4)) for name in part]

    assert sorted(taken, key=int) == [str(number) for number in range(200)]


def test_a_claim_uses_the_index_of_pending_slices(pg, split):
    pg.import_slices(split(5_000))
    with writing(pg.engine) as conn:
        conn.execute(text("UPDATE slices SET status = 'succeeded' WHERE position > 10"))
    with pg.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE slices"))

    with reading(pg.engine) as conn:
        plan = conn.execute(
            text(
                "EXPLAIN SELECT position FROM slices WHERE slices.status = 'pending' "
                "ORDER BY deferred, priority DESC, position LIMIT 1 FOR UPDATE SKIP LOCKED"
            )
        ).scalars()
        assert "slices_pending" in "\n".join(plan)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM slices", "SELECT 1; DELETE FROM slices", "COMMIT; DELETE FROM slices"]
)
def test_a_query_cannot_write(pg, split, sql):
    pg.import_slices(split(2))

    with pytest.raises(QueryError):
        pg.query(sql)

    assert pg.status().total == 2


def test_a_password_is_never_printed(url, split, tmp_path):
    split(2)
    secret = url.replace("tests@", "tests:hush@")
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


def test_every_view_answers(pg, split):
    from ledger.views import VIEWS

    pg.import_slices(split(2))

    assert [pg.query(f"SELECT * FROM {view.name}").shape[1] for view in VIEWS] == [
        len(v.columns) for v in VIEWS
    ]


def test_a_whole_run_records_in_postgresql(pg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.csv").write_text("t,v\n" + "".join(f"{n},{n % 3}\n" for n in range(20)), encoding="utf-8")
    Path("split.csv").write_text(HEADER + "a,x.csv,0,9,10,14,eu\nb,none.csv,0,9,10,14,eu\n", encoding="utf-8")
    pg.import_slices("split.csv")

    summary = runner.run(pg, trainer="seasonal_naive", workers=2, max_attempts=2, backoff=0.01, quiet=True)

    assert (summary.succeeded, summary.failed, summary.retried) == (1, 1, 1)
    assert runner.load(pg, "a").predict(3).shape == (3,)


def test_the_migrations_make_what_the_code_expects(url, pg):
    environment = {**os.environ, "LEDGER_URL": url, "PYTHONPATH": str(ROOT)}
    checked = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "No new upgrade operations detected" in checked.stdout + checked.stderr


def test_a_database_with_tables_of_these_names_is_refused(url):
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE slices (x INTEGER)"))
    engine.dispose()

    with pytest.raises(NotALedgerError, match="tables of another program called slices"):
        Ledger.open(url)
