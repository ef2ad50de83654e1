"""Tables, CSV and JSON of rows, for people and for programs."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from ledger.errors import LedgerError, QueryError

Row = Sequence[Any]
SHOWN = 1_000
"""Rows of a table on a screen; CSV and JSON have no limit."""


def printer(*, as_csv: bool, as_json: bool) -> Callable[[Sequence[str], Iterable[Row]], None]:
    """What prints an answer in the form asked for. Raises LedgerError where two are."""
    if as_csv and as_json:
        raise LedgerError("--csv and --json are two forms of one answer; give one of them")
    return print_csv if as_csv else print_json if as_json else print_table


def print_csv(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write CSV to standard output, row by row."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_written(value) for value in row] for row in rows)


def print_json(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a JSON array of objects to standard output, row by row; NaN becomes null.

    Raises QueryError for two columns of one name: an object would keep one of them only.
    """
    for name, count in Counter(columns).items():
        if count > 1:
            raise QueryError(f"{count} columns are called {name!r}; name them apart with AS, or use --csv")
    separator = "[\n"
    for row in rows:
        print(
            separator + json.dumps(dict(zip(columns, map(plain, row), strict=True)), ensure_ascii=False),
            end="",
        )
        separator = ",\n"
    print("[]" if separator == "[\n" else "\n]")


def print_table(columns: Sequence[str], rows: Iterable[Row], *, title: str | None = None) -> None:
    """Print a table: with lines on a terminal, tabs between plain columns elsewhere."""
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in rows:
            print("\t".join(_one_line(value) for value in row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    more = False
    for count, row in enumerate(rows):
        if more := count == SHOWN:
            break
        table.add_row(*(Text(_one_line(value)) for value in row))
    console = Console()
    console.print(table)
    if more:
        console.print(f"… only the first {SHOWN} rows; --csv shows all")


def plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO text, NaN and the infinities as null."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """How many of something: `1 slice`, `2,000 slices`; `nouns` are several where an s is not enough."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def span(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _one_line(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value).replace("\t", " ").replace("\n", " ")
