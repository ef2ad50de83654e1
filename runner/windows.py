"""What was read of tables and files, kept for the slices that come next: each is read once for all."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger.ranges import interval
from runner.cut import Cut, cut_columns, numbers_in
from runner.timeaxis import TimeAxis

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ledger.records import Slice

BUDGET = 256 * 2**20
"""Bytes of data that a worker keeps; what was used longest ago goes first."""
MAX_AGE = 300.0
"""Seconds after which a source is read again: somebody may have corrected it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Columns of a table or file as they were read, by name, and the time of each row.

    `whole` means that these are all there are.
    """

    columns: Mapping[str, Any]
    axis: TimeAxis
    whole: bool = False

    def holds(self, column: str | None) -> bool:
        """Whether the slice of this column, or of all columns, can be cut from it."""
        return self.whole if column is None else column in self.columns

    def cut(self, row: Slice, *, without: str | None = None) -> Cut:
        """The slice's part; of all columns, those but `without`. Raises as `cut_columns` does."""
        if row.column is not None:
            without = None
        wanted = {
            name: column
            for name, column in self.columns.items()
            if row.column in (None, name) and name != without
        }
        return cut_columns(wanted, self.axis, row)

    def flags(self, column: str, row: Slice) -> NDArray[np.bool_]:
        """Which rows of the test range have something else than 0 in a column; what is missing is 0.

        Raises NotNumericError for text.
        """
        import numpy as np

        places, _ = self.axis.part(interval(row.test_from, row.test_to))
        values = numbers_in(self.columns[column], places, column, self.axis.source)
        return np.asarray(np.nan_to_num(values) != 0)

    @property
    def bytes(self) -> int:
        """The memory that it takes; a text counts as its reference and some 60 bytes."""
        cells = [getattr(column, "nbytes", 0) for column in (*self.columns.values(), self.axis.index)]
        objects = sum(len(column) for column in self.columns.values() if column.dtype.kind not in "fiub")
        return sum(cells) + 60 * objects


@dataclass(slots=True)
class _Kept:
    window: Window
    bytes: int
    since: float


class Windows:
    """The windows that were read last, in bounded memory."""

    def __init__(self, budget: int = BUDGET, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget
        self._monotonic = monotonic
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0

    def find(self, key: Hashable, column: str | None) -> Window | None:
        """The window kept under `key`, if it holds `column`, or all columns for None."""
        kept = self._kept.get(key)
        if kept is None or not kept.window.holds(column):
            return None
        if self._monotonic() - kept.since > MAX_AGE:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return kept.window

    def keep(self, key: Hashable, window: Window) -> None:
        """Keep a window in the place of what was there under `key`, and drop the oldest for it."""
        self._drop(key)
        size = window.bytes
        if size > self._budget:
            return
        while self._bytes + size > self._budget:
            self._drop(next(iter(self._kept)))
        self._kept[key] = _Kept(window, size, self._monotonic())
        self._bytes += size

    def _drop(self, key: Hashable) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept.bytes
