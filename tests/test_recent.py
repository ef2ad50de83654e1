"""The newest rows of a source, however its times are stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import create_engine

from ledger.records import Slice
from runner.errors import NoDataError
from runner.recent import Recent, after, new_rows
from runner.sources import Reader, SourceSettings

TIMES = pd.date_range("2026-01-01", periods=48, freq="h")
BOUND = datetime(2026, 1, 2, 4, 0)
"""The time of row 28."""
STORED = {
    "text": [str(time) for time in TIMES],
    "text with T and offset": [f"{time.isoformat()}+00:00" for time in TIMES],
    "seconds": [int(time.timestamp()) for time in TIMES],
    "milliseconds": [int(time.timestamp()) * 1000 for time in TIMES],
}


def row(**where: str) -> Slice:
    return Slice("a", "2026-01-01", "2026-01-01", "2026-01-02", "2026-01-02 04:00", column="v", **where)


def read(reader: Reader, slice_: Slice, recent: Recent) -> tuple[list[float], str, str]:
    found = new_rows(reader.recent(slice_, (), recent), ["v"], recent)
    assert found is not None
    return list(found.data), found.first, found.last


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
@pytest.mark.parametrize("rows", [5, 100])
def test_the_newest_rows_of_a_table_come_in_order_of_time(tmp_path, stored, rows):
    frame = pd.DataFrame({"timestamp": stored, "v": range(48)}).sample(frac=1, random_state=0)
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        frame.to_sql("metrics", raw, index=False)
    reader = Reader(SourceSettings())

    values, first, last = read(
        reader, row(database="web", table="metrics", base=str(tmp_path)), Recent(BOUND, rows)
    )

    assert values == list(range(max(29, 48 - rows), 48))
    assert first == str(TIMES[max(29, 48 - rows)])
    assert last == "2026-01-02 23:00:00"
    reader.close()


@pytest.mark.parametrize("zone", [None, "UTC"], ids=["timestamp", "timestamptz"])
def test_the_newest_rows_of_a_table_in_postgresql(new_database, zone):
    url = new_database()
    times = TIMES.tz_localize(zone) if zone else TIMES
    engine = create_engine(url)
    pd.DataFrame({"timestamp": times, "v": range(48)}).to_sql("metrics", engine, index=False)
    engine.dispose()
    reader = Reader(SourceSettings(databases={"web": url}))

    values, first, _ = read(reader, row(database="web", table="metrics"), Recent(BOUND, 100))

    assert (values, first) == (list(range(29, 48)), "2026-01-02 05:00:00")
    reader.close()


def test_numbers_are_compared_as_numbers(tmp_path):
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        pd.DataFrame({"n": range(48), "v": range(48)}).to_sql("metrics", raw, index=False)
    reader = Reader(SourceSettings(time_column="n"))

    found = read(reader, row(database="web", table="metrics", base=str(tmp_path)), Recent(Decimal(28), 100))

    assert found == (list(range(29, 48)), "29", "47")
    reader.close()


def test_where_nothing_is_new_that_is_told(tmp_path):
    with closing(sqlite3.connect(tmp_path / "web.db")) as raw:
        pd.DataFrame({"n": range(9), "v": range(9)}).to_sql("metrics", raw, index=False)
    reader = Reader(SourceSettings(time_column="n"))

    wanted = row(database="web", table="metrics", base=str(tmp_path))

    known = Recent(Decimal(8), 9)
    assert new_rows(reader.recent(wanted, (), known), ["v"], known) is None
    with pytest.raises(NoDataError, match="has no rows after 9$"):
        reader.recent(wanted, (), Recent(Decimal(9), 9))
    reader.close()


def test_the_last_of_several_moments_counts_and_a_date_is_its_whole_day():
    assert after("2026-01-02", None) == datetime(2026, 1, 2, 23, 59, 59, 999999)
    assert after("2026-01-02", "2026-01-05 07:00:00") == datetime(2026, 1, 5, 7)
    assert after("900", "1100.5") == Decimal("1100.5")
