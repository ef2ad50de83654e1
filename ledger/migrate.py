"""The schema's version: which one a ledger has, and bringing it to this program's."""

from __future__ import annotations

import uuid
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text

from ledger import faults
from ledger.errors import NotALedgerError, SchemaError
from ledger.schema import APPLICATION_ID, VERSION_TABLE, metadata, settings
from ledger.views import VIEWS

REVISION = "0001"
"""The newest revision under migrations/versions; opening a ledger must not import Alembic to learn it."""

_UPGRADE_LOCK = 0x534C4447


def revision_of(conn: Connection) -> str | None:
    """The revision of the ledger behind `conn`, None when it has no tables yet.

    Raises NotALedgerError when the database holds another program's tables or views under our names, or
    when the SQLite file carries another program's mark.
    """
    tables = set(inspect(conn).get_table_names())
    if conn.dialect.name == "sqlite":
        mark = conn.exec_driver_sql("PRAGMA application_id").scalar_one()
        foreign = mark not in (0, APPLICATION_ID) or (tables and VERSION_TABLE not in tables)
        if foreign:
            raise NotALedgerError("the file belongs to another program; name another one with --ledger")
    elif VERSION_TABLE not in tables:
        _require_unused(tables | set(inspect(conn).get_view_names()))
    if VERSION_TABLE not in tables:
        return None
    found = conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()
    return None if found is None else str(found)


def _require_unused(names: set[str]) -> None:
    """Raise NotALedgerError when tables or views of another program have the names of ours."""
    taken = names & {*metadata.tables, *(view.name for view in VIEWS)}
    if taken:
        raise NotALedgerError(
            f"the database has tables of another program called {', '.join(sorted(taken))}; use another one"
        )


def require_current(revision: str | None, ledger: str) -> None:
    """Raise SchemaError unless `revision` is this program's."""
    if revision == REVISION:
        return
    if revision is not None and revision > REVISION:
        raise SchemaError(
            f"the ledger {ledger} has schema {revision}, newer than this program's {REVISION}; "
            "install the newer slice-ledger"
        )
    raise SchemaError(
        f"the ledger {ledger} has schema {revision}, this program needs {REVISION}; "
        f"run `ledger upgrade --ledger {ledger}`"
    )


def upgrade(conn: Connection) -> None:
    """Run every missing migration in the open transaction of `conn`; a new ledger gets its identity."""
    from alembic import command
    from alembic.config import Config

    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    else:
        conn.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
    faults.reach("upgrading")
    if conn.execute(select(settings.c.value).where(settings.c.key == "uuid")).first() is None:
        conn.execute(settings.insert().values(key="uuid", value=str(uuid.uuid4())))


def _folder() -> Path:
    inside = Path(__file__).parent / "migrations"  # where the wheel puts them
    return inside if inside.is_dir() else Path(__file__).parent.parent / "migrations"
