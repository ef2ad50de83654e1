"""Series in files: CSV with any separator, packed or not, and Parquet, here or behind a URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import LedgerError
from ledger.formats import PARQUET, ends_with
from ledger.ranges import interval
from ledger.records import Slice
from ledger.tabular import first_lines, reading, separator_of, time_column
from ledger.variables import filled
from runner.cut import Cut, cut_frame, require_column
from runner.errors import MissingColumnError, NoDataError, SourceError, UnfitDataError
from runner.timeaxis import TimeAxis, TimeError, time_axis

if TYPE_CHECKING:
    import pandas as pd


OTHER_SEPARATOR = (
    "if something other than , ; | a tab or spaces parts its columns, name it in a column `separator` "
    "of the split file or under [reading] in runner.toml"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is; `shown` is as the split file names it, with no secret filled in."""

    address: str
    shown: str


def load_file(row: Slice, *, wished_time: str | None, separator: str | None) -> Cut:
    """Read the slice's file and cut it.

    Raises SourceError when it cannot be read now, and UnfitDataErrors for what it holds.
    """
    place = _place(str(row.file), row.base)
    try:
        if ends_with(place.address, PARQUET):
            frame, time = _parquet(place, row.column, wished_time)
        else:
            frame, time = _csv(place, row.column, wished_time, separator)
    except FileNotFoundError:
        raise SourceError(f"there is no file {place.shown}") from None
    except (OSError, EOFError) as error:  # its own words may hold the address, and that a password
        told = str(error).replace(place.address, place.shown)
        raise SourceError(f"{place.shown} cannot be read: {told}") from None
    if time is None:
        return _by_number(frame, row, place)
    return cut_frame(frame.drop(columns=time), time_axis(frame[time]), row)


def _place(file: str, base: str | None) -> Place:
    if "://" not in file:
        path = str(Path(base or ".") / file)
        return Place(path, path)
    try:
        return Place(filled(file), file)
    except LedgerError as error:
        raise SourceError(str(error)) from None


def _by_number(frame: pd.DataFrame, row: Slice, place: Place) -> Cut:
    """Cut a file of one column, whose rows are numbered from 0."""
    import pandas as pd

    if interval(row.train_from, row.train_to).kind == "time":
        raise TimeError(
            f"{place.shown} has one column, {str(frame.columns[0])[:60]!r}, so its rows are numbered, but "
            f"the ranges are times; {OTHER_SEPARATOR}"
        )
    return cut_frame(frame, _numbered(pd.RangeIndex(len(frame))), row)


def _csv(
    place: Place, column: str | None, wished_time: str | None, separator: str | None
) -> tuple[pd.DataFrame, str | None]:
    import pandas as pd

    lines = first_lines(place.address)
    if not lines:
        raise NoDataError(f"{place.shown} is empty")
    options = reading(separator_of(lines, separator))
    try:
        names = [str(name) for name in pd.read_csv(place.address, nrows=0, **options).columns]
        if all(_is_number(name) for name in names):  # there is no header
            options["header"] = None
            names = [str(number) for number in range(len(names))]
            options["names"] = names
        time = time_column(names, wished_time)
        wanted = _wanted(names, time, column, place.shown)
        frame = pd.read_csv(place.address, usecols=wanted, **options)
    except pd.errors.ParserError as error:
        raise UnfitDataError(f"{place.shown} is no table: {str(error).strip()}") from None
    except UnicodeDecodeError as error:
        raise UnfitDataError(f"{place.shown} is not UTF-8 text (byte {error.start})") from None
    if time is not None:
        frame = frame[frame[time].notna()]  # lines without a time belong nowhere
    return frame, time


def _parquet(place: Place, column: str | None, wished_time: str | None) -> tuple[pd.DataFrame, str | None]:
    import fsspec
    import pandas as pd
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        with fsspec.open(place.address, "rb") as stream:
            names = [name for name in parquet.ParquetFile(stream).schema_arrow.names if name]
        time = time_column(names, wished_time)
        wanted = _wanted(names, time, column, place.shown)
        return pd.read_parquet(place.address, columns=wanted).reset_index()[wanted], time
    except pyarrow.ArrowInvalid as error:
        raise UnfitDataError(f"{place.shown} is no Parquet file: {str(error).splitlines()[0]}") from None


def _wanted(names: list[str], time: str | None, column: str | None, place: str) -> list[str]:
    if time is not None:
        require_column(time, names, place)
    if column is None:
        return names
    try:
        require_column(column, names, place)
    except MissingColumnError as error:
        if len(names) > 1:
            raise
        raise MissingColumnError(f"{error}; {OTHER_SEPARATOR}") from None
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
