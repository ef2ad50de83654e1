"""Where a slice's data comes from: a database or a file."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace

from ledger.records import Slice
from runner.cut import Cut
from runner.databases import OPEN, Databases
from runner.files import read_file
from runner.windows import Window, Windows


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How names become databases, and how tables are read, where a row says nothing itself.

    URLs may hold `${NAME}` for an environment variable, which is filled in when it is used.
    """

    databases: Mapping[str, str] = field(default_factory=dict, repr=False)
    time_column: str | None = None
    separator: str | None = None
    label_column: str | None = None
    keep_open: int = OPEN  # databases


class Reader:
    """Reads slices; keeps the last databases open, and what was read last for the slices that come next."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._databases = Databases(settings.databases, settings.keep_open)
        self._windows = Windows()

    def load(self, row: Slice, together: Collection[str] = ()) -> Cut:
        """The train and test data of a slice; `together` are columns that the next slices need.

        Raises SourceError, or an UnfitDataError.
        """
        label = self._settings.label_column
        if label is None:
            return self._window(row, together).cut(row)
        data = self._window(row, (*together, label)).cut(row, without=label)
        flags = self._window(replace(row, column=label), ()).flags(label, row)
        return replace(data, labels=flags)

    def _window(self, row: Slice, together: Collection[str]) -> Window:
        time = row.extra.get("time_column") or self._settings.time_column
        separator = row.extra.get("separator") or self._settings.separator
        key: Hashable
        if row.file is not None:
            key = (row.file, row.base, time, separator)
        else:
            key = (row.database, row.table, row.base, time, row.ranges)
        window = self._windows.find(key, row.column)
        if window is None:
            if row.file is not None:
                window = read_file(row, wished_time=time, separator=separator, together=together)
            else:
                window = self._databases.read(row, wished_time=time, together=together)
            self._windows.keep(key, window)
        return window

    def close(self) -> None:
        """Close what is open."""
        self._databases.close()
