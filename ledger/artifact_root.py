"""Where the model files of a ledger lie: one place, whoever trains and from wherever it is started."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from ledger.errors import LedgerError
from ledger.schema import artifacts, settings
from ledger.splitrow import holds_password

KEY = "artifact_root"


def settle(conn: Connection, wished: str | None) -> None:
    """Record the wished folder or URL; on PostgreSQL, where none is recorded yet, that of today.

    A SQLite ledger's files lie beside it, wherever it goes, unless something else is wished. Raises
    LedgerError for a place that differs from where there are files already, and for a password.
    """
    recorded = conn.execute(select(settings.c.value).where(settings.c.key == KEY)).scalar()
    if wished is None:
        if recorded is None and conn.dialect.name == "postgresql":
            _record(conn, None, str(Path.cwd() / "artifacts"))
        return
    if holds_password("file", wished):
        raise LedgerError(
            "the URL of --artifacts holds a password, which would be stored; give it to the storage's "
            "own configuration or environment variables"
        )
    place = wished if "://" in wished else str(Path(wished).absolute())
    if place == recorded:
        return
    if conn.execute(select(artifacts.c.path).limit(1)).first() is not None:
        raise LedgerError(
            f"the ledger has model files in {recorded or 'the folder artifacts beside it'}; move them to "
            f"{place} first, then write that into the table settings ({KEY})"
        )
    _record(conn, recorded, place)


def _record(conn: Connection, recorded: str | None, place: str) -> None:
    if recorded is None:
        conn.execute(insert(settings).values(key=KEY, value=place))
    else:
        conn.execute(update(settings).where(settings.c.key == KEY).values(value=place))
