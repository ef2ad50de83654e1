"""Split files made from what is there: names, what is left out, and what is said about it."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from ledger.catalog.found import Wanted
from ledger.errors import AccessError, LedgerError, RangeError
from ledger.formats import FILES, PARQUET
from ledger.schema import metadata
from ledger.splitting import write_split
from ledger.store import Ledger

DAYS = [f"2026-01-{day:02d}" for day in range(1, 31)]
WANTED = Wanted(train="10d", test="5d")
ROWS = Wanted(train="10", test="5")
MEMORY = Wanted(train="10d", test="5d", tables=("memory_load",))
SERIES = "generate_series(0, 29) n"


@pytest.fixture(autouse=True)
def at_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def database(tmp_path):
    """Make a SQLite file of one table `metrics` with one column `cpu`."""

    def make(name: str, table: str = "metrics", column: str = "cpu", times=DAYS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as raw:
            frame = pd.DataFrame({"timestamp": times, column: range(len(times))})
            frame.to_sql(table, raw, index=False)
        return path

    return make


@pytest.fixture
def file(tmp_path):
    """Make a text file of a time and a value."""

    def make(name: str, sep: str = ",", times=DAYS, header=("timestamp", "v")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(zip(times, range(len(times)), strict=True), columns=header).to_csv(
            path, sep=sep, index=False
        )
        return path

    return make


@pytest.fixture
def split(tmp_path):
    """Write split.csv anew; what stands in it and what is said."""

    def write(*sources: str, wanted: Wanted = WANTED):
        report = write_split(sources, wanted, tmp_path / "split.csv", overwrite=True)
        with (tmp_path / "split.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream)), "\n".join(report.lines())

    return write


@pytest.mark.parametrize("sources", [["."], ["my_databases", "shop.db"], ["shop.db", "my_databases", "."]])
def test_ids_are_unique_however_databases_are_called(split, database, sources):
    database("my_databases/shop.db")
    database("shop.db")

    rows, _ = split(*sources)

    assert sorted(row["database"] for row in rows) == ["my_databases/shop", "shop"]
    assert len({row["id"] for row in rows}) == 2
    with Ledger.open("ledger.db") as ledger:
        assert ledger.import_slices("split.csv").added == 2


def test_ids_are_unique_where_dots_in_names_make_them_alike(split, database):
    database("a.db", table="m", column="x.y")
    database("a.db", table="m.x", column="y")

    rows, _ = split("a.db")

    assert [row["id"] for row in rows] == ["a.m.x.y", "a.m.x.y-2"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_ledger_and_its_models_are_no_data(split, database, file, ledger, make_slice, tmp_path):
    make_slice()
    ledger.register_runner({})
    ledger.checkpoint()
    database("shop.db")
    file("artifacts/12345678/abc/a-1/history.csv")
    file("data/artifacts/a.csv")

    rows, told = split(".", wanted=replace(WANTED, train="1d", test="1d"))

    assert [row["id"] for row in rows] == ["data/artifacts/a.csv.v", "shop.metrics.cpu"]
    assert "1 are ledgers and were left out, such as ledger.db" in told
    assert "1 lie among the models of a ledger and were left out" in told


def test_a_ledger_whose_mark_stands_in_its_log_alone_is_known(split, database, sqlite_ledger, tmp_path):
    database("shop.db")
    with Ledger.open("fresh.db"):  # still open: nothing has gone from the log into the file
        shutil.copy("fresh.db", "copy.db")
        shutil.copy("fresh.db-wal", "copy.db-wal")

    _, told = split(".")

    assert "3 are ledgers" in told


def test_the_tables_of_a_ledger_in_a_database_of_data_are_left_out(postgres_url, split):
    Ledger.open(postgres_url).close()
    engine = create_engine(postgres_url)
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE cpu_load (ts date, v float8)"))
        conn.execute(
            text("INSERT INTO cpu_load SELECT DATE '2026-01-01' + n, n FROM generate_series(0, 29) n")
        )
    engine.dispose()

    rows, told = split(postgres_url)

    assert [row["table"] for row in rows] == ["cpu_load"]
    assert f"{len(metadata.tables) + 1} belong to a ledger" in told  # and the one of its version


def test_hidden_files_and_folders_are_left_alone(split, file, tmp_path):
    file("seen.csv")
    file(".hidden.csv")
    file(".cache/copy.csv")

    rows, _ = split(".")

    assert {row["file"] for row in rows} == {"seen.csv"}


@pytest.mark.parametrize("ending", FILES)
def test_every_kind_of_file_is_found(split, tmp_path, ending):
    frame = pd.DataFrame({"timestamp": DAYS, "v": range(30)})
    (frame.to_parquet if ending in PARQUET else frame.to_csv)(tmp_path / f"x{ending}", index=False)

    rows, _ = split(".")

    assert [(row["file"], row["column"]) for row in rows] == [(f"x{ending}", "v")]


def test_a_file_that_is_named_is_read_whatever_its_ending(split, file):
    file("x.dat")

    assert [row["file"] for row in split("x.dat")[0]] == ["x.dat"]


@pytest.mark.parametrize("sep", [",", ";", "\t", "|", " "])
def test_the_separator_of_a_file_is_found(split, file, sep):
    file("x.txt", sep)

    assert [row["column"] for row in split("x.txt")[0]] == ["v"]


def test_a_file_of_one_column_is_told_with_the_option_that_parts_it(split, file):
    file("x.csv", ":")

    with pytest.raises(LedgerError, match="1 have a single column .--separator names"):
        split("x.csv")


def test_what_was_said_about_reading_stands_in_the_split_file(split, file):
    file("x.csv", ":", header=("v", "moment"), times=range(30))

    rows, _ = split(".", wanted=replace(ROWS, separator=":", time_column="moment"))

    assert [(row["column"], row["separator"], row["time_column"]) for row in rows] == [("v", ":", "moment")]


def test_a_time_column_that_a_table_lacks_leaves_it_out(split, database, file):
    database("shop.db")
    file("x.csv", header=("ts", "v"))

    rows, told = split(".", wanted=replace(WANTED, time_column="ts"))

    assert [row["id"] for row in rows] == ["x.csv.v"]
    assert "have no time or no numeric column and were left out, such as shop.metrics" in told


@pytest.mark.parametrize("wanted", [WANTED, ROWS])
@pytest.mark.parametrize("kind", ["file", "database"])
def test_times_that_are_none_are_named(database, file, wanted, kind):
    german = [f"{day:02d}.01.2026" for day in range(1, 31)]
    name = "x.db" if kind == "database" else "x.csv"
    (database if kind == "database" else file)(name, times=german)

    with pytest.raises(LedgerError, match="holds no times.*'01.01.2026' is neither a number nor a time"):
        write_split([name], wanted, Path("split.csv"))


def test_an_end_that_is_no_time_is_named(split, database):
    database("shop.db")

    with pytest.raises(RangeError, match="'31.01.2026' is neither"):
        split(".", wanted=replace(WANTED, until="31.01.2026"))


def test_an_end_of_another_kind_than_the_times_is_told(split, database):
    database("shop.db")

    with pytest.raises(LedgerError, match="have times where --until is a number"):
        split(".", wanted=replace(WANTED, until="1472918400"))


def test_a_series_that_ends_before_the_test_range_is_left_out(split, database):
    database("long.db")
    database("short.db", times=DAYS[:20])

    rows, told = split(".", wanted=replace(WANTED, until=DAYS[27]))

    assert [row["database"] for row in rows] == ["long"]
    assert "1 end before the test range that --until gives and were left out" in told


def test_a_test_range_shorter_than_a_date_is_told(split, database):
    database("shop.db")

    with pytest.raises(LedgerError, match="have dates or months that are longer than --test"):
        split(".", wanted=replace(WANTED, test="6h"))


def test_what_cannot_be_read_is_told_and_the_rest_is_split(split, database, tmp_path):
    database("shop.db")
    (tmp_path / "Thumbs.db").write_bytes(b"no database at all" * 100)
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")

    rows, told = split(".")

    assert [row["id"] for row in rows] == ["shop.metrics.cpu"]
    assert "1 cannot be read (file is not a database) and were left out, such as Thumbs.db" in told
    assert "such as broken.csv.gz" in told


def test_a_series_is_split_once_however_often_its_file_is_given(split, database):
    database("shop.db")

    assert len(split(".", "shop.db", "./shop.db")[0]) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("tests:hush@/postgres?", "tests:${DATABASE_PASSWORD}@/postgres?"),
        ("tests@/postgres?password=hush&", "password=${DATABASE_PASSWORD}"),
        ("${ROLE}:${PW}@/postgres?", "${ROLE}:${PW}@/postgres?"),
    ],
)
def test_the_url_for_runner_toml_names_variables_and_no_password(
    postgres_url, split, monkeypatch, given, told
):
    monkeypatch.setenv("ROLE", "tests")
    monkeypatch.setenv("PW", "hush")
    engine = create_engine(postgres_url)
    with engine.begin() as conn:
        conn.execute(text("DROP TABLE IF EXISTS memory_load"))
        conn.execute(text("CREATE TABLE memory_load AS SELECT DATE '2026-01-01' + n AS ts, n FROM " + SERIES))
    engine.dispose()

    rows, said = split(postgres_url.replace("tests@/postgres?", given), wanted=MEMORY)

    assert len(rows) == 1
    assert told in said
    assert "hush" not in said


def test_what_a_server_says_is_told_without_what_was_filled_in(split, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PLACE", "hush")

    with pytest.raises(AccessError, match="database x cannot be read: .*folder-[*]{3}") as caught:
        split("postgresql://u@/x?host=/tmp/folder-${PLACE}")

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["nosql://u:secret@h/d", "://u:secret@h", "postgresql://u:p@secret@h/d"])
def test_a_url_that_is_none_is_told_without_its_password(split, url):
    with pytest.raises(LedgerError, match="is the URL of no database") as caught:
        split(url)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_there_is_overwritten_only_when_that_is_said(split, database, tmp_path):
    database("shop.db")
    split(".")

    with pytest.raises(LedgerError, match="split.csv is there already; --force"):
        write_split(["."], WANTED, tmp_path / "split.csv")


def test_a_window_longer_than_time_itself_is_told(split, database):
    database("shop.db")

    with pytest.raises(LedgerError, match="1 are shorter than the window"):
        split(".", wanted=replace(WANTED, train="999999d"))


def test_an_end_goes_with_lengths_of_time_alone(split, database):
    database("shop.db")

    with pytest.raises(LedgerError, match="--until goes with lengths of time"):
        split(".", wanted=replace(ROWS, until="2026-01-20"))
