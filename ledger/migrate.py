"""The schema's version: which one a ledger has, and bringing it to this program's."""

from __future__ import annotations

import shlex
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.engine import URL

from ledger import faults
from ledger.database import open_engine, reading
from ledger.errors import NotALedgerError, SchemaError
from ledger.schema import APPLICATION_ID, VERSION_TABLE, metadata, settings
from ledger.views import VIEWS

REVISION = "0004"
"""The newest revision under migrations/versions; opening a ledger must not import Alembic to learn it."""

_UPGRADE_LOCK = 0x534C4447
_INSIDE = Path(__file__).parent / "migrations"  # where the wheel puts them


@dataclass(frozen=True, slots=True)
class Migrations:
    """A folder of migrations, and the newest revision in it."""

    folder: Path
    newest: str


OURS = Migrations(_INSIDE if _INSIDE.is_dir() else Path(__file__).parent.parent / "migrations", REVISION)


def revision_at(url: URL) -> str | None:
    """The revision of the ledger at `url`, looked up without a write: see `revision_of`.

    The ordinary connection would already switch a SQLite file to its write-ahead log, be it
    another program's or one of a schema that will be refused.
    """
    engine = open_engine(url, read_only=True)
    try:
        with reading(engine) as conn:
            return revision_of(conn)
    finally:
        engine.dispose()


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


def require_current(revision: str | None, ledger: str, newest: str = REVISION) -> None:
    """Raise SchemaError unless `revision` is this program's."""
    if revision == newest:
        return
    require_not_newer(revision, ledger, newest)
    raise SchemaError(
        f"the ledger {ledger} has schema {revision}, this program needs {newest}; "
        f"run `ledger upgrade --ledger {shlex.quote(ledger)}`"
    )


def require_not_newer(revision: str | None, ledger: str, newest: str = REVISION) -> None:
    """Raise SchemaError when a newer program made the ledger."""
    if revision is not None and revision > newest:
        raise SchemaError(
            f"the ledger {ledger} has schema {revision}, newer than this program's {newest}; "
            "install the newer slice-ledger"
        )


def require_known(revision: str, ledger: str, migrations: Migrations = OURS) -> None:
    """Raise SchemaError when there is no way from `revision` to this program's."""
    from alembic.script import ScriptDirectory

    require_not_newer(revision, ledger, migrations.newest)
    known = {script.revision for script in ScriptDirectory(str(migrations.folder)).walk_revisions()}
    if revision not in known:
        raise SchemaError(
            f"the ledger {ledger} has schema {revision}, which this program does not know; "
            "use the slice-ledger that made it"
        )


def lock(conn: Connection) -> None:
    """Let nobody else change the schema until the transaction of `conn` ends.

    SQLite's write lock, which the transaction has from its beginning, does that already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})


def upgrade(conn: Connection, migrations: Migrations = OURS, *, to: str = "head") -> None:
    """Run every missing migration in the open transaction of `conn`; a new ledger gets its identity."""
    from alembic import command
    from alembic.config import Config

    lock(conn)
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
    config = Config()
    config.set_main_option("script_location", str(migrations.folder).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, to)
    faults.reach("upgrading")
    if conn.execute(select(settings.c.value).where(settings.c.key == "uuid")).first() is None:
        conn.execute(settings.insert().values(key="uuid", value=str(uuid.uuid4())))
