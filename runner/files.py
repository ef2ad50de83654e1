"""Series in files: CSV with any separator, packed or not, and Parquet, here or behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.records import Slice
from ledger.tabular import first_line, separator_of, time_column
from runner.cut import Cut, cut_frame, require_column
from runner.errors import NoDataError, SourceError, UnfitDataError
from runner.timeaxis import TimeAxis, time_axis

if TYPE_CHECKING:
    import pandas as pd


def load_file(row: Slice, *, wished_time: str | None, separator: str | None) -> Cut:
    """Read the slice's file and cut it.

    Raises SourceError when it cannot be read now, and UnfitDataErrors for what it holds.
    """
    assert row.file is not None
    place = _place(row.file, row.base)
    try:
        if place.lower().endswith((".parquet", ".pq")):
            frame, time = _parquet(place, row.column, wished_time)
        else:
            frame, time = _csv(place, row.column, wished_time, separator)
    except FileNotFoundError:
        raise SourceError(f"there is no file {place}") from None
    except (OSError, EOFError) as error:
        raise SourceError(f"{place} cannot be read: {error}") from error
    if time is None:
        import pandas as pd

        return cut_frame(frame, _numbered(pd.RangeIndex(len(frame))), row)
    return cut_frame(frame.drop(columns=time), time_axis(frame[time]), row)


def _place(file: str, base: str | None) -> str:
    if "://" in file:
        return file
    return str(Path(base or ".") / file)


def _csv(
    place: str, column: str | None, wished_time: str | None, separator: str | None
) -> tuple[pd.DataFrame, str | None]:
    import pandas as pd

    first = first_line(place)
    if not first.strip():
        raise NoDataError(f"{place} is empty")
    found = separator or separator_of(first)
    options: dict[str, Any] = {"sep": found, "compression": "infer"}
    try:
        names = [str(name) for name in pd.read_csv(place, nrows=0, **options).columns]
        if all(_is_number(name) for name in names):  # there is no header
            options["header"] = None
            names = [str(number) for number in range(len(names))]
            options["names"] = names
        time = time_column(names, wished_time)
        wanted = _wanted(names, time, column, place)
        frame = pd.read_csv(place, usecols=wanted, low_memory=False, **options)
    except pd.errors.ParserError as error:
        raise UnfitDataError(f"{place} is no table: {str(error).strip()}") from None
    except UnicodeDecodeError as error:
        raise UnfitDataError(f"{place} is not UTF-8 text (byte {error.start})") from None
    if time is not None:
        frame = frame[frame[time].notna()]  # lines without a time belong nowhere
    return frame, time


def _parquet(place: str, column: str | None, wished_time: str | None) -> tuple[pd.DataFrame, str | None]:
    import fsspec
    import pandas as pd
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with fsspec.open(place, "rb") as stream:
            names = [name for name in parquet.ParquetFile(stream).schema_arrow.names if name]
        time = time_column(names, wished_time)
        wanted = _wanted(names, time, column, place)
        return pd.read_parquet(place, columns=wanted).reset_index()[wanted], time
    except pyarrow.ArrowInvalid as error:
        raise UnfitDataError(f"{place} is no Parquet file: {str(error).splitlines()[0]}") from None


def _wanted(names: list[str], time: str | None, column: str | None, place: str) -> list[str]:
    if time is not None:
        require_column(time, names, place)
    if column is None:
        return names
    require_column(column, names, place)
    return [name for name in names if name in (time, column)]


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _numbered(index: pd.RangeIndex) -> TimeAxis:
    import numpy as np

    return TimeAxis(index, np.arange(len(index), dtype=np.float64))
