"""Many rows of a split file at a time, by column: checked at once where nothing about them is odd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from ledger.bulk import alike
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
    _columns: dict[str, Sequence[str]] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> Sequence[str]:
        """The values of a column, empty ones where there is no such column. Every row has all fields."""
        if not self._columns:
            self._columns.update(zip(self.header, zip(*self.rows, strict=True), strict=True))
        if name not in self._columns:
            self._columns[name] = tuple(repeat("", len(self)))
        return self._columns[name]

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
        for text in ("\n".join(self.column(name)) for name in self.header):
            if "\0" in text or "://" in text:  # a URL may hold a password
                return False
        if not self._different("file", "database", "table", of=bool) <= _SOURCES:
            return False
        overlapping = {each: overlap(*each) for each in self._different(*RANGES)}
        if (
            None in overlapping.values()
            or any(map(wrong_params, set(self.column("params"))))
            or any(priority_of(written) is None for written in set(self.column("priority")))
            or not findings.all_new(self.column("id"), self.lines)
        ):
            return False
        if any(overlapping.values()):
            ranges = zip(*map(self.column, RANGES), strict=True)
            findings.overlapping += sum(bool(overlapping[each]) for each in ranges)
        return True

    def _different(self, *names: str, of: Callable[[str], Any] = str) -> set[tuple[Any, ...]]:
        """What stands in these columns together, each once."""
        columns = [self.column(name) for name in names]
        if all(map(alike, columns)):
            columns = [column[:1] for column in columns]
        return set(zip(*(map(of, column) for column in columns), strict=True))
