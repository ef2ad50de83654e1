"""A row of a split file: what its fields mean, and everything that may be wrong with them."""

from __future__ import annotations

import re
from functools import lru_cache

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


def is_sound(header: list[str], fields: list[str], line: int, findings: Findings) -> bool:
    """Whether a row can be imported; what is wrong with it goes into `findings`."""
    before = findings.count
    if len(fields) != len(header):
        findings.add(line, f"has {len(fields)} fields, the header has {len(header)}")
        return False
    row = dict(zip(header, fields, strict=True))
    for name, value in row.items():
        if "\0" in value:
            findings.add(line, "holds a NUL character", name)
    _check_id(row["id"], line, findings)
    _check_passwords(row, line, findings)
    _check_source(row, line, findings)
    _check_ranges(row, line, findings)
    for word in wrong_params(row.get("params", "")):
        findings.add(line, f"{word!r} is not of the form key=value", "params")
    if priority_of(written := row.get("priority", "")) is None:
        findings.add(line, f"{written!r} is no whole number of at most 9 digits", "priority")
    return findings.count == before


def params_of(written: str) -> dict[str, str]:
    """What `key=value;key=value` means."""
    pairs = (word.partition("=") for word in written.split(";") if word.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def wrong_params(written: str) -> list[str]:
    """The parts of `key=value;key=value` that are not of that form."""
    words = [word.strip() for word in written.split(";")]
    return [word for word in words if word and not ("=" in word and word.partition("=")[0].strip())]


def priority_of(written: str) -> int | None:
    """The number a priority is written as, None where it is none, or too large for every database."""
    try:
        priority = int(written or "0")
    except ValueError:
        return None
    return priority if -(2**31) <= priority < 2**31 else None


@lru_cache(maxsize=4096)  # most rows of a split file share their ranges
def overlap(train_from: str, train_to: str, test_from: str, test_to: str) -> bool | None:
    """Whether the test range overlaps the train range; None where something is wrong with one of them."""
    try:
        train, test = interval(train_from, train_to), interval(test_from, test_to)
    except RangeError:
        return None
    if train.reversed or test.reversed or train.kind != test.kind:
        return None
    return train.overlaps(test)


def _check_id(row_id: str, line: int, findings: Findings) -> None:
    if not row_id.strip():
        findings.add(line, "the id is empty", "id")
    elif (before := findings.seen(row_id, line)) is not None:
        findings.add(line, f"the id {row_id!r} stands in line {before} already", "id")


def _check_source(row: dict[str, str], line: int, findings: Findings) -> None:
    file, database, table = (row.get(name) for name in ("file", "database", "table"))
    if file and database:
        findings.add(line, "names both a file and a database; leave one of them empty", "file")
    elif not file and not database:
        findings.add(line, "names neither a file nor a database", "file" if "file" in row else "database")
    elif database and not table:
        findings.add(line, "the table is empty", "table")


def holds_password(name: str, value: str) -> bool:
    """Whether a column of this name holds a URL with a password in it, other than as `${NAME}`."""
    if "://" not in value:
        return False
    address = _IN_DATABASE if name == "database" else _IN_ADDRESS
    passwords = [*address.findall(value), *_IN_QUERY.findall(value)]
    return not all(map(VARIABLE.fullmatch, passwords))


def _check_passwords(row: dict[str, str], line: int, findings: Findings) -> None:
    for name, value in row.items():
        if holds_password(name, value):
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
