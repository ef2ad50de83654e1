"""Reading: files and databases of every kind that is met in the field."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, create_engine, event, text

from ledger.splitfile import Findings, read_batches
from ledger.splitrow import RANGES
from runner import sources
from runner.cut import cut
from runner.errors import (
    MissingColumnError,
    NoDataError,
    NotNumericError,
    ResultError,
    SourceError,
    UnfitDataError,
)
from runner.sources import SourceSettings
from runner.timeaxis import TimeError
from tests.reading import NAMED, TIMES, csv, load_file, row

OPENED: list[sources.Reader] = []


def Reader(settings: SourceSettings) -> sources.Reader:  # noqa: N802
    """A reader that is closed when the test ends."""
    OPENED.append(sources.Reader(settings))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def close_readers():
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def read_file(tmp_path):
    return partial(load_file, tmp_path)


@pytest.fixture
def read_table(tmp_path):
    """Put a table into `db.db` beside the split file and read a slice of it."""

    def read(times, values, ranges=NAMED, kind="TEXT", table="t", column="v", time="timestamp"):
        with closing(sqlite3.connect(tmp_path / "db.db", isolation_level=None)) as raw:
            raw.execute(f'CREATE TABLE "{table}" ("{time}" {kind}, "{column}" REAL)')
            raw.executemany(f'INSERT INTO "{table}" VALUES (?, ?)', zip(times, values, strict=True))
        where = row(ranges, database="db", table=table, column=column, base=str(tmp_path))
        return Reader(SourceSettings()).load(where)

    return read


def test_both_ends_of_a_range_belong_to_it_and_a_date_takes_its_whole_day(read_file):
    found = read_file(csv([*TIMES, "2026-01-03 23:59:59"]))

    assert list(found.train) == [0, 1, 2, 7]
    assert list(found.test) == [3, 4]
    assert found.train.index[0] == pd.Timestamp("2026-01-01")
    assert found.train.name == "value"


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_the_separator_is_found(read_file, sep):
    assert list(read_file(csv(TIMES, sep)).test) == [3, 4]


def test_a_separator_that_is_named_wins(read_file):
    assert list(read_file(csv(TIMES, ":").replace(" 00:00:00", ""), separator=":").test) == [3, 4]


def test_packed_files_and_names_with_spaces_work(read_file):
    assert list(read_file(gzip.compress(csv(TIMES).encode()), "a file (1)#.csv.gz").test) == [3, 4]


def test_parquet_is_read_by_columns(tmp_path):
    frame = pd.DataFrame({"ds": pd.to_datetime(TIMES), "a": range(7), "b": range(7, 14)})
    frame.to_parquet(tmp_path / "x.parquet")

    found = Reader(SourceSettings()).load(row(file="x.parquet", column="b", base=str(tmp_path)))

    assert list(found.test) == [10, 11]


def test_a_url_is_read_like_a_path():
    import fsspec

    with fsspec.open("memory://folder/series.csv", "w") as stream:
        stream.write(csv(TIMES))

    assert list(Reader(SourceSettings()).load(row(file="memory://folder/series.csv")).test) == [3, 4]


@pytest.mark.parametrize(
    ("times", "ranges"),
    [
        ([1472918400 + 300 * n for n in range(7)], ("1472918400", "1472919000", "1472919300", "1472919600")),
        ([1472918400 + 300 * n for n in range(7)], ("2016-09-03 16:00", "2016-09-03 16:10", "2016-09-03 16:15", "2016-09-03 16:20")),
        ([1472918400000 + 300_000 * n for n in range(7)], ("1472918400000", "1472919000000", "1472919300000", "1472919600000")),
        (["1992-01", "1992-02", "1992-03", "1992-04", "1992-05", "1992-06"], ("1992-01", "1992-03", "1992-04", "1992-05")),
        ([1800, 1801, 1802, 1803, 1804], ("1800", "1802", "1803", "1804")),
        (["1600-01-15", "1604-01-15", "1700-01-15", "2050-01-15", "2100-01-15"], ("1600-01-15", "1700-01-15", "2050-01-15", "2100-01-15")),
        ([f"2026-01-0{n}T00:00:00Z" for n in range(1, 7)], NAMED),
        ([f"2026-01-0{n}T02:00:00+02:00" for n in range(1, 7)], NAMED),
    ],
    ids=["epoch", "epoch by date", "milliseconds", "months", "years", "far years", "UTC", "offset"],
)  # fmt: skip
@pytest.mark.parametrize("from_table", [False, True], ids=["file", "table"])
def test_times_of_every_kind_are_cut(read_file, read_table, times, ranges, from_table):
    kind = "INTEGER" if isinstance(times[0], int) else "TEXT"
    values = range(len(times))

    found = read_table(times, values, ranges, kind) if from_table else read_file(csv(times), ranges=ranges)

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


def test_a_file_of_values_alone_has_row_numbers(read_file):
    found = read_file("5\n6\n7\n8\n9\n", ranges=("0", "2", "3", "4"))

    assert (list(found.train), list(found.test)) == ([5, 6, 7], [8, 9])


def test_the_time_may_stand_in_any_column_with_a_usual_name(read_file):
    content = "value,DateTime\n" + "".join(f"{n},{time}\n" for n, time in enumerate(TIMES))

    assert list(read_file(content).test) == [3, 4]


def test_the_time_column_may_be_named(read_file):
    content = "a,b\n" + "".join(f"{n},{time}\n" for n, time in enumerate(TIMES))

    assert list(read_file(content, time_column="b").test) == [3, 4]


def test_several_value_columns_make_a_frame(read_file):
    content = "time,a,b\n" + "".join(f"{time},{n},{n * 2}\n" for n, time in enumerate(TIMES))

    assert list(read_file(content).test.columns) == ["a", "b"]
    assert list(read_file(content, column="b").test) == [6, 8]


def test_rows_out_of_order_are_sorted_and_equal_times_stay_in_order(read_file):
    content = "t,v\n2026-01-03,3\n2026-01-01,1\n2026-01-01,2\n2026-01-05,5\n2026-01-04,4\n"

    found = read_file(content)

    assert (list(found.train), list(found.test)) == ([1, 2, 3], [4, 5])


def test_missing_and_infinite_values_are_nan(read_file):
    content = "t,v\n2026-01-01,\n2026-01-02,inf\n2026-01-03,3\n2026-01-04,null\n2026-01-05,5\n"

    found = read_file(content)

    assert np.array_equal(found.train.to_numpy(), [np.nan, np.nan, 3.0], equal_nan=True)


@pytest.mark.parametrize(
    ("content", "error", "told"),
    [
        ("", NoDataError, "is empty"),
        ("timestamp,value\n2020-01-01,1\n", NoDataError, "selects no rows; the source has 2020-01-01"),
        ("t,v\n2026-01-01,\n2026-01-04,1\n", NoDataError, "train range .* selects only missing values"),
        ("t,v\n2026-01-01,high\n2026-01-04,1\n", NotNumericError, "column 'v' holds 'high'"),
        ("t,v\nsoon,1\nlater,2\n", TimeError, "holds 'soon', which is no ISO time"),
        (
            "t,v\n1,1\n2,2\n",
            TimeError,
            "series.csv: the ranges are times, but the time column 't' holds numbers .* \\(1 to 2\\); write",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_told(read_file, content, error, told):
    with pytest.raises(error, match=told):
        read_file(content)


def test_numbers_cannot_cut_times(read_file):
    told = "series.csv: the ranges are numbers, but the time column 'timestamp' holds times .2026-01-01 .* to 2026-01-07 .*write"
    with pytest.raises(TimeError, match=told):
        read_file(csv(TIMES), ranges=("0", "2", "3", "4"))


def test_a_missing_column_is_told_with_its_neighbours(read_file):
    with pytest.raises(MissingColumnError, match="has no column 'valu'; it has 'value'"):
        read_file(csv(TIMES), column="valu")


def test_a_missing_file_may_come_later(tmp_path):
    with pytest.raises(SourceError, match="there is no file .*none.csv"):
        Reader(SourceSettings()).load(row(file="none.csv", base=str(tmp_path)))


def test_names_with_spaces_quotes_and_parentheses_are_quoted(read_table):
    found = read_table(TIMES, range(7), table="my (table) #1; --", column="cpu (%); DROP TABLE t --")

    assert list(found.test) == [3, 4]


def test_a_range_is_served_by_the_index(tmp_path, read_table):
    times = [str(time) for time in pd.date_range("2020-01-01", periods=5_000, freq="h")]
    read_table(times, range(5_000), ("2020-02-01", "2020-02-02", "2020-02-03", "2020-02-03"))
    with closing(sqlite3.connect(tmp_path / "db.db", isolation_level=None)) as raw:
        raw.execute("CREATE INDEX by_time ON t (timestamp)")
        asked = []

        def watch(*call):
            asked.append((call[2], call[3]))

        reader = Reader(SourceSettings())
        where = row(
            ("2020-02-01", "2020-02-02", "2020-02-03", "2020-02-03"),
            database="db",
            table="t",
            column="v",
            base=str(tmp_path),
        )
        event.listen(Engine, "before_cursor_execute", watch)
        found = reader.load(where)
        event.remove(Engine, "before_cursor_execute", watch)
        sql, values = next(call for call in asked if ">=" in call[0])
        plan = str(raw.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall())

    assert (len(found.train), len(found.test)) == (48, 24)
    assert "USING INDEX by_time (timestamp>? AND timestamp<?)" in plan


def test_reading_makes_no_database_where_there_is_none(tmp_path):
    with pytest.raises(SourceError, match="runner.toml names no URL for it"):
        Reader(SourceSettings()).load(row(database="none", table="t", base=str(tmp_path)))

    assert list(tmp_path.iterdir()) == []


def test_a_missing_table_is_told_with_those_there_are(tmp_path, read_table):
    read_table(TIMES, range(7))

    with pytest.raises(MissingColumnError, match="has no table 'nope'; it has t"):
        Reader(SourceSettings()).load(row(database="db", table="nope", base=str(tmp_path)))


def test_an_empty_table_is_told(read_table):
    with pytest.raises(NoDataError, match="table 't' of database 'db' is empty"):
        read_table([], [])


def test_a_name_is_found_in_the_settings_or_by_the_template(tmp_path, read_table, monkeypatch):
    read_table(TIMES, range(7))
    monkeypatch.setenv("FOLDER_OF_DATA", str(tmp_path))
    named = SourceSettings(databases={"metrics": f"sqlite:///{tmp_path}/db.db"})
    template = SourceSettings(databases={"*": f"sqlite:///{tmp_path}/{{database}}.db"})

    for settings, name in ((named, "metrics"), (template, "db")):
        assert len(Reader(settings).load(row(database=name, table="t")).test) == 2


def test_a_variable_that_is_not_set_is_told_and_a_secret_never(monkeypatch):
    reader = Reader(SourceSettings(databases={"x": "postgresql://u:${NO_SUCH_SECRET}@localhost:1/x"}))

    with pytest.raises(SourceError, match="database x: the environment variable NO_SUCH_SECRET, named in"):
        reader.load(row(database="x", table="t"))
    monkeypatch.setenv("NO_SUCH_SECRET", "hush-hush")
    with pytest.raises(SourceError) as caught:
        reader.load(row(database="x", table="t"))
    assert "hush-hush" not in str(caught.value)
    assert "hush" not in repr(SourceSettings(databases={"x": "hush-hush"}))


def test_only_the_last_databases_stay_open(tmp_path):
    from runner.databases import OPEN

    for number in range(OPEN + 3):
        with closing(sqlite3.connect(tmp_path / f"db{number}.db", isolation_level=None)) as raw:
            raw.execute("CREATE TABLE t (timestamp TEXT, v REAL)")
            raw.executemany("INSERT INTO t VALUES (?, ?)", [(time, 1.0) for time in TIMES])
    reader = Reader(SourceSettings())

    for number in range(OPEN + 3):
        reader.load(row(database=f"db{number}", table="t", base=str(tmp_path)))

    assert len(reader._databases._open) == OPEN


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date", "bigint", "text"])
def test_postgresql_is_read_whatever_the_times_are(postgres_url, kind):
    times = [1767225600 + 86400 * n for n in range(7)] if kind == "bigint" else TIMES
    engine = create_engine(postgres_url)
    with engine.begin() as conn:
        conn.execute(text('CREATE SCHEMA IF NOT EXISTS "My Schema"'))
        conn.execute(text(f'CREATE TABLE "My Schema"."t {kind}" (ts {kind}, "v (%)" numeric)'))
        for place, time in enumerate(times):
            conn.execute(
                text(f'INSERT INTO "My Schema"."t {kind}" VALUES (CAST(:t AS {kind}), :v)'),
                {"t": time, "v": place},
            )
    engine.dispose()
    reader = Reader(SourceSettings(databases={"*": postgres_url.replace("/postgres?", "/{database}?")}))

    found = reader.load(row(database="postgres", table=f"My Schema.t {kind}", column="v (%)"))

    assert (list(found.train), list(found.test)) == ([0, 1, 2], [3, 4])


def test_what_get_data_returns_is_cut(tmp_path):
    series = pd.Series(range(7), index=pd.to_datetime(TIMES))
    frame = pd.DataFrame({"time": TIMES, "v": range(7)})

    assert list(cut(series, row()).test) == [3, 4]
    assert list(cut(frame, row()).test) == [3, 4]
    assert list(cut((series[:2], series[2:]), row()).train) == [0, 1]
    assert list(cut(([1.0, 2.0], [3.0]), row()).test) == [3.0]


@pytest.mark.parametrize(
    ("data", "error"), [(None, ResultError), ("text", ResultError), (([], []), UnfitDataError)]
)
def test_what_get_data_may_not_return_is_told(data, error):
    with pytest.raises(error):
        cut(data, row())


@pytest.mark.parametrize("name", ["nab", "kpi", "tcpd", "digits", "planetlab"])
def test_every_real_file_is_read(shared_data, name):
    split = shared_data / name / "split_files.csv"
    reader = Reader(SourceSettings())

    sizes = []
    (batch, *_) = read_batches(split, Findings("x"))
    wanted = zip(*map(batch.column, ("file", *RANGES)), strict=True)
    for file, *ranges in list(wanted)[:60]:
        found = reader.load(row(ranges, file=file, base=str(split.parent)))
        sizes.append(min(len(found.train), len(found.test)))

    assert min(sizes) >= 6
