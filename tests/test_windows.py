"""What is read once for several slices, and how long it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ledger.ranges import interval
from runner import fetching, files, parsing
from runner.sources import Reader, SourceSettings
from runner.timeaxis import PARTS, row_numbers, time_axis
from runner.windows import MAX_AGE, Window, Windows
from tests.reading import TIMES, row


@pytest.fixture
def reader(tmp_path):
    """Reads the database `web`, beside a CSV file of the same columns."""
    frame = pd.DataFrame(
        {"timestamp": TIMES, "cpu": range(7), "memory": range(10, 17), "note": list("abcdefg")}
    )
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        frame.to_sql("metrics", raw, index=False)
    frame.to_csv(tmp_path / "web.csv", index=False)
    with closing(Reader(SourceSettings())) as reader:
        yield reader


@pytest.fixture
def read():
    """The SELECTs on the table so far."""
    seen = []

    def note(conn, cursor, statement, *rest):
        if 'FROM "metrics"' in statement and "LIMIT" not in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def metric(tmp_path, column, **columns):
    return row(database="web", table="metrics", base=str(tmp_path), column=column, **columns)


def test_a_table_is_read_once_for_the_slices_of_its_columns(reader, read, tmp_path):
    cpu = reader.load(metric(tmp_path, "cpu"), together=["memory", "gone", "timestamp"])
    memory = reader.load(metric(tmp_path, "memory"))

    assert len(read) == 1
    assert (list(cpu.train), list(cpu.test)) == ([0, 1, 2], [3, 4])
    assert (list(memory.train), list(memory.test)) == ([10, 11, 12], [13, 14])
    assert (cpu.train.name, memory.test.name) == ("cpu", "memory")
    assert memory.train.index.equals(pd.DatetimeIndex(TIMES[:3]))


def test_a_label_column_comes_with_the_values_in_one_reading(read, reader, tmp_path):
    with closing(Reader(SourceSettings(label_column="memory"))) as labelled:
        found = [labelled.load(metric(tmp_path, "cpu")) for _ in range(2)]

    assert len(read) == 1
    assert [list(data.labels) for data in found] == [[True, True]] * 2


def test_what_was_read_together_gives_what_is_read_alone(tmp_path, reader):
    reader.load(metric(tmp_path, "cpu"), together=["memory"])
    shared = reader.load(metric(tmp_path, "memory"))
    with closing(Reader(SourceSettings())) as fresh:
        alone = fresh.load(metric(tmp_path, "memory"))

    pd.testing.assert_series_equal(shared.train, alone.train)
    pd.testing.assert_series_equal(shared.test, alone.test)


def test_a_column_that_was_not_read_with_the_others_is_read_by_itself(reader, read, tmp_path):
    reader.load(metric(tmp_path, "cpu"))
    assert list(reader.load(metric(tmp_path, "memory")).test) == [13, 14]

    assert len(read) == 2


def test_slices_of_other_ranges_are_read_by_themselves(reader, read, tmp_path):
    later = ("2026-01-02", "2026-01-04", "2026-01-05", "2026-01-07")
    reader.load(metric(tmp_path, "cpu"), together=["memory"])

    assert list(reader.load(metric(tmp_path, "memory", ranges=later)).test) == [14, 15, 16]
    assert len(read) == 2


def test_text_in_one_column_spoils_only_the_slice_of_that_column(reader, tmp_path):
    cpu = reader.load(metric(tmp_path, "cpu"), together=["note"])

    assert list(cpu.test) == [3, 4]
    with pytest.raises(Exception, match="column 'note' holds 'a', which is no number"):
        reader.load(metric(tmp_path, "note"))


def test_a_file_is_parsed_once_for_the_slices_of_its_columns(reader, tmp_path):
    wanted = {"file": "web.csv", "base": str(tmp_path)}
    first = reader.load(row(column="cpu", **wanted), together=["memory"])
    (tmp_path / "web.csv").unlink()

    assert list(first.test) == [3, 4]
    assert list(reader.load(row(column="memory", **wanted)).test) == [13, 14]


def test_a_user_who_changes_the_data_changes_it_for_one_slice_alone(reader, tmp_path):
    changed = reader.load(metric(tmp_path, "cpu"), together=["memory"])
    changed.train.iloc[:] = -1.0
    changed.train.index.name = "mine"

    again = reader.load(metric(tmp_path, "cpu"))
    assert list(again.train) == [0, 1, 2]
    assert again.train.index.name == "timestamp"


@pytest.mark.parametrize("days", [1, 700])
def test_slices_that_cut_one_file_each_elsewhere_leave_bounded_memory(days):
    axis = time_axis(pd.Series(pd.date_range("2020-01-01", periods=1_000)), "a test")

    for start in pd.date_range("2020-01-01", periods=300).strftime("%Y-%m-%d"):
        end = (pd.Timestamp(start) + pd.Timedelta(days=days - 1)).strftime("%Y-%m-%d")
        _, index = axis.part(interval(start, end))
        assert (len(index), str(index[0].date())) == (days, start)

    kept = [index for _, index in axis._parts.values()]
    assert len(kept) <= PARTS
    assert sum(map(len, kept)) <= 2 * 1_000


def test_where_connections_are_limited_a_database_is_left_when_others_may_read_it(reader, tmp_path):
    with closing(Reader(SourceSettings(keep_open=1))) as limited:
        limited.load(metric(tmp_path, "cpu"))
        opened = list(limited._databases._open)
        limited.load(row(file="web.csv", base=str(tmp_path), column="cpu"))

        assert opened == [("web", str(tmp_path))]
        assert list(limited._databases._open) == []


def window(rows: int) -> Window:
    return Window({"v": np.zeros(rows)}, row_numbers(rows, "a test"))


def test_what_was_used_longest_ago_goes_first():
    windows = Windows(budget=3 * window(1_000).bytes)
    for key in "abc":
        windows.keep(key, window(1_000))
    windows.find("a", "v")

    windows.keep("d", window(1_000))

    assert [key for key in "abcd" if windows.find(key, "v")] == ["a", "c", "d"]


def test_what_is_larger_than_the_budget_is_not_kept():
    windows = Windows(budget=1_000)
    windows.keep("small", window(10))

    windows.keep("large", window(1_000))

    assert windows.find("large", "v") is None
    assert windows.find("small", "v") is not None


def test_an_old_window_is_read_again():
    now = [0.0]
    windows = Windows(monotonic=lambda: now[0])
    windows.keep("a", window(10))

    now[0] = MAX_AGE + 1

    assert windows.find("a", "v") is None


def test_columns_that_would_not_fit_are_left_out_while_they_come(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "BUDGET", 8 * 2 * 6)  # two columns of six rows
    monkeypatch.setattr(fetching, "CELLS", 6)  # two rows at a time

    found = reader._databases.read(metric(tmp_path, "cpu"), wished_time=None, together=["memory", "note"])

    assert list(found.columns) == ["cpu"]
    assert list(found.columns["cpu"]) == list(range(6))


@pytest.fixture(params=["web.csv", "web.parquet"])
def wide_file(request, tmp_path):
    """A file of five columns of 100 numbers beside their times, and what it holds."""
    numbers = {name: np.arange(100) * (place + 1.5) for place, name in enumerate("abcde")}
    frame = pd.DataFrame({"timestamp": pd.date_range("2026-01-01", periods=100, freq="h"), **numbers})
    if request.param.endswith("csv"):
        frame.to_csv(tmp_path / request.param, index=False)
    else:
        frame.to_parquet(tmp_path / request.param)
    return tmp_path / request.param


def read_wide(file, column, together=()):
    where = row(ranges=("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"), file=file.name,
                base=str(file.parent), column=column)  # fmt: skip
    return files.read_file(where, wished_time=None, separator=None, together=together)


def test_columns_of_a_file_that_would_not_fit_are_left_out(wide_file, monkeypatch):
    monkeypatch.setattr(fetching, "BUDGET", 8 * 3 * 100)  # the time and two columns
    monkeypatch.setattr(parsing, "CELLS", 60)

    found = read_wide(wide_file, "d", together=["e", "a", "b"])

    assert set(found.columns) == {"d", "e"}
    assert found.bytes <= fetching.BUDGET
    assert list(found.columns["e"]) == list(np.arange(100) * 5.5)


def test_the_column_of_the_slice_comes_however_large_its_file_is(wide_file, monkeypatch):
    monkeypatch.setattr(fetching, "BUDGET", 8)

    assert set(read_wide(wide_file, "d", together=["a"]).columns) == {"d"}
    assert set(read_wide(wide_file, None).columns) == set("abcde")


def test_a_file_that_is_parsed_in_parts_gives_what_it_gives_at_once(wide_file, monkeypatch):
    at_once = read_wide(wide_file, "b", together=["d"])
    monkeypatch.setattr(parsing, "CELLS", 21)

    in_parts = read_wide(wide_file, "b", together=["d"])

    assert in_parts.axis.index.equals(at_once.axis.index)
    assert {name: list(column) for name, column in in_parts.columns.items()} == {
        name: list(column) for name, column in at_once.columns.items()
    }


def test_numbers_that_come_in_parts_are_put_together(reader, monkeypatch, tmp_path):
    monkeypatch.setattr(fetching, "CELLS", 6)

    both = reader.load(metric(tmp_path, "cpu"), together=["memory"])

    assert list(both.train) == [0, 1, 2]
    assert list(reader.load(metric(tmp_path, "memory")).test) == [13, 14]
