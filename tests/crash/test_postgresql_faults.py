"""A PostgreSQL server that drops connections, restarts or refuses in the middle of a run."""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import runner
from ledger.database import writing
from ledger.records import Facts, Success
from ledger.store import Ledger
from tests import postgres
from tests.crash.watching import answers, ledger_of, wait_for
from tests.door import door
from tests.invariants import broken, successes

POSTGRESQL = pytest.mark.parametrize("place", ["postgresql"], indirect=True)

TERMINATE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = 'slice-ledger' AND datname = current_database()"
)

TRAINS = """
from pathlib import Path

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data, folder):
    with open(row.log, "a") as log:
        log.write(row.id + "\\n")
    (folder / "model.bin").write_bytes(row.id.encode() * 100)
    return {"m": 1.0}
"""


def trained(folder: Path) -> list[str]:
    """The slices that were trained, as often as they were."""
    return sorted((folder / "log.txt").read_text().split(), key=int)


@POSTGRESQL
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_connection_dropped_around_a_commit_costs_nothing(fleet, short_folder, monkeypatch, moment, nth):
    folder = fleet(4, worker=TRAINS)
    monkeypatch.chdir(folder)

    with door(ledger_of(folder), short_folder, moment, nth, lambda: trained(folder) != []) as (url, closed):
        summary = runner.run(url, worker="worker.py", workers=0, quiet=True)

    assert closed.slammed
    assert (summary.exit_code, summary.succeeded) == (0, 4)
    assert trained(folder) == ["0", "1", "2", "3"]
    assert broken(ledger_of(folder), imported=4) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(4)}
    assert (
        answers(
            folder,
            "SELECT slice_id, count(*) FROM metrics JOIN attempts ON id = attempt_id GROUP BY 1 HAVING count(*) > 1",
        )
        == []
    )
    assert answers(folder, "SELECT max(tries), max(crashes) FROM slices") == [(0, 0)]


@POSTGRESQL
def test_a_run_whose_backends_are_terminated_again_and_again_loses_nothing(fleet, start):
    folder = fleet(150)
    process = start(folder, "--workers", "2")
    admin = create_engine(ledger_of(folder), isolation_level="AUTOCOMMIT")

    for begun in range(5, 150, 15):
        wait_for(folder, process, begun)
        with admin.connect() as conn:
            conn.execute(TERMINATE)
    out, err = process.communicate()
    admin.dispose()

    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert trained(folder) == [str(number) for number in range(150)]
    assert broken(ledger_of(folder), imported=150) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(150)}


@pytest.fixture
def server():
    """A server of its own, for a test that stops it."""
    with postgres.server(postgres.required()) as running:
        yield running


@pytest.fixture
def restarted(server, fleet_at):
    """A fleet whose ledger is on that server."""
    with closing(postgres.Databases(server.url)) as databases:
        url = databases.empty("fleet")
    return fleet_at(url)


def test_a_run_outlives_a_server_that_crashes_and_comes_back(server, restarted, start):
    folder = restarted(120, seconds=0.02)
    process = start(folder, "--workers", "2")

    for begun in (10, 40, 80):
        wait_for(folder, process, begun)
        server.stop()
        server.start()
    out, err = process.communicate()

    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert broken(ledger_of(folder), imported=120) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(120)}
    assert trained(folder) == [str(number) for number in range(120)]


REFUSES = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('refusals') IN (2, 3, 5, 8) THEN
        RAISE EXCEPTION 'given up in favour of another one' USING ERRCODE = '{state}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@POSTGRESQL
@pytest.mark.parametrize("table", ["slices", "attempts", "metrics"])
@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transaction_that_the_server_gives_up_is_tried_again(fleet, monkeypatch, state, table):
    folder = fleet(8, worker=TRAINS)
    monkeypatch.chdir(folder)
    with Ledger.open(ledger_of(folder)) as ledger, writing(ledger.engine) as conn:
        conn.exec_driver_sql(REFUSES.format(state=state, table=table))

    summary = runner.run(ledger_of(folder), worker="worker.py", workers=0, quiet=True)

    assert (summary.exit_code, summary.succeeded) == (0, 8)
    assert trained(folder) == [str(number) for number in range(8)]
    assert broken(ledger_of(folder), imported=8) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(8)}
    assert answers(folder, "SELECT last_value > 8 FROM refusals") == [(True,)]


@POSTGRESQL
def test_an_old_snapshot_that_stays_open_makes_claims_neither_wrong_nor_slow(fleet):
    place = ledger_of(fleet(2_000))
    other = create_engine(place)  # with none of our time limits
    with Ledger.open(place, create=False) as ledger:
        me = ledger.register_runner({})
        seconds = []
        with other.connect().execution_options(isolation_level="REPEATABLE READ") as old:
            pending = text("SELECT count(*) FROM slices WHERE status = 'pending'")
            before = old.execute(pending).scalar_one()

            for _ in range(2_000):
                began = time.perf_counter()
                with ledger.recording() as record:
                    record.complete(record.claim(me), Success({"m": 1.0}), Facts())
                seconds.append(time.perf_counter() - began)
            after = old.execute(pending).scalar_one()
    other.dispose()

    assert (before, after) == (2_000, 2_000)
    assert successes(place) == {str(number): 1 for number in range(2_000)}
    assert statistics.median(seconds[-200:]) < 10 * statistics.median(seconds[:200])


@POSTGRESQL
def test_a_run_whose_claims_are_slow_says_once_what_to_look_for(fleet, monkeypatch, capsys):
    folder = fleet(60, seconds=0)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("runner.claimtimes.SLOW_SECONDS", 0.0)  # every claim is
    monkeypatch.setattr("runner.claimtimes.LAST", 20)

    summary = runner.run(ledger_of(folder), worker="worker.py", workers=1)

    assert (summary.exit_code, summary.succeeded) == (0, 60)
    assert capsys.readouterr().err.count("Warning: a claim takes") == 1
    (told,) = [line for line in summary.lines() if line.startswith("Warning: ")]
    assert "a transaction that stays open" in told
