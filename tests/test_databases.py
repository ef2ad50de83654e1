"""Series in databases: names that look like SQL, times with offsets, a server that was away."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, insert, inspect
from sqlalchemy import column as column_of
from sqlalchemy import table as table_of

from runner.errors import MissingColumnError, NoDataError, SourceError
from runner.sources import Reader, SourceSettings
from runner.timeaxis import TimeError
from tests import postgres
from tests.reading import NAMED, TIMES, csv, load, load_file, row

NASTY = [
    'a"b',
    "a'b",
    "a`b",
    "[a]",
    'a"; DROP TABLE victim; --',
    "a'); DROP TABLE victim; --",
    "a /* b */",
    "a -- b",
    "a#b (%s) {x} :y ?",
    "%(a)s",
    "%",
    "%%",
    ":a",
    "a.b",
    ".",
    " a ",
    "a;b\tc\nd",
    "select",
    "rowid",
    "größe 温度",
    "\\",
    "Mixed Case",
    "1",
    "",
]
names = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@given(table=names, time=names, value=names)
@example(table='a"; DROP TABLE victim; --', time="%(a)s", value=":a (?)")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_table_is_called_it_is_read_and_nothing_else(tmp_path, table, time, value):
    # SQLite keeps names that begin with sqlite_ to itself, and takes a and A for one column.
    if table.lower().startswith("sqlite_") or time.lower() == value.lower():
        return
    path = tmp_path / f"{next(COUNT)}.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(f"CREATE TABLE {quoted(table)} ({quoted(time)} TEXT, {quoted(value)} REAL)")
        raw.executemany(f"INSERT INTO {quoted(table)} VALUES (?, ?)", zip(TIMES, range(7), strict=True))

    found = load(
        row(database=path.stem, table=table, column=value, base=str(tmp_path), extra={"time_column": time})
    )

    assert (list(found.train), list(found.test), found.train.name) == ([0, 1, 2], [3, 4], value)


COUNT = itertools.count()


@given(name=names)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_name_that_is_no_table_reads_nothing(tmp_path, name):
    path = tmp_path / "victim.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("CREATE TABLE IF NOT EXISTS victim (timestamp TEXT, v REAL)")

    with pytest.raises(MissingColumnError, match="has no table .* it has victim$"):
        load(row(database="victim", table=f"no {name}", column="v", base=str(tmp_path)))


@pytest.fixture(scope="module")
def nasty_tables(postgres_url):
    """A table and a column of every nasty name in PostgreSQL, and one more that must survive."""
    engine = create_engine(postgres_url)
    with engine.begin() as conn:
        conn.exec_driver_sql("CREATE TABLE victim (ts timestamp)")
        conn.exec_driver_sql('CREATE SCHEMA "s.1 \';--"')
        for name in filter(None, NASTY):
            for schema in ("public", "s.1 ';--"):
                where = f"{quoted(schema)}.{quoted(name)}".replace("%", "%%")
                columns = f"{quoted(name)} timestamp, {quoted(name + ' v')} int".replace("%", "%%")
                conn.exec_driver_sql(f"CREATE TABLE {where} ({columns})")
                there = table_of(name, column_of(name), column_of(name + " v"), schema=schema)
                rows = [{name: time, name + " v": place} for place, time in enumerate(TIMES)]
                conn.execute(insert(there), rows)
    yield postgres_url
    assert inspect(engine).has_table("victim")
    engine.dispose()


@pytest.mark.parametrize("schema", ["", "public.", "s.1 ';--."])
@pytest.mark.parametrize("name", list(filter(None, NASTY)))
def test_whatever_a_table_is_called_it_is_read_from_postgresql(nasty_tables, schema, name):
    where = row(database="x", table=f"{schema}{name}", column=f"{name} v", extra={"time_column": name})

    found = load(where, databases={"x": nasty_tables})

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


BERLIN = pd.date_range("2026-03-28 12:00", "2026-03-30 12:00", freq="h", tz=ZoneInfo("Europe/Berlin"))
"""Two days of hours; the clock goes from 02:00+01:00 to 03:00+02:00 on the 29th, at 01:00 UTC."""

RANGES = {
    "without offsets": ("2026-03-28 20:00", "2026-03-29 00:59:59", "2026-03-29 01:00", "2026-03-29 03:00"),
    "UTC": ("2026-03-28T20:00Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00Z", "2026-03-29T03:00Z"),
    "Berlin": (
        "2026-03-28T21:00+01:00",
        "2026-03-29T01:59:59+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T05:00+02:00",
    ),
    "Auckland": (
        "2026-03-29 09:00+13:00",
        "2026-03-29 13:59:59+13:00",
        "2026-03-29 14:00+13:00",
        "2026-03-29 16:00+13:00",
    ),
}


def read_file(folder, times, ranges):
    return load_file(folder, csv(times), ranges=ranges)


def read_sqlite(folder, times, ranges):
    with closing(sqlite3.connect(folder / "db.db", isolation_level=None)) as raw:
        raw.execute("CREATE TABLE t (timestamp, v REAL)")
        raw.executemany("INSERT INTO t VALUES (?, ?)", zip(times, range(len(times)), strict=True))
    return load(row(ranges, database="db", table="t", base=str(folder)))


READ = {"file": read_file, "SQLite": read_sqlite}


@pytest.mark.parametrize("ranges", RANGES.values(), ids=list(RANGES))
@pytest.mark.parametrize(
    "written",
    [
        [time.isoformat() for time in BERLIN],
        [time.isoformat(" ") for time in BERLIN.tz_convert("UTC")],
        [time.isoformat() for time in BERLIN.tz_convert("UTC").tz_localize(None)],
        [time.isoformat(" ") for time in BERLIN.tz_convert("America/New_York")],
        [int(time.timestamp()) for time in BERLIN],
    ],
    ids=["Berlin", "UTC", "none", "New York", "epoch"],
)
@pytest.mark.parametrize("source", ["file", "SQLite"])
def test_data_and_ranges_meet_in_utc(tmp_path, ranges, written, source):
    found = READ[source](tmp_path, written, ranges)

    assert (list(found.train), list(found.test)) == ([9, 10, 11, 12, 13], [14, 15, 16])
    assert list(found.test.index) == list(pd.date_range("2026-03-29 01:00", periods=3, freq="h"))


@pytest.mark.parametrize("ranges", RANGES.values(), ids=list(RANGES))
@pytest.mark.parametrize("session", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("kind", ["timestamptz", "timestamp"])
def test_data_and_ranges_meet_in_utc_whatever_the_session_of_postgresql_shows(
    postgres_url, ranges, session, kind
):
    engine = create_engine(postgres_url)
    shown = BERLIN if kind == "timestamptz" else BERLIN.tz_convert("UTC").tz_localize(None)
    with engine.begin() as conn:
        conn.exec_driver_sql(f"DROP TABLE IF EXISTS zones; CREATE TABLE zones (ts {kind}, v int)")
        rows = [(time.to_pydatetime(), place) for place, time in enumerate(shown)]
        conn.exec_driver_sql("INSERT INTO zones VALUES (%s, %s)", rows)
    engine.dispose()
    url = f"{postgres_url}&options=-c%20timezone%3D{session}"

    found = load(row(ranges, database="x", table="zones"), databases={"x": url})

    assert (list(found.train), list(found.test)) == ([9, 10, 11, 12, 13], [14, 15, 16])


@pytest.mark.parametrize("days", [(28, 29, 13, 24), (29, 30, 24, 11)])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("source", ["file", "SQLite"])
def test_a_date_is_a_day_of_utc_where_the_data_has_offsets(tmp_path, days, zone, source):
    first, second, train, test = days
    written = [time.isoformat() for time in BERLIN.tz_convert(zone)]
    ranges = (f"2026-03-{first}", f"2026-03-{first}", f"2026-03-{second}", f"2026-03-{second}")

    found = READ[source](tmp_path, written, ranges)

    assert (len(found.train), len(found.test)) == (train, test)


def test_the_hour_that_comes_twice_without_offsets_stays_in_its_order(tmp_path):
    berlin = pd.date_range("2026-10-25 00:00", periods=6, freq="h", tz=ZoneInfo("Europe/Berlin"))
    written = [str(time) for time in berlin.tz_localize(None)]

    found = load_file(
        tmp_path,
        csv(written),
        ranges=("2026-10-25 00:00", "2026-10-25 02:00", "2026-10-25 03:00", "2026-10-25 04:00"),
    )

    assert (list(found.train), list(found.test)) == ([0, 1, 2, 3], [4, 5])


def test_a_server_that_went_away_is_read_again_when_it_is_back():
    binaries = postgres.binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed")
    first, second, third = (row(database="x", table="t", column=name) for name in "vwz")
    with (
        postgres.server(binaries) as server,
        closing(Reader(SourceSettings(databases={"x": server.url}))) as reader,
    ):
        engine = create_engine(server.url)
        pd.DataFrame({"ts": pd.to_datetime(TIMES), **dict.fromkeys("vwz", range(7))}).to_sql(
            "t", engine, index=False
        )
        with engine.connect() as conn:
            conn.exec_driver_sql("CHECKPOINT")  # the test server does not write at each COMMIT
        engine.dispose()
        assert list(reader.load(first).test) == [3, 4]

        server.stop()
        with pytest.raises(SourceError, match="^database x: .*No such file or directory"):
            reader.load(second)
        server.start()
        assert list(reader.load(second).test) == [3, 4]

        server.stop()
        server.start()
        assert list(reader.load(third).test) == [3, 4]


def test_a_table_that_was_empty_is_read_when_it_is_filled(tmp_path):
    with (
        closing(sqlite3.connect(tmp_path / "db.db", isolation_level=None)) as raw,
        closing(Reader(SourceSettings())) as reader,
    ):
        raw.execute("CREATE TABLE t (timestamp INTEGER, v REAL)")
        where = row(NAMED, database="db", table="t", base=str(tmp_path))
        with pytest.raises(NoDataError, match="is empty"):
            reader.load(where)
        raw.executemany("INSERT INTO t VALUES (?, 1)", [(1767225600 + 86400 * n,) for n in range(7)])

        assert len(reader.load(where).test) == 2


@pytest.mark.parametrize(
    ("held", "error", "told"),
    [
        (b"\x00\x01", TimeError, ": the time column 'timestamp' holds .*, which is no ISO time"),
        ("soon", TimeError, ": the time column 'timestamp' holds 'soon', which is no ISO time"),
        (0.5, NoDataError, " has no rows .*; its time column 'timestamp' holds values such as '0.5'$"),
        ("1999-01-01", NoDataError, " has no rows .*; .* such as '1999-01-01'$"),
    ],
)
def test_a_time_column_without_the_times_of_the_slice_is_told(tmp_path, held, error, told):
    with closing(sqlite3.connect(tmp_path / "db.db", isolation_level=None)) as raw:
        raw.execute("CREATE TABLE t (timestamp, v REAL)")
        raw.execute("INSERT INTO t VALUES (?, 1)", (held,))

    with pytest.raises(error, match=f"^table 't' of database 'db'{told}"):
        load(row(database="db", table="t", base=str(tmp_path)))


def test_a_connection_lost_while_a_table_is_looked_up_is_no_missing_table(postgres_url):
    killer = create_engine(postgres_url)

    def cut_off(conn, cursor, statement, *_):
        if "pg_catalog.pg_attribute" in statement and conn.engine is not killer:
            with killer.begin() as other:
                other.exec_driver_sql(
                    "SELECT pg_terminate_backend(%s)", (cursor.connection.info.backend_pid,)
                )

    event.listen(Engine, "before_cursor_execute", cut_off)
    try:
        with pytest.raises(SourceError, match="^database x: .*terminat"):
            load(row(database="x", table="t"), databases={"x": postgres_url})
    finally:
        event.remove(Engine, "before_cursor_execute", cut_off)
        killer.dispose()
