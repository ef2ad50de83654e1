"""How text tables are laid out: the column that holds the time, and what separates columns."""

from __future__ import annotations

from collections.abc import Sequence

TIME_NAMES = ("timestamp", "time", "date", "datetime", "ds")
SEPARATORS = ",;\t|"


def time_column(names: Sequence[str], wished: str | None) -> str | None:
    """The column that holds the time: the wished one, one with a usual name, or the first of several.

    None where a single column has no usual name: its rows are numbered.
    """
    if wished is not None:
        return wished
    usual = [name for name in names if str(name).lower() in TIME_NAMES]
    if usual:
        return usual[0]
    return names[0] if len(names) > 1 else None


def first_line(place: str) -> str:
    """The first line of a text file or URL, unpacked. Raises OSError when it cannot be read."""
    import fsspec

    with fsspec.open(place, "rt", compression="infer", encoding="utf-8-sig", errors="replace") as stream:
        return str(stream.readline())


def separator_of(line: str) -> str:
    """The separator that stands most often in a header line; a comma when there is none."""
    return max(SEPARATORS, key=line.count)
