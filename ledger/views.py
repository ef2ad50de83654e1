"""The public views: the common questions about a ledger as one-liners of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class View:
    """A named query; `columns` maps each of its columns to a sentence for `ledger views`."""

    name: str
    sentence: str
    columns: Mapping[str, str]
    sql: str


VIEWS: tuple[View, ...] = (
    View(
        "slice_status",
        "One row per slice: where it stands.",
        {"id": "the slice", "status": "its state"},
        "SELECT id, status FROM slices",
    ),
)


def drop_views(conn: Connection) -> None:
    """Remove the views: SQLite cannot rebuild a table that a view looks at."""
    for view in reversed(VIEWS):
        conn.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")


def create_views(conn: Connection) -> None:
    """Make every view anew, in order: a later one may look at an earlier one."""
    for view in VIEWS:
        conn.exec_driver_sql(f"CREATE VIEW {view.name} AS {view.sql}")
