"""Slices and their data, for the tests of reading."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ledger.records import Slice
from runner.cut import Cut
from runner.sources import Reader, SourceSettings

NAMED = ("2026-01-01", "2026-01-03", "2026-01-04", "2026-01-05")
TIMES = [f"2026-01-{day:02d} 00:00:00" for day in range(1, 8)]


def row(ranges=NAMED, **columns) -> Slice:
    """A slice of which the test names what matters."""
    return Slice("a", *ranges, **columns)


def csv(times, sep=",", header="timestamp,value") -> str:
    """A file of these times; its values count the rows."""
    lines = [f"{time}{sep}{place}" for place, time in enumerate(times)]
    return "\n".join([header.replace(",", sep), *lines]) + "\n"


def load(where: Slice, **settings) -> Cut:
    """Read one slice with a reader of its own."""
    with closing(Reader(SourceSettings(**settings))) as reader:
        return reader.load(where)


def load_file(folder: Path, content: str | bytes, name="series.csv", ranges=NAMED, column=None, **extra):
    """Write a file and read a slice of it."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(row(ranges, file=name, column=column, base=str(folder), extra=extra))
