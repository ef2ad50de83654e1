"""All that a ledger holds, in plain values that are the same on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ledger.database import reading
from ledger.schema import metadata
from ledger.store import Ledger


def rows_of(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table, but for where the model files are: a copy always says it."""
    with reading(ledger.engine) as conn:
        return {
            table.name: [
                tuple(row)
                for row in conn.execute(select(table).order_by(*table.primary_key))
                if row[0] != "artifact_root"
            ]
            for table in metadata.sorted_tables
        }
