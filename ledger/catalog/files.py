"""The series in a file: the numeric columns of a text table or of Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.catalog.found import Search, Table
from ledger.formats import PARQUET, ends_with
from ledger.tabular import first_lines, layout_of, reading, time_column

if TYPE_CHECKING:
    import pandas as pd


def in_file(path: Path, search: Search) -> Table | None:
    """The series in a file; None for a split file, and for what is noted and left out."""
    try:
        frame = _read(path, search.wanted.separator)
        return None if "train_from" in frame else _table(frame, path, search)
    except Exception as error:  # whatever a reader meets in one file, the others are still wanted
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        search.notes.skip(f"cannot be read ({reason[:80]})", str(path))
        return None


def _read(path: Path, separator: str | None) -> pd.DataFrame:
    import fsspec
    import pandas as pd

    if ends_with(path.name, PARQUET):
        packed = pd.read_parquet(path).reset_index()
        return packed.drop(columns=[name for name in ("index", "level_0") if name in packed])
    with fsspec.open(str(path), "rt", compression="infer", encoding="utf-8-sig", errors="replace") as text:
        layout = layout_of(first_lines(text), separator)
    if layout is None:
        return pd.DataFrame()
    frame: pd.DataFrame = pd.read_csv(path, **reading(layout))
    return frame


def _table(frame: pd.DataFrame, path: Path, search: Search) -> Table | None:
    from pandas.api.types import is_numeric_dtype

    wanted = search.wanted
    frame.columns = names = [str(name) for name in frame.columns]
    time = time_column(names, wanted.time_column)
    values = [
        name for name in names if name != time and is_numeric_dtype(frame[name]) and wanted.takes_column(name)
    ]
    if time not in names or not values:
        one = "have a single column (--separator names what parts columns)"
        search.notes.skip(one if len(names) == 1 else "have no time or no numeric column", str(path))
        return None
    times = frame[time].dropna().sort_values(kind="stable")
    if times.empty:
        search.notes.skip("are empty", str(path))
        return None
    name = search.relative(path)
    tail = [str(value) for value in times.iloc[-search.rows :]] if search.rows else []
    return Table({"file": name}, name, values, str(times.iloc[0]), str(times.iloc[-1]), tail)
