"""Where a slice's data comes from: a database or a file."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace

from ledger.records import Slice
from runner.cut import Cut
from runner.databases import OPEN, Databases
from runner.files import read_file
from runner.readahead import ReadAhead
from runner.recent import Recent
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
        self._ahead = ReadAhead()

    def load(self, row: Slice, together: Collection[str] = ()) -> Cut:
        """The train and test data of a slice; `together` are columns that the next slices need.

        Raises SourceError, or an UnfitDataError.
        """
        if self._settings.keep_open == 1 and not self._ahead.at_work:
            # Connections are limited, and others may read now what was read here: what comes next may
            # be in memory, or a file, and would never take the place of the one that is open.
            self._databases.leave_others(row.database, row.base)
        label = self._settings.label_column
        if label is None:
            return self._window(row, together).cut(row)
        data = self._window(row, together).cut(row, without=label)
        flags = self._window(replace(row, column=label), ()).flags(label, row)
        return replace(data, labels=flags)

    def recent(self, row: Slice, together: Collection[str], wanted: Recent) -> Window:
        """What is new in a slice's source, which may be more than that; nothing of it is kept.

        Of a table only the last rows are read, of a file all. Raises as `load` does, NoDataError where
        nothing is new.
        """
        named = self._wanted(row, together)
        if row.file is None:
            return self._databases.read(row, wished_time=named.time, together=together, recent=wanted)
        return self._read(row, named)

    def source(self, row: Slice) -> Hashable:
        """What is the same for slices whose new data is read together, whatever they were trained on."""
        given = (row.extra.get("time_column"), row.extra.get("separator"))
        return (row.database, row.table, row.file, row.base, *given)

    def read_ahead(self, row: Slice, together: Collection[str]) -> None:
        """Read for a slice that will come soon, in a thread of its own, unless that is there already.

        What goes wrong with it is told when the slice is loaded.
        """
        if not self._ahead.at_work:
            self._take_in()
        wanted = self._wanted(row, together)
        if self._windows.find(wanted.key, row.column) is None:
            self._ahead.start(wanted.key, lambda: self._read(row, wanted))

    def _window(self, row: Slice, together: Collection[str]) -> Window:
        wanted = self._wanted(row, together)
        window = self._windows.find(wanted.key, row.column)
        if window is None and self._take_in():
            window = self._windows.find(wanted.key, row.column)
        if window is None:
            window = self._read(row, wanted)
            self._windows.keep(wanted.key, window)
        return window

    def _take_in(self) -> bool:
        """Wait for what is read ahead, and keep it; False where there is nothing."""
        if (read := self._ahead.finished()) is None:
            return False
        self._windows.keep(*read)
        return True

    def _wanted(self, row: Slice, together: Collection[str]) -> _Wanted:
        time = row.extra.get("time_column") or self._settings.time_column
        separator = row.extra.get("separator") or self._settings.separator
        if self._settings.label_column is not None:
            together = (*together, self._settings.label_column)
        if row.file is not None:
            return _Wanted((row.file, row.base, time, separator), time, separator, together)
        return _Wanted((row.database, row.table, row.base, time, row.ranges), time, None, together)

    def _read(self, row: Slice, wanted: _Wanted) -> Window:
        if row.file is None:
            return self._databases.read(row, wished_time=wanted.time, together=wanted.together)
        return read_file(row, wished_time=wanted.time, separator=wanted.separator, together=wanted.together)

    def close(self) -> None:
        """Close what is open."""
        self._ahead.close()
        self._databases.close()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is read for a slice: `key` names it, for all slices that are cut from the same."""

    key: Hashable
    time: str | None
    separator: str | None
    together: Collection[str]
