"""The header of a split file: its columns, or what is wrong with them and how to put it right."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from ledger.findings import Findings
from ledger.splitrow import RANGES, UNDERSTOOD

NO_GROUPS = ("id", "params", "priority")
"""Columns that do not say which slices belong together."""
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read_header(reader: Iterator[list[str]], findings: Findings, *, group_by: str | None) -> list[str] | None:
    """The names in the first line; None when something is wrong with them, which is then in `findings`.

    `group_by` is a column that must be there, and can group slices.
    """
    try:
        written = next(reader, None)
    except csv.Error as error:
        findings.add(1, f"the header cannot be read: {error}")
        return None
    if not written:
        empty = "the file is empty" if written is None else "the line is empty"
        findings.add(1, f"{empty}; the first line names the columns: id,file,{','.join(RANGES)}")
        return None
    if (why := _no_header(written)) is not None:
        findings.add(1, why)
        return None
    header = [name.strip() for name in written]
    before = findings.count
    _check_names(header, findings)
    if group_by is not None and (group_by not in header or group_by in NO_GROUPS):
        there = ", ".join(name for name in header if name not in NO_GROUPS)
        findings.add(1, f"slices cannot be grouped by {group_by!r}; there are {there}")
    return None if findings.count > before else header


def _no_header(written: Sequence[str]) -> str | None:
    """What the whole line is instead of names with commas between them, None when it is that."""
    if any("\0" in name for name in written):
        return "holds NUL characters, as UTF-16 without a byte order mark does; save the file as UTF-8"
    for separator, called in OTHER_SEPARATORS.items():
        if len(written) == 1 and separator in written[0]:
            return f"has {called} between the columns; save the file with commas (CSV, comma separated)"
    return None


def _check_names(header: Sequence[str], findings: Findings) -> None:
    for name in sorted({name for name in header if header.count(name) > 1}):
        findings.add(1, "there are two columns of this name", name or "(empty)")
    for name in ("id", *RANGES):
        if name not in header:
            findings.add(1, f"the column is missing{_alike(name, header)}", name)
    if "file" not in header and "database" not in header:
        hint = _alike("file", header) or _alike("database", header)
        findings.add(1, f"there is neither a column file nor a column database{hint}")


def _alike(name: str, header: Sequence[str]) -> str:
    """A column that was perhaps meant, in words."""
    found = [each for each in header if each.casefold() == name and each not in UNDERSTOOD]
    return f"; {found[0]!r} must be written {name!r}" if found else ""
