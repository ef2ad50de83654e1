"""Run the migrations on the connection `ledger` hands over, or on LEDGER_URL for developers."""

from __future__ import annotations

import os
from typing import Any

from alembic import context
from sqlalchemy import Connection

from ledger.database import ledger_url, open_engine, writing
from ledger.indexes import with_indexes
from ledger.schema import VERSION_TABLE, metadata
from ledger.views import create_views, drop_views


def ours(_: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Leave tables of other programs in the same database alone, and what cannot be compared.

    SQLAlchemy reflects no descending index column on SQLite; tests/test_claims.py holds that index
    in place by the query plan of a claim.
    """
    foreign = kind == "table" and reflected and compared is None and name not in metadata.tables
    return not foreign and name != "slices_pending"


def migrate(conn: Connection) -> None:
    """Bring the database to the wanted revision, with its views dropped before and made after."""
    context.configure(
        connection=conn,
        target_metadata=with_indexes(),
        version_table=VERSION_TABLE,
        include_object=ours,
        compare_server_default=False,
        transactional_ddl=True,
    )
    drop_views(conn)
    context.run_migrations()
    create_views(conn)


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    with writing(open_engine(ledger_url(os.environ.get("LEDGER_URL", "ledger.db")))) as connection:
        migrate(connection)
