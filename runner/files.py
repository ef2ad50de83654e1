"""Series in files: CSV with any separator, packed or not, and Parquet, here or behind a URL."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from typing import IO, TYPE_CHECKING

from ledger.formats import PARQUET, ends_with
from ledger.ranges import interval
from ledger.records import Slice
from ledger.tabular import SPACES, Layout, first_lines, layout_of, reading, time_column
from runner.cut import require_column
from runner.errors import FileFormatError, MissingColumnError, NoDataError
from runner.parsing import kept_columns, parsed
from runner.places import opened, place_of
from runner.timeaxis import TimeError, row_numbers, time_axis
from runner.windows import Window

if TYPE_CHECKING:
    import pandas as pd

OTHER_SEPARATOR = (
    "if something other than , ; | a tab or spaces parts its columns, name it in a column `separator` "
    "of the split file or under [reading] in runner.toml"
)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_file(
    row: Slice, *, wished_time: str | None, separator: str | None, together: Collection[str] = ()
) -> Window:
    """Read the slice's column of its file, with columns that are best read `together` with it.

    Raises SourceError when it cannot be read now, and UnfitDataErrors for what it holds.
    """
    assert row.file is not None
    place = place_of(row.file, row.base)
    told = place.shown
    wanted = None if row.column is None else (row.column, *together)
    is_parquet = ends_with(place.address, PARQUET)
    with opened(place, unpacked=not is_parquet) as stream:
        if is_parquet:
            frame, time = _parquet(stream, told, wanted, wished_time)
        else:
            frame, time = _csv(stream, told, wanted, wished_time, separator)
    if time is None:
        _require_numbers(frame, row, told)
        axis = row_numbers(len(frame), told)
    else:
        axis = time_axis(frame[time], told)
        frame = frame.drop(columns=time)
    columns = {str(name): frame[name] for name in frame.columns}
    return Window(columns, axis, whole=row.column is None)


def _csv(
    stream: IO[bytes],
    place: str,
    columns: Sequence[str] | None,
    wished_time: str | None,
    separator: str | None,
) -> tuple[pd.DataFrame, str | None]:
    import pandas as pd

    lines = _first_lines(stream, place)
    layout = layout_of(lines, separator)
    if layout is None:
        raise NoDataError(f"{place} is empty")
    options = reading(layout)
    try:
        if layout.header:
            header = pd.read_csv(io.StringIO("".join(lines)), nrows=0, **options)
            names = [str(name) for name in header.columns]
        else:
            names = [str(number) for number in range(len(layout.rows[0]))]
            options |= {"names": names}
        _require_room(layout, len(names), place)
        time = time_column(names, wished_time)
        wanted = _wanted(names, time, columns, place)
        frame = parsed(stream, names, wanted, columns, options)
    except pd.errors.ParserError as error:
        raise FileFormatError(f"{place} is no table: {str(error).strip()}") from None
    except UnicodeDecodeError:
        raise FileFormatError(_not_utf8(stream, place)) from None
    if time is not None:
        frame = frame[frame[time].notna()]  # lines without a time belong nowhere
    return frame, time


def _first_lines(stream: IO[bytes], place: str) -> list[str]:
    """The lines that tell the layout; the stream stands at its beginning again."""
    start = stream.read(2)
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")
    try:
        lines = first_lines(text)
    finally:
        text.detach()  # or it would close the stream
    stream.seek(0)
    if start in UTF_16 or any("\0" in line for line in lines):
        raise FileFormatError(
            f"{place} is UTF-16 or no text at all; write it as UTF-8, as `iconv -f utf-16 -t utf-8` does"
        )
    return lines


def _require_room(layout: Layout, columns: int, place: str) -> None:
    """Raise FileFormatError where a row has more values than the header has names."""
    for row in layout.rows:
        if any(value.strip() for value in row[columns:]):
            raise FileFormatError(
                f"{place}: line {layout.before + 1} has {columns} columns, but a later one has {len(row)}: "
                f"{_joined(row, layout)[:60]!r}; remove what stands before the header (lines that "
                "begin with # may stay), or name the right separator"
            )


def _joined(row: Sequence[str], layout: Layout) -> str:
    return (" " if layout.separator == SPACES else layout.separator).join(row)


def _require_numbers(frame: pd.DataFrame, row: Slice, place: str) -> None:
    """Raise TimeError where the rows of a file of one column are numbered, but the ranges are times."""
    named = str(frame.columns[0]) != "0"  # a file of values alone may well have one column
    if named and interval(row.train_from, row.train_to).kind == "time":
        raise TimeError(
            f"{place} has one column, {str(frame.columns[0])[:60]!r}, so its rows are numbered, but "
            f"the ranges are times; {OTHER_SEPARATOR}"
        )


def _not_utf8(stream: IO[bytes], place: str) -> str:
    stream.seek(0)
    for number, line in enumerate(stream, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return (
                f"{place}, line {number} is not UTF-8 text (byte {line[error.start]:#x}); write the file as "
                "UTF-8, as `iconv -f latin1 -t utf-8` does if it is Latin-1"
            )
    return f"{place} is not UTF-8 text"


def _parquet(
    stream: IO[bytes], place: str, columns: Sequence[str] | None, wished_time: str | None
) -> tuple[pd.DataFrame, str | None]:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(stream)
        names, rows = [name for name in file.schema_arrow.names if name], file.metadata.num_rows
        stream.seek(0)
        time = time_column(names, wished_time)
        wanted = kept_columns(_wanted(names, time, columns, place), columns, rows)
        return pd.read_parquet(stream, columns=wanted).reset_index()[wanted], time
    except pyarrow.ArrowInvalid as error:
        raise FileFormatError(f"{place} is no Parquet file: {str(error).splitlines()[0]}") from None


def _wanted(names: Sequence[str], time: str | None, columns: Sequence[str] | None, place: str) -> list[str]:
    """The columns to read: the time, the first of `columns`, which must be there, and the others that are."""
    if time is not None:
        require_column(time, list(names), place)
    if columns is None:
        return list(names)
    try:
        require_column(columns[0], list(names), place)
    except MissingColumnError as error:
        if len(names) > 1:
            raise
        raise MissingColumnError(f"{error}; {OTHER_SEPARATOR}") from None
    return [name for name in names if name == time or name in columns]
