"""How text tables are laid out: the column that holds the time, and what separates columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

TIME_NAMES = ("timestamp", "time", "date", "datetime", "ds")
SEPARATORS = ",;\t|"
SPACES = r"\s+"
LINES = 20


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


def first_lines(place: str) -> list[str]:
    """The first lines of a text file or URL that are not blank, unpacked.

    Raises OSError when it cannot be read.
    """
    import fsspec

    with fsspec.open(place, "rt", compression="infer", encoding="utf-8-sig", errors="replace") as stream:
        return [line for line in islice(stream, LINES) if line.strip()]


def separator_of(lines: Sequence[str], wished: str | None) -> str:
    """What separates the columns: the wished one, or that of `, ; tab |` which the header has most of.

    Where the header has none of them, spaces (`SPACES`, any number of them) when they part every
    line into equally many fields; else a comma, and the file has one column. In a wish `\\t` is a tab.
    """
    if wished:
        return "\t" if wished == r"\t" else wished
    header = lines[0] if lines else ""
    found = max(SEPARATORS, key=header.count)
    if found in header:
        return found
    fields = {len(line.split()) for line in lines}
    return SPACES if len(lines) > 1 and len(fields) == 1 and fields != {1} else ","


def reading(separator: str) -> dict[str, Any]:
    """How pandas is to read a text table; its fast engine knows single characters and runs of spaces."""
    fast = len(separator) == 1 or separator == SPACES
    engine: dict[str, Any] = {"low_memory": False} if fast else {"engine": "python"}
    return {"sep": separator, "compression": "infer", **engine}
