"""What is wrong with a split file, said with line and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.errors import SplitFileError

SHOWN = 20


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

    def all_new(self, ids: Sequence[str], lines: Sequence[int]) -> bool:
        """Remember where ids stand, if none is empty and none was seen before; else remember nothing."""
        if not all(map(str.strip, ids)) or len(set(ids)) < len(ids) or not self._lines.keys().isdisjoint(ids):
            return False
        self._lines.update(zip(ids, lines, strict=True))
        return True

    def raise_if_any(self) -> None:
        """Raise SplitFileError when anything is wrong."""
        if self.count:
            raise SplitFileError(self.path, self.problems, self.count)
