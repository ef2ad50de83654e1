"""Statements that go to the driver at once: what comes back, and what goes wrong."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, event, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from ledger.database import reading, writing
from ledger.prepared import Prepared
from ledger.schema import settings

PUT = Prepared(insert(settings).returning(settings.c.key, settings.c.value), ("key", "value"))
CHANGE = Prepared(update(settings).where(settings.c.key == bindparam("name")), ("value",))


@pytest.fixture
def kept(ledger):
    """The settings of the ledger besides its own."""

    def read() -> dict[str, str]:
        with reading(ledger.engine) as conn:
            found = conn.execute(settings.select().where(settings.c.key.like("my %")))
            return {row.key: row.value for row in found}

    return read


def test_what_is_returned_has_names(ledger, kept):
    with writing(ledger.engine) as conn:
        row = PUT.returned(conn, {"key": "my a", "value": "1"})

    assert (row.key, row.value) == ("my a", "1")
    assert kept() == {"my a": "1"}


def test_it_says_how_many_rows_it_changed(ledger):
    with writing(ledger.engine) as conn:
        PUT.execute_each(conn, [{"key": f"my {n}", "value": "1"} for n in range(3)])

        assert CHANGE.execute(conn, {"name": "my 1", "value": "2"}) == 1
        assert CHANGE.execute(conn, {"name": "not there", "value": "2"}) == 0


@pytest.mark.parametrize("listening", [False, True])
def test_what_goes_wrong_is_an_error_of_sqlalchemy_and_undoes_the_transaction(ledger, kept, listening):
    if listening:
        event.listen(ledger.engine, "handle_error", lambda _: None)

    with pytest.raises(IntegrityError), writing(ledger.engine) as conn:
        PUT.returned(conn, {"key": "my a", "value": "1"})
        PUT.execute_each(conn, [{"key": "my b", "value": "1"}, {"key": "my a", "value": "2"}])

    assert kept() == {}


def test_whoever_listens_to_the_connection_hears_it(ledger):
    heard: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *call: heard.append(call[2]))

    with writing(ledger.engine) as conn:
        PUT.returned(conn, {"key": "my a", "value": "1"})

    assert any(sql.startswith("INSERT INTO settings") for sql in heard)


@pytest.mark.parametrize("place", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_has_ended_is_given_up(ledger, kept):
    with pytest.raises(DBAPIError) as told, ledger.engine.connect() as conn, conn.begin():
        mine = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with writing(ledger.engine) as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({mine})")
        PUT.returned(conn, {"key": "my a", "value": "1"})

    assert told.value.connection_invalidated
    assert kept() == {}


def test_a_connection_that_was_closed_below_is_an_error_of_sqlalchemy_too(ledger):
    with ledger.engine.connect() as conn, pytest.raises(DBAPIError):
        conn.connection.dbapi_connection.close()
        PUT.returned(conn, {"key": "my a", "value": "1"})
