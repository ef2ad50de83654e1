"""Many rows of a split file at a time, by column: checked at once where nothing about them is odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from ledger.findings import Findings
from ledger.splitrow import RANGES, is_sound, overlap, priority_of, wrong_params

_SOURCES = {(True, False, False), (True, False, True), (False, True, True)}
"""What of file, database and table may be given together."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows as they are written, each with its line in the file."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[str]:
        """The values of a column, empty ones where there is no such column."""
        if name not in self.header:
            return list(repeat("", len(self)))
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    def sound(self, findings: Findings) -> Batch:
        """The rows that can be imported; what is wrong with the others goes into `findings`."""
        if self._is_plain(findings):
            return self
        kept = [
            (fields, line)
            for fields, line in zip(self.rows, self.lines, strict=True)
            if is_sound(self.header, fields, line, findings)
        ]
        return Batch(self.header, [fields for fields, _ in kept], [line for _, line in kept])

    def _is_plain(self, findings: Findings) -> bool:
        """Whether every row is sound, found out by looking at each different value once.

        False says nothing: then row by row it is found out what is wrong, if anything is.
        """
        if set(map(len, self.rows)) != {len(self.header)}:
            return False
        text = "\n".join(map("".join, self.rows))
        if "\0" in text or "://" in text:  # a URL may hold a password
            return False
        given = (map(bool, self.column(name)) for name in ("file", "database", "table"))
        if not set(zip(*given, strict=True)) <= _SOURCES:
            return False
        ranges = list(zip(*map(self.column, RANGES), strict=True))
        overlapping = {each: overlap(*each) for each in set(ranges)}
        if (
            None in overlapping.values()
            or any(map(wrong_params, set(self.column("params"))))
            or any(priority_of(written) is None for written in set(self.column("priority")))
            or not findings.all_new(self.column("id"), self.lines)
        ):
            return False
        if any(overlapping.values()):
            findings.overlapping += sum(bool(overlapping[each]) for each in ranges)
        return True
