"""What an import did, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or with `dry_run` would do."""

    path: str
    rows: int
    added: int
    changed: int
    unchanged: int
    retired: int
    missing: int  # slices of the ledger that the file does not name; kept unless pruned
    overlapping: int  # rows whose test range overlaps their train range
    dry_run: bool

    def __str__(self) -> str:
        return self.sentence()

    def sentence(self) -> str:
        """The report in words."""
        would = "would be " if self.dry_run else ""
        told = f"{self.path}: {self.rows} rows, {self.added} {would}added, {self.changed} {would}changed, "
        told += f"{self.unchanged} unchanged"
        if self.retired:
            told += f", {self.retired} {would}retired"
        if staying := self.missing - self.retired:
            told += f"; {staying} slices of the ledger are not in it and stay (`--prune` retires them "
            told += "unless they are being trained)"
        if self.overlapping:
            told += f"\nWarning: in {self.overlapping} rows the test range overlaps the train range"
        return told
