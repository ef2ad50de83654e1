"""What is looked for, what is found, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain, count
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series, and how much of each: lengths of time (30d) or numbers of rows."""

    train: str
    test: str
    until: str | None = None
    tables: tuple[str, ...] = ("*",)
    columns: tuple[str, ...] = ("*",)
    time_column: str | None = None
    separator: str | None = None

    def reading(self) -> dict[str, str]:
        """What the split file must say for its rows to be read as they were found."""
        said = {"time_column": self.time_column, "separator": self.separator}
        return {name: value for name, value in said.items() if value}

    def takes_table(self, name: str) -> bool:
        """Whether a table or file of this name is wanted."""
        return any(fnmatch(name, pattern) for pattern in self.tables)

    def takes_column(self, name: str) -> bool:
        """Whether a column of this name is wanted."""
        return any(fnmatch(name, pattern) for pattern in self.columns)


@dataclass(frozen=True, slots=True)
class Table:
    """A table or file: its value columns, and its times (as text, ascending, the last ones)."""

    source: dict[str, str]  # database and table, or file, as the split file names them
    name: str  # the beginning of its slices' ids
    columns: list[str]
    first: str
    last: str
    tail: Sequence[str] = ()  # the last times, as many as a window of rows needs


@dataclass(slots=True)
class Names:
    """Names that are each given once."""

    _given: set[str] = field(default_factory=set)

    def take(self, *wishes: str) -> str:
        """The first wish that is free, else the last one with a number behind it."""
        numbered = (f"{wishes[-1]}-{number}" for number in count(2))
        name = next(name for name in chain(wishes, numbered) if name not in self._given)
        self._given.add(name)
        return name


@dataclass(slots=True)
class Notes:
    """What was left out and what must be told."""

    skipped: dict[str, list[str]] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def skip(self, why: str, what: str) -> None:
        """Note a table or file that is left out."""
        self.skipped.setdefault(why, []).append(what)

    def lines(self) -> Iterator[str]:
        """What was left out, in words."""
        for why, names in self.skipped.items():
            yield f"{len(names)} {why} and were left out, such as {names[0]}"


@dataclass(frozen=True, slots=True)
class Search:
    """A search through sources: `rows` last times are read of each table."""

    wanted: Wanted
    base: Path  # the folder of the split file, which names of files are relative to
    rows: int
    notes: Notes = field(default_factory=Notes)
    names: Names = field(default_factory=Names)  # of databases
    files: set[Path] = field(default_factory=set)  # those seen already

    def relative(self, path: Path) -> str:
        """A path as the split file names it."""
        return Path(os.path.relpath(path, self.base)).as_posix()
