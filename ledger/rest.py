"""Whether a ledger rests: some things may only be done to it while no runner works on it."""

from __future__ import annotations

from sqlalchemy import Connection, text

from ledger.errors import LedgerError
from ledger.runners import live_runners


def require_rest(conn: Connection, error: type[LedgerError] = LedgerError) -> None:
    """Raise `error`, naming the runner, when one is at work on the ledger or may be."""
    for runner in live_runners(conn):
        who = f"runner {runner.id} ({runner.process.host}, pid {runner.process.pid})"
        if runner.alive:
            raise error(f"{who} is at work on this ledger; stop it first")
        if runner.alive is None:
            raise error(
                f"{who} may be at work on this ledger: from here nobody can see whether it lives; stop it, "
                "or if it died let `runner run --resume` find that out"
            )


def keep_at_rest(conn: Connection) -> None:
    """Let no runner announce itself until the transaction of `conn` ends.

    SQLite's write lock, which a writing transaction has from its beginning, does that already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE runners IN SHARE ROW EXCLUSIVE MODE"))
