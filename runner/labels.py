"""Which values of a slice are known to be anomalous: as a column of the source or a file of ranges says.

Labels only measure a model. No trainer ever gets them.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ledger.errors import RangeError
from ledger.ranges import EPOCHS, Interval, interval
from ledger.records import Slice
from runner.cut import RETURNED, Cut, numbers_in, require_column
from runner.errors import OptionError
from runner.timeaxis import TimeAxis

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ledger.store import Ledger

    Flags = NDArray[np.bool_]

NAMED = ("id", "file", "database", "table")
"""What a line may name of the slices it is for; empty or without such a column it is for all."""

Key: TypeAlias = tuple[str, ...]
Line: TypeAlias = tuple[Interval, frozenset[str]]


def is_label_file(labels: str) -> bool:
    """Whether `--labels` names a file of ranges; anything else is a column of the source."""
    return labels.lower().endswith(".csv")


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The ranges of a file, by what their lines name, each with the columns it is for (none: all)."""

    path: str
    lines: Mapping[Key, tuple[Line, ...]]

    @classmethod
    def read(cls, path: str) -> LabelFile:
        """Read a CSV file with the columns start and end, and any of id, file, database, table, columns.

        Both ends belong to a range. Several columns are parted by semicolons. Raises OptionError
        naming the line that cannot be understood.
        """
        found: dict[Key, list[Line]] = {}
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.DictReader(stream)
                if not {"start", "end"} <= set(rows.fieldnames or ()):
                    raise OptionError(f"the labels {path} have no columns start and end")
                for row in rows:
                    key = tuple(row.get(name) or "" for name in NAMED)
                    found.setdefault(key, []).append(_line(row, f"{path}, line {rows.line_num}"))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise OptionError(f"the labels {path} cannot be read: {error}") from None
        return cls(path, {key: tuple(lines) for key, lines in found.items()})

    def of_test(self, row: Slice, index: pd.Index[Any]) -> Flags:
        """Which rows of the test range, whose times are `index`, lie in a range for this slice.

        Raises TimeError where the file has times and the source numbers, or the other way round.
        """
        import numpy as np

        flags = np.zeros(len(index), dtype=bool)
        for wanted in self._ranges(row):
            flags |= _axis(index, wanted, f"the test range, for {self.path}").inside(wanted)
        return flags

    def require_slice(self, ledger: Ledger) -> None:
        """Raise OptionError where there are lines and slices, and no line is for one of the slices."""
        if not self.lines or ledger.any_slice(self._is_for) or not ledger.sample(1):
            return
        first = zip(NAMED, next(iter(self.lines)), strict=True)
        named = " and ".join(f"{name} {value!r}" for name, value in first if value)
        raise OptionError(
            f"no line of the labels {self.path} is for a slice of {ledger.name}: the first is for "
            f"{named or 'other columns'}; names are as in the split file, or a file's relative to the labels"
        )

    def _is_for(self, row: Slice) -> bool:
        """Whether any line is for this slice, whatever its range."""
        return next(self._ranges(row), None) is not None

    def _ranges(self, row: Slice) -> Iterator[Interval]:
        """The ranges of the lines that are for this slice."""
        for key in product(*self._names(row)):
            for wanted, columns in self.lines.get(key, ()):
                if not columns or row.column is None or row.column in columns:
                    yield wanted

    def _names(self, row: Slice) -> Iterator[set[str]]:
        """What lines for this slice may say in each column of NAMED: nothing, or its own."""
        yield {"", row.id}
        yield {"", *self._files(row)}
        yield {"", row.database or ""}
        yield {"", row.table or ""}

    def _files(self, row: Slice) -> Iterator[str]:
        """The slice's file as the split file writes it, and as it is found from here."""
        if row.file is not None:
            yield row.file
            if "://" not in row.file:
                yield _seen_from(self.path, row.base or "", row.file)


@lru_cache(maxsize=1024)  # neighbours in a split file are often of one file
def _seen_from(labels: str, base: str, file: str) -> str:
    """The file `file` of the folder `base`, relative to the folder of the labels."""
    return Path(os.path.relpath(Path(base) / file, Path(labels).parent)).as_posix()


def _line(row: Mapping[str, str | None], where: str) -> Line:
    try:
        wanted = interval(row["start"] or "", row["end"] or "")
    except RangeError as error:
        raise OptionError(f"{where}: {error}") from None
    if wanted.reversed:
        raise OptionError(f"{where}: the range ends before it begins")
    written = row.get("columns") or row.get("column") or ""
    return wanted, frozenset(filter(None, written.split(";")))


def _axis(index: pd.Index[Any], wanted: Interval, source: str) -> TimeAxis:
    """The axis of times that were cut already; where a range is in epoch seconds or ms, so are they."""
    import numpy as np
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex):
        return TimeAxis(index, np.asarray(index, dtype=np.float64), source)
    if wanted.kind == "number":
        for unit, (low, high) in EPOCHS.items():
            if low <= float(wanted.low) <= high:  # type: ignore[arg-type]
                numbers = (index - pd.Timestamp(0)) / pd.Timedelta(1, unit)
                return TimeAxis(index, np.asarray(numbers, dtype=np.float64), source)
    return TimeAxis(index, None, source)


def taken_out(data: Cut, column: str) -> Cut:
    """What a user's get_data returned, its label column as labels instead of data.

    Raises MissingColumnError where it has no such column, NotNumericError for text in it.
    """
    import numpy as np
    import pandas as pd

    there = list(map(str, data.test.columns)) if isinstance(data.test, pd.DataFrame) else []
    require_column(column, there, RETURNED)
    flags = numbers_in(data.test[column], slice(None), column, RETURNED)
    labels = np.asarray(np.nan_to_num(flags) != 0)
    return replace(data, train=_but(data.train, column), test=_but(data.test, column), labels=labels)


def _but(part: pd.Series[float] | pd.DataFrame, column: str) -> pd.Series[float] | pd.DataFrame:
    """The other columns, a Series where one is left."""
    import pandas as pd

    if isinstance(part, pd.Series):
        return part
    others = part.drop(columns=column, errors="ignore")
    return others.iloc[:, 0] if others.shape[1] == 1 else others
