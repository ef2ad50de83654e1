"""What went wrong, grouped: the same error of many slices is told once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text

_CHANGES = re.compile(r"'[^']*'|\"[^\"]*\"|0x[0-9a-fA-F]+|[-+]?\d[\d.,:eE+-]*|(?:/[\w.@-]+)+")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Slices whose last attempt ended with the same class of error and, but for figures, message."""

    error_type: str
    message: str  # of the example
    count: int
    waiting: int  # of them, how many will be tried again by themselves
    example: str  # the id of a slice
    requeue: str  # the command that queues them again


def failure_groups(conn: Connection, *, ledger_option: str = "") -> list[FailureGroup]:
    """Every group, the largest first. Memory grows with the groups, not with the failures."""
    groups: dict[tuple[str, str], _Group] = {}
    rows = conn.execute(
        text("SELECT slice_id, status, error_type, error_message FROM failures"),
        execution_options={"stream_results": True, "yield_per": 1_000},
    )
    for slice_id, status, error_type, message in rows:
        first = (message or "").strip().splitlines()[:1]
        pattern = _CHANGES.sub("…", first[0]) if first else ""
        group = groups.setdefault((error_type or "unknown", pattern), _Group(slice_id, message or ""))
        group.count += 1
        group.waiting += status == "waiting"
    found = [
        FailureGroup(
            error_type=kind,
            message=group.message,
            count=group.count,
            waiting=group.waiting,
            example=group.example,
            requeue=_requeue(kind, ledger_option),
        )
        for (kind, _), group in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


@dataclass(slots=True)
class _Group:
    example: str
    message: str
    count: int = 0
    waiting: int = 0


def _requeue(error_type: str, ledger_option: str) -> str:
    quoted = error_type.replace("'", "''")
    return f"ledger requeue --where \"last_error_type = '{quoted}'\"{ledger_option}"
