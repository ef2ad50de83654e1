"""The window of a split: how much of a series' end is trained on, and how much after that is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.catalog.found import Table
from ledger.errors import LedgerError, RangeError
from ledger.ranges import Instant, interval, parse, roll
from ledger.requeue import parse_age

EPOCH_MILLISECONDS = 100_000_000_000
SHORT = "are shorter than the window"

Ranges = tuple[str, str, str, str]


class NoWindowError(LedgerError):
    """A table has no window of this kind; the message says why, as part of a sentence."""


@dataclass(frozen=True, slots=True)
class Window:
    """Both lengths in seconds, or both in rows, which end at `until` or at a series' own end."""

    train: float
    test: float
    in_rows: bool
    until: str | None = None

    @classmethod
    def parse(cls, train: str, test: str, until: str | None) -> Window:
        """Understand lengths of time (30d) or numbers of rows. Raises LedgerError naming what is neither."""
        lengths = _length(train, "train"), _length(test, "test")
        kinds = {type(length) for length in lengths}
        if len(kinds) > 1:
            raise LedgerError("--train and --test must both be lengths of time (30d) or both numbers of rows")
        if until is not None and int in kinds:
            raise LedgerError("--until goes with lengths of time (30d), not with numbers of rows")
        if until is not None:
            parse(until)
        return cls(*lengths, in_rows=int in kinds, until=until)

    @property
    def rows(self) -> int:
        """How many rows it has, 0 where its lengths are times."""
        return int(self.train + self.test) if self.in_rows else 0

    def ranges(self, table: Table) -> Ranges:
        """Where the train and test ranges of a table begin and end.

        Raises RangeError for times that are none, NoWindowError for a table that is too short.
        """
        return self._by_rows(table) if self.in_rows else self._by_time(table)

    def _by_rows(self, table: Table) -> Ranges:
        interval(table.first, table.last)
        if len(table.tail) < self.rows:
            raise NoWindowError(SHORT)
        times = table.tail[-self.rows :]
        last_trained = int(self.train) - 1
        return times[0], times[last_trained], times[last_trained + 1], times[-1]

    def _by_time(self, table: Table) -> Ranges:
        whole = interval(table.first, table.last)
        end = self.until or table.last
        if parse(end).kind != whole.kind:
            raise NoWindowError(f"have {whole.kind}s where --until is a {parse(end).kind}")
        unit = _per_second(parse(end).low)
        try:
            train_to = roll(end, -self.test * unit)
            train_from = roll(train_to, -self.train * unit)
        except RangeError:  # before the year 1
            raise NoWindowError(SHORT) from None
        if parse(train_from).low < whole.low:  # type: ignore[operator]
            raise NoWindowError(SHORT)
        test_from = _next(train_to)
        if interval(test_from, end).reversed:
            raise NoWindowError("have dates or months that are longer than --test")
        if whole.high < parse(test_from).low:  # type: ignore[operator]
            raise NoWindowError("end before the test range that --until gives")
        return train_from, train_to, test_from, end


def _length(written: str, option: str) -> int | float:
    """Rows as an int, seconds as a float."""
    if written.isdigit() and int(written) > 0:
        return int(written)
    try:
        return parse_age(written).total_seconds()
    except LedgerError:
        raise LedgerError(f"--{option} {written!r} is neither a length of time (30d, 12h) nor rows") from None


def _per_second(low: Instant) -> int:
    """Units of a range value in one second: epoch milliseconds have 1,000."""
    return 1000 if isinstance(low, Decimal) and low >= EPOCH_MILLISECONDS else 1


def _next(value: str) -> str:
    """The value right after `value`: both ends of a range belong to it."""
    point = parse(value)
    if isinstance(point.low, datetime) and isinstance(point.high, datetime):
        whole = (point.high - point.low).total_seconds()
        return roll(value, whole + 1 if whole else 1)
    return roll(value, 1)
