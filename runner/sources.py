"""Where a slice's data comes from: a database or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.records import Slice
from runner.cut import Cut
from runner.databases import Databases
from runner.files import load_file


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How names become databases, and how tables are read, where a row says nothing itself.

    URLs may hold `${NAME}` for an environment variable, which is filled in when it is used.
    """

    databases: Mapping[str, str] = field(default_factory=dict, repr=False)
    time_column: str | None = None
    separator: str | None = None


class Reader:
    """Reads slices; keeps the last databases open."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._databases = Databases(settings.databases)

    def load(self, row: Slice) -> Cut:
        """The train and test data of a slice. Raises SourceError, or an UnfitDataError."""
        time = row.extra.get("time_column") or self._settings.time_column
        if row.file is not None:
            separator = row.extra.get("separator") or self._settings.separator
            return load_file(row, wished_time=time, separator=separator)
        return self._databases.load(row, wished_time=time)

    def close(self) -> None:
        """Close what is open."""
        self._databases.close()
