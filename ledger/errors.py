"""What can go wrong with a ledger, each with the exit code its command line ends with."""

from __future__ import annotations

from collections.abc import Sequence


class LedgerError(Exception):
    """The root of every error this package raises on purpose."""

    exit_code = 2


class SplitFileError(LedgerError):
    """A split file cannot be imported; nothing of it was.

    `problems` holds the first ones as sentences, `count` says how many there are in all.
    """

    def __init__(self, path: str, problems: Sequence[str], count: int) -> None:
        self.path = path
        self.problems = tuple(problems)
        self.count = count
        more = f"\n… and {count - len(problems)} more" if count > len(problems) else ""
        super().__init__("\n".join(problems) + more + "\nNothing was imported.")


class RangeError(LedgerError):
    """A range value is neither a number nor a time."""


class LeaseLostError(LedgerError):
    """A result came for an attempt that no longer owns its slice; it was not recorded."""

    def __init__(self, slice_id: str, attempt: int) -> None:
        self.slice_id = slice_id
        self.attempt = attempt
        super().__init__(f"slice {slice_id!r}: attempt {attempt} no longer owns it")


class UnknownSliceError(LedgerError):
    """No slice has this id."""

    def __init__(self, slice_id: str) -> None:
        self.slice_id = slice_id
        super().__init__(f"no slice has the id {slice_id!r}; `ledger list` shows those there are")


class QueryError(LedgerError):
    """The database refused a query or a condition written by the user."""


class ArtifactError(LedgerError):
    """A model file is missing, damaged, or not where its record says."""


class LedgerBusyError(LedgerError):
    """Somebody else kept the ledger locked for longer than we wait."""

    exit_code = 4


class ConflictError(LedgerBusyError):
    """The server gave up this transaction in favour of another one; at the next try it may pass."""


class SchemaError(LedgerError):
    """The ledger's tables are older or newer than this program."""

    exit_code = 5


class NotALedgerError(LedgerError):
    """The file is no SQLite database, is damaged, or belongs to another program."""

    exit_code = 6


class AccessError(LedgerError):
    """The ledger cannot be opened, read or written: a folder is missing, forbidden or full."""

    exit_code = 7


class GoneError(LedgerError):
    """The ledger's file was removed or replaced while it was in use."""

    exit_code = 7


class DamagedError(LedgerError):
    """The ledger and its files contradict each other."""

    exit_code = 6
