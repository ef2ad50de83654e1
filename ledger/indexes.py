"""The indexes over slices of one state: each stays small however many slices there are."""

from __future__ import annotations

from sqlalchemy import Index, MetaData, text

from ledger.schema import metadata, slices

_OF_STATE = {
    "pending": (slices.c.deferred, text("priority DESC"), slices.c.position),
    "running": (slices.c.runner_id,),
    "waiting": (slices.c.not_before,),
    **dict.fromkeys(("succeeded", "rejected", "failed", "retired"), (slices.c.position,)),
}


def with_indexes() -> MetaData:
    """The schema with these indexes, for who compares it with a database.

    They stand apart because SQLAlchemy loads what it knows of PostgreSQL for a partial index, which
    would make every command 25 ms slower.
    """
    known = {index.name for index in slices.indexes}
    for state, columns in _OF_STATE.items():
        where = text(f"status = '{state}'")
        if f"slices_{state}" not in known:
            Index(f"slices_{state}", *columns, sqlite_where=where, postgresql_where=where)
    return metadata
