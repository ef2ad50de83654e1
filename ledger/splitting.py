"""A split file made from what is there: every series with ranges taken from its own end."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from ledger.catalog import Notes, Table, Wanted, tables
from ledger.errors import AccessError, LedgerError, RangeError
from ledger.ranges import Instant, parse, roll
from ledger.requeue import parse_age
from ledger.splitrow import RANGES

HEADER = ("id", "database", "table", "column", "file", *RANGES)
EPOCH_MILLISECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What was written and what was left out."""

    output: str
    series: int
    tables: int
    notes: Notes

    def lines(self) -> Iterator[str]:
        """The report in words."""
        yield f"{self.output}: {self.series} slices from {self.tables} tables or files"
        for why, names in self.notes.skipped.items():
            yield f"{len(names)} {why} and were left out, such as {names[0]}"
        if self.notes.urls:
            yield "In runner.toml:\n[databases]"
            yield from (f'"{name}" = "{url}"' for name, url in self.notes.urls.items())
        if self.series:
            yield f"Next: ledger import {self.output}"


def write_split(sources: Sequence[str], wanted: Wanted, output: Path) -> SplitReport:
    """Write a row for every numeric column of every source; `output` `-` is the screen.

    Raises AccessError for a source that is not there, LedgerError for lengths that are none.
    """
    train, test = _length(wanted.train, "train"), _length(wanted.test, "test")
    if isinstance(train, int) != isinstance(test, int):
        raise LedgerError("--train and --test must both be lengths of time (30d) or both numbers of rows")
    rows = train + test if isinstance(train, int) and isinstance(test, int) else 0
    notes = Notes()
    base = Path.cwd() if str(output) == "-" else output.absolute().parent
    series = count = 0
    with _opened(output) as stream:
        writer = csv.DictWriter(stream, HEADER, restval="", lineterminator="\n")
        writer.writeheader()
        for source in sources:
            for table in tables(source, wanted, base, rows, notes):
                ranges = _ranges(table, wanted, train, test, notes)
                if ranges is None:
                    continue
                count += 1
                series += len(table.columns)
                for column in table.columns:
                    row = {"id": f"{table.name}.{column}", "column": column, **table.source, **ranges}
                    writer.writerow(row)
    return SplitReport(str(output), series, count, notes)


def _length(written: str, option: str) -> int | float:
    """Rows as an int, seconds as a float."""
    if written.isdigit() and int(written) > 0:
        return int(written)
    try:
        return parse_age(written).total_seconds()
    except LedgerError:
        raise LedgerError(f"--{option} {written!r} is neither a length of time (30d, 12h) nor rows") from None


def _ranges(
    table: Table, wanted: Wanted, train: int | float, test: int | float, notes: Notes
) -> dict[str, str] | None:
    if isinstance(train, int) and isinstance(test, int):
        if len(table.tail) < train + test:
            notes.skip("are shorter than the window", table.name)
            return None
        times = table.tail[-(train + test) :]
        return dict(zip(RANGES, (times[0], times[train - 1], times[train], times[-1]), strict=True))
    end = wanted.until or table.last
    try:
        low, first = parse(end).low, parse(table.first).low
        unit = _per_second(low)
        train_to = roll(end, -test * unit)
        ranges = (roll(train_to, -train * unit), train_to, _next(train_to), end)
        short = parse(ranges[0]).low < first  # type: ignore[operator]
    except (RangeError, TypeError):
        notes.skip("have a time column that holds no times", table.name)
        return None
    if short:
        notes.skip("are shorter than the window", table.name)
        return None
    return dict(zip(RANGES, ranges, strict=True))


def _per_second(low: Instant) -> int:
    """Units of a range value in one second: epoch milliseconds have 1,000."""
    return 1000 if isinstance(low, Decimal) and low >= EPOCH_MILLISECONDS else 1


def _next(value: str) -> str:
    """The value right after `value`: both ends of a range belong to it."""
    point = parse(value)
    if isinstance(point.low, datetime) and isinstance(point.high, datetime):
        whole = (point.high - point.low).total_seconds()
        return roll(value, whole + 1 if whole else 1)
    return roll(value, 1)


@contextmanager
def _opened(output: Path) -> Iterator[TextIO]:
    """The file to write, put in place when it is whole."""
    if str(output) == "-":
        yield sys.stdout
        return
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        temporary.replace(output)
    except OSError as error:
        raise AccessError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
