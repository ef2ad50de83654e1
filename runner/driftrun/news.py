"""The new rows of many models, each table or file read once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ledger.drift.records import Target
from ledger.errors import RangeError
from runner.cut import RETURNED, columns_of, part_of
from runner.errors import MissingColumnError, NoDataError, RunnerError, SourceError
from runner.recent import NewRows, Recent, after, new_rows
from runner.sources import Reader
from runner.timeaxis import time_axis
from runner.userfile import UserFile
from runner.windows import Window

Came = NewRows | str
"""The new rows, or why there are none."""
NOTHING = "no newer data"


class News:
    """Reads what is new since a model was tested, and since the window that was checked last.

    `user`: a file whose get_data(row) reads instead. It gets the row with its test range replaced: from
    the last moment that is known, which is cut off again, to a far one; of a pair that it returns the
    test part is taken.
    """

    def __init__(self, reader: Reader, user: UserFile | None, rows: Callable[[Target], int]) -> None:
        self._reader = reader
        self._user = user if user is not None and user.reads else None
        self._rows = rows

    def of(self, targets: Sequence[Target]) -> Iterator[tuple[Target, Came]]:
        """Each model with its new rows. What goes wrong with one is told for that one alone."""
        sources: dict[Any, list[tuple[Target, Recent]]] = {}
        for target in targets:
            try:
                recent = self._recent(target)
            except (RangeError, RunnerError) as error:
                yield target, str(error)
                continue
            key = (self._reader.source(target.slice), recent.kind)
            sources.setdefault(key, []).append((target, recent))
        for some in sources.values():
            yield from self._by_user(some) if self._user is not None else self._by_reader(some)

    def _recent(self, target: Target) -> Recent:
        previous = None if target.previous is None else target.previous.window_to
        return Recent(after(target.slice.test_to, previous), self._rows(target))

    def _by_reader(self, some: Sequence[tuple[Target, Recent]]) -> Iterator[tuple[Target, Came]]:
        wide = Recent(
            min(recent.after for _, recent in some),
            max(recent.rows for _, recent in some),
        )
        columns = {target.slice.column for target, _ in some if target.slice.column is not None}
        window: Window | None = None
        broken: str | None = None
        for target, recent in some:
            try:
                if broken is None and (window is None or not window.holds(target.slice.column)):
                    window = self._reader.recent(target.slice, columns, wide)
            except SourceError as error:  # every other one would wait for the same source
                broken = str(error)
            except NoDataError:
                broken = f"{NOTHING} after {wide.ends[0]}"
            except Exception as error:
                yield target, _told(error)
                continue
            if broken is not None or window is None:
                yield target, broken or NOTHING
            else:
                yield target, _cut(window, target, recent)

    def _by_user(self, some: Sequence[tuple[Target, Recent]]) -> Iterator[tuple[Target, Came]]:
        for target, recent in some:
            try:
                start, end = recent.ends
                row = replace(target.slice, test_from=start, test_to=end)
                assert self._user is not None
                window = _window(self._user.get_data(row))
            except Exception as error:  # the user's code may raise anything
                yield target, _told(error)
            else:
                yield target, _cut(window, target, recent)


def _cut(window: Window, target: Target, recent: Recent) -> Came:
    try:
        found = new_rows(window, _columns(window, target), recent)
    except Exception as error:  # an odd index or value in what was read
        return _told(error)
    return f"{NOTHING} after {recent.ends[0]}" if found is None else found


def _columns(window: Window, target: Target) -> list[str]:
    """The columns that there is a profile of; where it is one, its name may have changed."""
    known = [each.column for each in target.profiles if each.profile is not None]
    missing = next((name for name in known if name not in window.columns), None)
    if missing is None:
        return known
    one = target.slice.column or (next(iter(window.columns)) if len(window.columns) == 1 else None)
    if len(known) == 1 and one in window.columns:
        return [str(one)]
    raise MissingColumnError(f"{window.axis.source} has no column {missing!r} any more")


def _window(data: Any) -> Window:
    """What a user's get_data returned, as if it had been read."""
    pair = isinstance(data, tuple) and len(data) == 2
    columns, times = columns_of(part_of(data[1]) if pair else data)
    return Window({str(name): column for name, column in columns.items()}, time_axis(times, RETURNED), True)


def _told(error: Exception) -> str:
    kind = "" if isinstance(error, RunnerError) else f"{type(error).__name__}: "
    return f"{kind}{error}"
