"""The new rows of many models, each table or file read once for all of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ledger.drift.records import Target
from runner.cut import RETURNED, columns_of, part_of
from runner.driftrun.detectors import Opened
from runner.errors import MissingColumnError, NoDataError, RunnerError, SourceError
from runner.recent import Recent
from runner.sources import Reader
from runner.timeaxis import time_axis
from runner.userfile import UserFile
from runner.windows import Window

NOTHING = "no newer data"


class Wanted(NamedTuple):
    """A model, which rows are wanted for it, and what compares them, by column."""

    target: Target
    recent: Recent
    opened: Mapping[str, Opened]


class News:
    """Reads what is new in the sources of models.

    `user`: a file whose get_data(row) reads instead. It gets the row with its test range replaced: from
    the last moment that is known, which is cut off again, to a far one; of a pair that it returns the
    test part is taken.
    """

    def __init__(self, reader: Reader, user: UserFile | None) -> None:
        self._reader = reader
        self._user = user if user is not None and user.reads else None

    def of(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Window | str]]:
        """Each of them with what was read, new rows and maybe others, or with why there is nothing.

        What goes wrong with one is told for that one alone.
        """
        if self._user is not None:
            for each in wanted:
                yield each, self._by_user(self._user, each)
            return
        sources: dict[Hashable, list[Wanted]] = {}
        for each in wanted:
            key = (self._reader.source(each.target.slice), each.recent.kind)
            sources.setdefault(key, []).append(each)
        for some in sources.values():
            yield from self._by_reader(some)

    def _by_reader(self, some: Sequence[Wanted]) -> Iterator[tuple[Wanted, Window | str]]:
        wide = Recent(min(each.recent.after for each in some), max(each.recent.rows for each in some))
        columns = {each.target.slice.column for each in some if each.target.slice.column is not None}
        window: Window | None = None
        broken: str | None = None
        for each in some:
            row = each.target.slice
            try:
                if broken is None and (window is None or not window.holds(row.column)):
                    window = self._reader.recent(row, columns, wide)
            except SourceError as error:  # every other one would wait for the same source
                broken = str(error)
            except NoDataError:
                broken = f"{NOTHING} after {wide.ends[0]}"
            except Exception as error:  # of this column alone
                yield each, told(error)
                continue
            yield each, broken or window or NOTHING

    def _by_user(self, user: UserFile, wanted: Wanted) -> Window | str:
        start, end = wanted.recent.ends
        try:
            data = user.get_data(replace(wanted.target.slice, test_from=start, test_to=end))
            pair = isinstance(data, tuple) and len(data) == 2
            columns, times = columns_of(part_of(data[1]) if pair else data)
            named = {str(name): column for name, column in columns.items()}
            return Window(named, time_axis(times, RETURNED), True)
        except Exception as error:  # the user's code may raise anything
            return told(error)


def columns_in(window: Window, wanted: Wanted) -> list[str]:
    """The columns that there is a profile of; where it is one, its name may have changed.

    Raises MissingColumnError where one of several is no longer there.
    """
    known = list(wanted.opened)
    missing = next((name for name in known if name not in window.columns), None)
    if missing is None:
        return known
    one = wanted.target.slice.column or (next(iter(window.columns)) if len(window.columns) == 1 else None)
    if len(known) == 1 and one in window.columns:
        return [str(one)]
    raise MissingColumnError(f"{window.axis.source} has no column {missing!r} any more")


def told(error: Exception) -> str:
    """An error in words; our own speak for themselves."""
    kind = "" if isinstance(error, RunnerError) else f"{type(error).__name__}: "
    return f"{kind}{error}"
