"""What series there are in databases and folders, and where each begins and ends."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.errors import AccessError, LedgerError
from ledger.tabular import first_lines, separator_of, time_column

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import URL

DATABASES = (".db", ".sqlite", ".sqlite3")
FILES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series, and how much of each: lengths of time (30d) or numbers of rows."""

    train: str
    test: str
    until: str | None = None
    tables: tuple[str, ...] = ("*",)
    columns: tuple[str, ...] = ("*",)
    time_column: str | None = None

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
class Notes:
    """What was left out and what must be told."""

    skipped: dict[str, list[str]] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def unused(self, short: str, long: str) -> str:
        """`short`, or `long` where another source has that name already."""
        name = long if short in self.used else short
        self.used.add(name)
        return name

    def skip(self, why: str, what: str) -> None:
        """Note a table or file that is left out."""
        self.skipped.setdefault(why, []).append(what)


def tables(source: str, wanted: Wanted, base: Path, rows: int, notes: Notes) -> Iterator[Table]:
    """Yield what is in a URL, a SQLite file, or a folder of SQLite or data files.

    Names are relative to `base`, the folder of the split file; `rows` last times are read of each.
    Raises AccessError for a source that is not there.
    """
    if "://" in source:
        yield from _in_database(source, wanted, rows, notes)
        return
    path = Path(source)
    if not path.exists():
        raise AccessError(f"there is no file or folder {source}")
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    for each in found:
        name = each.name.lower()
        if name.endswith(DATABASES) and each.is_file():
            yield from _in_sqlite(each, wanted, base, rows, notes)
        elif name.endswith(FILES) and each.is_file() and wanted.takes_table(each.name):
            table = _in_file(each, wanted, base, rows, notes)
            if table is not None:
                yield table


def _in_sqlite(path: Path, wanted: Wanted, base: Path, rows: int, notes: Notes) -> Iterator[Table]:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import URL

    engine = create_engine(URL.create("sqlite", database=str(path)))
    database = Path(os.path.relpath(path, base)).as_posix().removesuffix(".db")
    name = notes.unused(path.stem, database)
    try:
        yield from _in_engine(engine, database, name, wanted, rows, notes)
    finally:
        engine.dispose()


def _in_database(source: str, wanted: Wanted, rows: int, notes: Notes) -> Iterator[Table]:
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(os.path.expandvars(source))
    except ArgumentError:
        raise LedgerError(f"{source!r} is no database URL; it looks like DIALECT://USER@HOST/NAME") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    name = url.database or "database"
    notes.urls[name] = _told(url)
    engine = create_engine(url)
    try:
        yield from _in_engine(engine, name, notes.unused(name, _told(url)), wanted, rows, notes)
    finally:
        engine.dispose()


def _told(url: URL) -> str:
    """The URL for runner.toml, with an environment variable where the password was."""
    written = url.set(password="PASSWORD") if url.password else url
    return written.render_as_string(hide_password=False).replace(":PASSWORD@", ":${DATABASE_PASSWORD}@")


def _in_engine(
    engine: Engine, database: str, shown: str, wanted: Wanted, rows: int, notes: Notes
) -> Iterator[Table]:
    from sqlalchemy import ColumnElement, Numeric, column, func, inspect, select, table
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.sql import quoted_name

    try:
        with engine.connect() as conn:
            inspector = inspect(conn)
            for name in sorted(filter(wanted.takes_table, inspector.get_table_names())):
                there = inspector.get_columns(name)
                time = time_column([str(each["name"]) for each in there], wanted.time_column)
                values = [
                    str(each["name"])
                    for each in there
                    if each["name"] != time
                    and _is_numeric(each["type"], Numeric)
                    and wanted.takes_column(each["name"])
                ]
                if time is None or not values:
                    notes.skip("have no time or no numeric column", f"{database}.{name}")
                    continue
                clock: ColumnElement[Any] = column(quoted_name(time, True))
                source = table(quoted_name(name, True))
                first, last = conn.execute(select(func.min(clock), func.max(clock)).select_from(source)).one()
                if last is None:
                    notes.skip("are empty", f"{database}.{name}")
                    continue
                recent = select(clock).select_from(source).where(clock.is_not(None)).order_by(clock.desc())
                tail = conn.execute(recent.limit(rows)).scalars().all() if rows else []
                yield Table(
                    source={"database": database, "table": name},
                    name=f"{shown}.{name}",
                    columns=values,
                    first=str(first),
                    last=str(last),
                    tail=[str(value) for value in reversed(tail)],
                )
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise AccessError(f"database {database} cannot be read: {reason}") from None


def _is_numeric(type_: Any, numeric: type[Any]) -> bool:
    from sqlalchemy import Boolean, Float, Integer

    return isinstance(type_, (Integer, Float, numeric)) and not isinstance(type_, Boolean)


def _in_file(path: Path, wanted: Wanted, base: Path, rows: int, notes: Notes) -> Table | None:
    import pandas as pd

    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path).reset_index()
            frame = frame.drop(columns=[name for name in ("index", "level_0") if name in frame])
        else:
            frame = pd.read_csv(path, sep=separator_of(first_lines(str(path)), None), compression="infer")
    except (ValueError, OSError, UnicodeDecodeError) as error:
        notes.skip(f"cannot be read ({str(error).splitlines()[0][:80]})", str(path))
        return None
    names = [str(name) for name in frame.columns]
    if "train_from" in names:
        return None  # a split file, not a series
    time = time_column(names, wanted.time_column)
    values = [
        name
        for name in names
        if name != time and pd.api.types.is_numeric_dtype(frame[name]) and wanted.takes_column(name)
    ]
    if time not in names or not values or frame.empty:
        notes.skip("have no time or no numeric column", str(path))
        return None
    times = frame[time].dropna().sort_values(kind="stable")
    relative = Path(os.path.relpath(path, base)).as_posix()
    return Table(
        source={"file": relative},
        name=relative,
        columns=values,
        first=str(times.iloc[0]),
        last=str(times.iloc[-1]),
        tail=[str(value) for value in times.iloc[-rows:]] if rows else [],
    )
