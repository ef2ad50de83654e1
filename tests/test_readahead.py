"""The data of the next slice is read while the current one is trained."""

from __future__ import annotations

import sqlite3
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

import runner
from ledger.store import Ledger
from runner import readahead, sources
from runner.errors import MissingColumnError
from runner.printed import collected_warnings
from runner.readahead import ReadAhead
from runner.sources import Reader, SourceSettings
from runner.timeaxis import row_numbers
from runner.windows import Window
from tests.reading import TIMES, row

A_WHILE = 30  # seconds: only a broken test waits so long


@pytest.fixture
def reader(tmp_path):
    frame = pd.DataFrame({"timestamp": TIMES, "cpu": range(7), "memory": range(10, 17)})
    for name in ("web", "shop"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as raw:
            frame.to_sql("metrics", raw, index=False)
    with closing(Reader(SourceSettings())) as reader:
        yield reader


@pytest.fixture
def selects():
    """The thread of each SELECT on a table of metrics."""
    seen = []

    def note(conn, cursor, statement, *rest):
        if 'FROM "metrics"' in statement and "LIMIT" not in statement:
            seen.append(threading.current_thread())

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def metric(tmp_path, column, database="web", table="metrics"):
    return row(database=database, table=table, base=str(tmp_path), column=column)


def test_what_was_read_ahead_is_not_read_again(reader, selects, tmp_path):
    reader.read_ahead(metric(tmp_path, "cpu"), together=["memory"])

    found = [list(reader.load(metric(tmp_path, name)).test) for name in ("cpu", "memory")]

    assert found == [[3, 4], [13, 14]]
    assert len(selects) == 1
    assert selects[0] is not threading.current_thread()


def test_what_is_there_already_is_not_read_ahead(reader, selects, tmp_path):
    reader.load(metric(tmp_path, "cpu"), together=["memory"])

    reader.read_ahead(metric(tmp_path, "memory"), together=[])
    reader.load(metric(tmp_path, "memory"))

    assert len(selects) == 1


def test_what_fails_ahead_is_told_when_the_slice_is_loaded(reader, tmp_path):
    reader.read_ahead(metric(tmp_path, "gone"), together=[])

    assert list(reader.load(metric(tmp_path, "cpu")).test) == [3, 4]
    with pytest.raises(MissingColumnError, match="has no column 'gone'"):
        reader.load(metric(tmp_path, "gone"))


def test_a_guess_that_was_wrong_keeps_nothing_else_from_being_read_ahead(reader, selects, tmp_path):
    reader.read_ahead(metric(tmp_path, "cpu", database="shop"), together=[])
    reader.load(metric(tmp_path, "cpu"))

    reader.read_ahead(metric(tmp_path, "memory"), together=[])
    reader.load(metric(tmp_path, "memory"))

    here = threading.current_thread()
    assert [thread is here for thread in selects] == [False, True, False]


def test_one_source_is_read_at_a_time(tmp_path):
    ahead, going, may_end = ReadAhead(), threading.Event(), threading.Event()
    window = Window({}, row_numbers(0, "a test"))

    def slow() -> Window:
        going.set()
        assert may_end.wait(A_WHILE)
        return window

    ahead.start("first", slow)
    ahead.start("second", lambda: pytest.fail("two readings at once"))

    assert going.wait(A_WHILE)
    assert ahead.at_work
    may_end.set()
    assert ahead.finished() == ("first", window)
    assert ahead.finished() is None


def test_a_source_that_does_not_answer_is_waited_for_once_at_the_end(monkeypatch):
    monkeypatch.setattr(readahead, "CLOSING", 0.05)
    ahead, may_end, waits = ReadAhead(), threading.Event(), []
    join = threading.Thread.join
    monkeypatch.setattr(
        threading.Thread, "join", lambda self, timeout=None: (waits.append(timeout), join(self, timeout))
    )

    def hanging() -> Window:
        assert may_end.wait(A_WHILE)
        return Window({}, row_numbers(0, "a test"))

    ahead.start("first", hanging)
    ahead.close()
    ahead.close()

    may_end.set()
    assert waits == [0.05]


def test_a_warning_of_a_reading_ahead_is_none_of_the_training(reader, monkeypatch, tmp_path):
    read_file = sources.read_file

    def warning(*given, **named):
        warnings.warn("of the next slice", stacklevel=1)
        return read_file(*given, **named)

    monkeypatch.setattr(sources, "read_file", warning)
    (tmp_path / "a.csv").write_text("timestamp,value\n" + "".join(f"{time},1\n" for time in TIMES))

    with collected_warnings() as told:
        reader.read_ahead(row(file="a.csv", base=str(tmp_path)), together=[])
        warnings.warn("of this one", stacklevel=1)
        reader.load(row(file="a.csv", base=str(tmp_path)))

    assert told == ["UserWarning: of this one"]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_run_reads_the_next_table_while_it_trains(place, reader, selects, tmp_path):
    ranges = "2026-01-01,2026-01-03,2026-01-04,2026-01-05"
    lines = [
        f"{name}.{column},{name},metrics,{column},{ranges}\n"
        for name in ("web", "shop")
        for column in ("cpu", "memory")
    ]
    split = Path(tmp_path / "split.csv")
    split.write_text(f"id,database,table,column,train_from,train_to,test_from,test_to\n{''.join(lines)}")
    with Ledger.open(place, create=False) as ledger:
        ledger.import_slices(split)
        summary = runner.run(ledger, trainer="seasonal_naive", params={"period": "1"}, workers=0, quiet=True)

    here = threading.current_thread()
    assert summary.succeeded == 4
    assert [thread is here for thread in selects] == [True, False]
