"""A split file: its rows read one by one, and everything that is wrong with them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from ledger.errors import AccessError, RangeError, SplitFileError
from ledger.ranges import Interval, interval

RANGES = ("train_from", "train_to", "test_from", "test_to")
SOURCE = ("database", "table", "column", "file")
UNDERSTOOD = ("id", *SOURCE, *RANGES, "trainer", "params", "group", "priority")
SHOWN = 20
LONGEST_FIELD = 1_000_000
_PASSWORD = re.compile(r"://[^/@:]*:(?!\$\{)[^/@]+@")


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One row as it is written; an empty field of a source is None."""

    line: int
    id: str
    database: str | None
    table: str | None
    column: str | None
    file: str | None
    ranges: tuple[str, str, str, str]
    trainer: str | None
    params: dict[str, str]
    group: str | None
    priority: int
    extra: dict[str, str]


@dataclass(slots=True)
class Findings:
    """What is wrong with a file, and what is only odd."""

    path: str
    problems: list[str] = field(default_factory=list)
    count: int = 0
    overlapping: int = 0  # rows whose test range overlaps their train range
    _lines: dict[str, int] = field(default_factory=dict)

    def add(self, line: int, problem: str, column: str | None = None) -> None:
        """Note a problem of a line (0: of the whole file); only the first ones are kept in words."""
        self.count += 1
        if len(self.problems) < SHOWN:
            where = (f", line {line}" if line else "") + (f", column {column}" if column else "")
            self.problems.append(f"{self.path}{where}: {problem}")

    def seen(self, row_id: str, line: int) -> int | None:
        """Remember where an id stands; return where it stood before, None when it is new."""
        before = self._lines.setdefault(row_id, line)
        return None if before == line else before

    def raise_if_any(self) -> None:
        """Raise SplitFileError when anything is wrong."""
        if self.count:
            raise SplitFileError(self.path, self.problems, self.count)


def read_rows(path: Path, findings: Findings) -> Iterator[SplitRow]:
    """Yield the sound rows of a split file and note the others in `findings`.

    Memory grows with the ids alone. Raises AccessError when the file cannot be opened.
    """
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            yield from _rows(stream, findings)
    except UnicodeDecodeError as error:
        findings.add(0, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from None


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _rows(stream: TextIO, findings: Findings) -> Iterator[SplitRow]:
    reader = csv.reader(stream, strict=True)
    header = _header(reader, findings)
    if header is None:
        return
    line = reader.line_num + 1
    rows = 0
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            findings.add(line, f"{error}; a field ends at the next quote or comma and has at most 1 MB")
            return
        if fields is None:
            break
        if fields and (row := _row(header, fields, line, findings)) is not None:
            yield row
        rows += bool(fields)
        line = reader.line_num + 1
    if not rows:
        findings.add(1, "there are no rows below the header")


def _header(reader: Iterator[list[str]], findings: Findings) -> list[str] | None:
    try:
        written = next(reader, None)
    except csv.Error as error:
        findings.add(1, f"the header cannot be read: {error}")
        return None
    if not written:
        findings.add(1, f"the file is empty; its first line names the columns: id,file,{','.join(RANGES)}")
        return None
    header = [name.strip() for name in written]
    before = findings.count
    for name in sorted({name for name in header if header.count(name) > 1}):
        findings.add(1, "there are two columns of this name", name or "(empty)")
    for name in ("id", *RANGES):
        if name not in header:
            findings.add(1, "the column is missing", name)
    if "file" not in header and "database" not in header:
        findings.add(1, "there is neither a column file nor a column database")
    return None if findings.count > before else header


def _row(header: list[str], fields: list[str], line: int, findings: Findings) -> SplitRow | None:
    before = findings.count
    if len(fields) != len(header):
        findings.add(line, f"has {len(fields)} fields, the header has {len(header)}")
        return None
    row = dict(zip(header, fields, strict=True))
    for name, value in row.items():
        if "\0" in value:
            findings.add(line, "holds a NUL character", name)
    _check_id(row["id"], line, findings)
    source = _source(row, line, findings)
    _check_ranges(row, line, findings)
    params = _params(row.get("params", ""), line, findings)
    priority = _priority(row.get("priority", ""), line, findings)
    if findings.count > before:
        return None
    return SplitRow(
        line=line,
        id=row["id"],
        **source,
        ranges=(row["train_from"], row["train_to"], row["test_from"], row["test_to"]),
        trainer=row.get("trainer", "").strip() or None,
        params=params,
        group=row.get("group") or None,
        priority=priority,
        extra={name: value for name, value in row.items() if name not in UNDERSTOOD},
    )


def _check_id(row_id: str, line: int, findings: Findings) -> None:
    if not row_id.strip():
        findings.add(line, "the id is empty", "id")
    elif (before := findings.seen(row_id, line)) is not None:
        findings.add(line, f"the id {row_id!r} stands in line {before} already", "id")


def _source(row: dict[str, str], line: int, findings: Findings) -> dict[str, str | None]:
    source = {name: row.get(name) or None for name in SOURCE}
    if source["file"] and source["database"]:
        findings.add(line, "names both a file and a database; leave one of them empty", "file")
    elif not source["file"] and not source["database"]:
        findings.add(line, "names neither a file nor a database", "file" if "file" in row else "database")
    elif source["database"] and not source["table"]:
        findings.add(line, "the table is empty", "table")
    for name in ("file", "database"):
        if _PASSWORD.search(source[name] or ""):
            advice = "write ${NAME} in its place and set that environment variable"
            findings.add(line, f"the URL holds a password, which would be stored; {advice}", name)
    return source


def _check_ranges(row: dict[str, str], line: int, findings: Findings) -> None:
    train = _interval(row, "train", line, findings)
    test = _interval(row, "test", line, findings)
    if train is None or test is None:
        return
    if train.kind != test.kind:
        findings.add(line, f"is a {test.kind} where train_from is a {train.kind}", "test_from")
    elif train.overlaps(test):
        findings.overlapping += 1


def _interval(row: dict[str, str], which: str, line: int, findings: Findings) -> Interval | None:
    start, end = f"{which}_from", f"{which}_to"
    for name in (start, end):
        if not row[name].strip():
            findings.add(line, "is empty", name)
            return None
    try:
        found = interval(row[start], row[end])
    except RangeError as error:
        findings.add(line, str(error), start)
        return None
    if found.reversed:
        findings.add(line, f"{row[end]!r} comes before {start} {row[start]!r}", end)
        return None
    return found


def _params(written: str, line: int, findings: Findings) -> dict[str, str]:
    params = {}
    for word in filter(None, (word.strip() for word in written.split(";"))):
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            findings.add(line, f"{word!r} is not of the form key=value", "params")
        params[name.strip()] = value.strip()
    return params


def _priority(written: str, line: int, findings: Findings) -> int:
    try:
        priority = int(written or "0")
    except ValueError:
        priority = 2**31
    if not -(2**31) <= priority < 2**31:
        findings.add(line, f"{written!r} is no whole number of at most 9 digits", "priority")
        return 0
    return priority
