"""A row of a split file: what its fields mean, and whether they are sound."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ledger.errors import RangeError
from ledger.findings import Findings
from ledger.ranges import Interval, interval
from ledger.variables import VARIABLE

RANGES = ("train_from", "train_to", "test_from", "test_to")
SOURCE = ("database", "table", "column", "file")
UNDERSTOOD = ("id", *SOURCE, *RANGES, "trainer", "params", "group", "priority")
_IN_DATABASE = re.compile(r"://[^/:]*:([^@]+)@")  # a database's password may hold slashes
_IN_ADDRESS = re.compile(r"://[^/?#\s:]*:([^/?#\s]+)@")
_IN_QUERY = re.compile(
    r"[?&;]\w*(?:password|passwd|passphrase|pwd|secret)(?:=|%3D)([^&;%\s]+)", re.IGNORECASE
)


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


def split_row(header: list[str], fields: list[str], line: int, findings: Findings) -> SplitRow | None:
    """Understand one row; None when something is wrong with it, which is then in `findings`."""
    before = findings.count
    if len(fields) != len(header):
        findings.add(line, f"has {len(fields)} fields, the header has {len(header)}")
        return None
    row = dict(zip(header, fields, strict=True))
    for name, value in row.items():
        if "\0" in value:
            findings.add(line, "holds a NUL character", name)
    _check_id(row["id"], line, findings)
    _check_passwords(row, line, findings)
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
    return source


def _check_passwords(row: dict[str, str], line: int, findings: Findings) -> None:
    for name, value in row.items():
        if "://" not in value:
            continue
        address = _IN_DATABASE if name == "database" else _IN_ADDRESS
        passwords = [*address.findall(value), *_IN_QUERY.findall(value)]
        if not all(map(VARIABLE.fullmatch, passwords)):
            advice = "write ${NAME} in its place and set that environment variable"
            findings.add(line, f"the URL holds a password, which would be stored; {advice}", name)


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
