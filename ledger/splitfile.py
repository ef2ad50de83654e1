"""A split file: its rows, some thousands at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from ledger.errors import AccessError
from ledger.findings import Findings
from ledger.splitbatch import Batch
from ledger.splitrow import RANGES

BATCH = 5_000
LONGEST_FIELD = 1_000_000
NO_GROUPS = ("id", "params", "priority", "group")
"""Columns that do not say which slices belong together; `group` does so by itself."""


def read_batches(path: Path, findings: Findings, *, group_by: str | None = None) -> Iterator[Batch]:
    """Yield the sound rows of a split file and note the others in `findings`.

    `group_by` is a column that must be there, and can group slices. Memory grows with the ids
    alone. Raises AccessError when the file cannot be opened.
    """
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding=_encoding(path), newline="") as stream:
            yield from _batches(stream, findings, group_by)
    except UnicodeDecodeError as error:
        findings.add(0, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from None


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _batches(stream: TextIO, findings: Findings, group_by: str | None) -> Iterator[Batch]:
    reader = csv.reader(stream, strict=True)
    header = _header(reader, findings, group_by)
    if header is None:
        return
    line, count = reader.line_num + 1, 0
    more = True
    while more:
        batch = Batch(header, [], [])
        room = BATCH
        try:
            for fields in islice(reader, BATCH):
                room -= 1
                if fields:
                    batch.rows.append(fields)
                    batch.lines.append(line)
                line = reader.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            batch.sound(findings)  # what comes before is told first
            if isinstance(error, UnicodeDecodeError):
                raise
            findings.add(line, f"{error}; a field ends at the next quote or comma and has at most 1 MB")
            return
        more = room == 0
        count += len(batch)
        if batch.rows:
            yield batch.sound(findings)
    if not count:
        findings.add(1, "there are no rows below the header")


def _header(reader: Iterator[list[str]], findings: Findings, group_by: str | None) -> list[str] | None:
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
    if group_by is not None and (group_by not in header or group_by in NO_GROUPS):
        there = ", ".join(name for name in header if name not in NO_GROUPS)
        findings.add(1, f"slices cannot be grouped by {group_by!r}; there are {there}")
    return None if findings.count > before else header
