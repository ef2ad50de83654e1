"""What a database refuses, in a sentence: which error of ours it is, and what to do."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

from ledger.errors import AccessError, ConflictError, LedgerBusyError, LedgerError, NotALedgerError

_SENTENCES: dict[int, tuple[type[LedgerError], str]] = {
    sqlite3.SQLITE_BUSY: (
        LedgerBusyError,
        "is locked by another program for more than 30 seconds; close what has it open and try again",
    ),
    sqlite3.SQLITE_NOTADB: (NotALedgerError, "is not a SQLite database; name another file with --ledger"),
    sqlite3.SQLITE_CORRUPT: (
        NotALedgerError,
        "is damaged; restore a backup, or save what is readable with `sqlite3 FILE .recover`",
    ),
    sqlite3.SQLITE_READONLY: (AccessError, "cannot be written; check the rights of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (
        AccessError,
        "cannot be opened; check that its folder exists and may be written",
    ),
    sqlite3.SQLITE_FULL: (AccessError, "cannot grow: the disk is full; free some space and go on"),
    sqlite3.SQLITE_IOERR: (AccessError, "cannot be read or written: the disk reports an error"),
    sqlite3.SQLITE_PERM: (AccessError, "may not be opened by this user"),
}


_STATES: dict[str, tuple[type[LedgerError], str]] = {
    "40": (ConflictError, "put this transaction behind another one; try again"),
    "53100": (AccessError, "cannot grow: the server's disk is full; free some space and go on"),
    "53": (AccessError, "has no room for another connection"),
    "55P03": (LedgerBusyError, "is locked by another program; close what has it open and try again"),
    "25006": (AccessError, "may only be read"),
    "42501": (AccessError, "may not be used this way by this user"),
}
"""PostgreSQL's SQLSTATE or its class."""


def translated(error: DBAPIError, where: str) -> LedgerError | None:
    """The sentence for a database error that is no bug of ours, None for every other."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        known = _SENTENCES.get(code & 0xFF)
        return known[0](f"the ledger {where} {known[1]}") if known else None
    if isinstance(error.orig, sqlite3.Error):  # of Python's own, not of the library
        if "decode to UTF-8" not in str(error.orig):
            return None
        return NotALedgerError(
            f"the ledger {where} holds text that is not UTF-8: another program wrote it, or the file is "
            "damaged; restore a backup"
        )
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if known := _STATES.get(state) or _STATES.get(state[:2]):
        return known[0](f"the ledger {where} {known[1]}")
    if (
        error.connection_invalidated
        or (not state and isinstance(error, OperationalError))
        or state[:2]
        in (
            "08",  # connection exceptions
            "57",  # the server was shut down, or ended this connection
        )
    ):
        reason = str(error.orig).strip().splitlines()
        return AccessError(f"the ledger {where} cannot be reached: {reason[0] if reason else 'no answer'}")
    return None
