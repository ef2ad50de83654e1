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
from ledger.splitheader import read_header

BATCH = 5_000
LONGEST_FIELD = 1_000_000


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
        findings.add(*_not_text(path, error.encoding))
    except OSError as error:
        raise AccessError(f"{path} cannot be read: {error.strerror}") from None


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _not_text(path: Path, encoding: str) -> tuple[int, str]:
    """The line that is no text, and what is wrong with it. Text is decoded in blocks, which know no lines."""
    if "16" in encoding:
        return 0, "is not whole UTF-16 text; save it as UTF-8"
    with path.open("rb") as stream:
        lines = enumerate(stream, start=1)
        number = next((n for n, line in lines if line.decode(errors="ignore").encode() != line), 0)
    return number, "is not UTF-8 text; save the file as UTF-8"


def _batches(stream: TextIO, findings: Findings, group_by: str | None) -> Iterator[Batch]:
    reader = csv.reader(stream, strict=True)
    header = read_header(reader, findings, group_by=group_by)
    if header is None:
        return
    line, count = reader.line_num + 1, 0
    more = True
    while more:
        rows: list[list[str]] = []
        wrong = None
        try:
            rows.extend(islice(reader, BATCH))
        except (csv.Error, UnicodeDecodeError) as error:  # what came before it is in `rows`
            wrong = error
        more = len(rows) == BATCH
        batch, line = _placed(header, rows, line, reader.line_num + 1)
        if wrong is not None:
            batch.sound(findings)  # what comes before is told first
            if isinstance(wrong, UnicodeDecodeError):
                raise wrong
            findings.add(line, f"{wrong}; a field ends at the next quote or comma and has at most 1 MB")
            return
        count += len(batch)
        if batch.rows:
            yield batch.sound(findings)
    if not count:
        findings.add(1, "there are no rows below the header")


def _placed(header: list[str], rows: list[list[str]], line: int, end: int) -> tuple[Batch, int]:
    """The rows that begin in `line`, each with its line and without empty ones, and the line after them.

    `end` is the line that the reader comes to next.
    """
    if end - line == len(rows) and all(rows):  # a line each
        return Batch(header, rows, list(range(line, end))), end
    batch = Batch(header, [], [])
    for fields in rows:
        if fields:
            batch.rows.append(fields)
            batch.lines.append(line)
        line += 1 + sum(map(_line_ends, fields))
    return batch, line


def _line_ends(field: str) -> int:
    return field.count("\n") + field.count("\r") - field.count("\r\n")
