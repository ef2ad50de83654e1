"""How text tables are laid out: where the header stands, what separates columns, which column is the time."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any

from ledger.errors import RangeError
from ledger.ranges import parse

TIME_NAMES = ("timestamp", "time", "date", "datetime", "ds")
SEPARATORS = ",;\t|"
SPACES = r"\s+"
LOOKED_AT = 20
"""Lines of a file, counted from its header, by which its layout is known."""

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*")
_DECIMAL_POINT = re.compile(r"\s*[+-]?\d*\.\d+\s*")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text table is written; `rows` are the first ones, the header's names among them."""

    before: int  # lines before the table: comments and empty ones
    header: bool  # whether the first row holds names; the rows of a file of values are all alike
    separator: str
    decimal: str
    rows: Sequence[Sequence[str]]


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


def separator_of(lines: Sequence[str], wished: str | None = None) -> str:
    """What separates the columns: the wished one, or that of `, ; tab |` which the header has most of.

    A first line of values may have more decimal commas than semicolons. Where the header has none
    of them, spaces (`SPACES`, any number of them) when they part every line into equally many
    fields; else a comma, and the file has one column. In a wish `\\t` is a tab.
    """
    if wished:
        return "\t" if wished == r"\t" else wished
    header = lines[0]
    if ";" in header and all(map(_is_value, header.split(";"))):
        return ";"
    found = max(SEPARATORS, key=header.count)
    if found in header:
        return found
    fields = {len(line.split()) for line in lines if line.strip()}
    return SPACES if len(lines) > 1 and len(fields) == 1 and fields != {1} else ","


def reading(layout: Layout) -> dict[str, Any]:
    """How pandas is to read a table of this layout, but for the names of its columns."""
    # Its fast engine knows single characters and runs of spaces.
    fast = len(layout.separator) == 1 or layout.separator == SPACES
    engine: dict[str, Any] = {"low_memory": False} if fast else {"engine": "python"}
    return {
        "sep": layout.separator if fast else re.escape(layout.separator),
        "decimal": layout.decimal,
        "skiprows": layout.before,
        "index_col": False,  # a line may end with a separator
        **({} if layout.header else {"header": None}),
        **engine,
    }


def first_lines(stream: IO[str]) -> list[str]:
    """What `layout_of` looks at: all lines before the header, and some from there on."""
    before = []
    for line in stream:
        before.append(line)
        if not _skipped(line):
            return [*before, *islice(stream, LOOKED_AT - 1)]
    return before


def layout_of(lines: Sequence[str], separator: str | None = None) -> Layout | None:
    """The layout of a text table that begins with `lines`; None when it holds nothing.

    Empty lines and lines that begin with # stand before the header and are no part of the table.
    Where the first other line holds data already, the last # line is the header if it has as many
    columns. Where ; separates columns, numbers are taken to have a decimal comma, unless those
    that are seen have a point.
    """
    before = next((place for place, line in enumerate(lines) if not _skipped(line)), None)
    if before is None:
        return None
    found = separator_of(lines[before:], separator)
    rows = list(_fields(lines[before:], found))
    if before and lines[before - 1].startswith("#") and any(map(_is_value, rows[0])):
        names = next(_fields([lines[before - 1]], found))
        if len(names) == len(rows[0]):
            before, rows = before - 1, [names, *rows]
    header = not all(map(_is_value, rows[0]))
    return Layout(before, header, found, _decimal(found, rows[header:]), rows)


def _skipped(line: str) -> bool:
    return not line.strip() or line.startswith("#")


def _fields(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    if len(separator) == 1:
        return (row for row in csv.reader(lines, delimiter=separator) if row)
    pattern = separator if separator == SPACES else re.escape(separator)
    return (re.split(pattern, line.strip()) for line in lines)


def _is_value(field: str) -> bool:
    """Whether this is a number or a time rather than the name of a column."""
    try:
        parse(field.replace(",", "."))
    except RangeError:
        return False
    return True


def _decimal(separator: str, rows: Iterable[Sequence[str]]) -> str:
    if separator != ";":
        return "."
    fields = [field for row in rows for field in row]
    if any(map(_DECIMAL_COMMA.fullmatch, fields)) or not any(map(_DECIMAL_POINT.fullmatch, fields)):
        return ","
    return "."
