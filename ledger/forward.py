"""The ranges of what is on the short list, moved forward in time.

Most slices have their ranges in common: each different one is rolled once, by ledger/rolling.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from ledger.bulk import insert_columns
from ledger.records import Ranges
from ledger.rolling import moved, until, whole
from ledger.shortlist import ANCHOR, chosen, rolled
from ledger.splitrow import RANGES
from ledger.temporary import filled

TOGETHER = 10_000
"""Ranges rolled between two statements: a server does not wait for ever within a transaction."""


def roll(conn: Connection, *, now: datetime) -> tuple[int, int]:
    """Move the ranges of what is noted; return how many slices have other ones now, and how many cannot."""
    ranges = [chosen.c[name] for name in RANGES]
    groups = conn.execute(
        select(*ranges, chosen.c.window_to, ANCHOR, func.max(chosen.c.trained_at), func.count())
        .where(ANCHOR.is_not(None))
        .group_by(*ranges, chosen.c.window_to, ANCHOR)
    ).all()
    changed = unmoved = 0
    for start in range(0, len(groups), TOGETHER):
        changed_here, unmoved_here = _roll(conn, groups[start : start + TOGETHER], now)
        changed, unmoved = changed + changed_here, unmoved + unmoved_here
    filled(conn, rolled)
    return changed, unmoved


def _roll(conn: Connection, groups: Sequence[Sequence[Any]], now: datetime) -> tuple[int, int]:
    changed = unmoved = 0
    rows = []
    for *old, window_to, anchor, trained_at, count in groups:
        before = Ranges(*old)
        after = until(before, window_to) if window_to else moved(before, whole(now - trained_at))
        if after is None:
            unmoved += count
            continue
        changed += count if after != before else 0
        rows.append((*old, anchor, *(getattr(after, name) for name in RANGES)))
    if rows:
        columns = zip(*rows, strict=True)
        insert_columns(conn, rolled.name, dict(zip(rolled.c.keys(), columns, strict=True)))
    return changed, unmoved
