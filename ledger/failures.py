"""What went wrong, grouped: the same error of many slices is told once."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, text

LONGEST = 100
"""Characters of a message that a command names."""
SHORT = 3
"""The letters of a shorter id stand in every message."""
_UNSAFE = re.compile(r"[^\w …().,:;/=<>@+*?#&|{}\[\]-]")
"""What a shell or LIKE would not take as it stands; in LIKE a low line is any character."""
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
    groups: dict[tuple[str | None, str], _Group] = {}
    rows = conn.execute(
        text("SELECT slice_id, status, error_type, error_message FROM failures"),
        execution_options={"stream_results": True, "yield_per": 1_000},
    )
    for slice_id, status, error_type, message in rows:
        pattern = _pattern(message or "", slice_id)
        group = groups.setdefault((error_type, pattern), _Group(slice_id, message or ""))
        group.count += 1
        group.waiting += status == "waiting"
    messages = Counter(kind for kind, _ in groups)
    found = [
        FailureGroup(
            error_type=kind or "unknown",
            message=group.message,
            count=group.count,
            waiting=group.waiting,
            example=group.example,
            requeue=_requeue(kind, pattern if messages[kind] > 1 else None, ledger_option),
        )
        for (kind, pattern), group in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


@dataclass(slots=True)
class _Group:
    example: str
    message: str
    count: int = 0
    waiting: int = 0


def _pattern(message: str, slice_id: str) -> str:
    """The first line of a message, with … where the messages of other slices differ."""
    first = (message.strip().splitlines() or [""])[0]
    if len(slice_id) >= SHORT:
        first = first.replace(slice_id, "…")
    return _CHANGES.sub("…", first)


def _requeue(error_type: str | None, pattern: str | None, ledger_option: str) -> str:
    """The command for all slices of a class of error, or for those whose message begins like `pattern`."""
    condition = "last_error_type IS NULL"
    if error_type is not None:
        quoted = error_type.replace("'", "''")
        condition = f"last_error_type = '{quoted}'"
    if pattern == "":
        condition += " AND COALESCE(last_error, '') = ''"
    elif pattern is not None:
        condition += f" AND last_error LIKE '{_UNSAFE.sub('_', pattern[:LONGEST]).replace('…', '%')}%'"
    return f'ledger requeue --where "{condition}"{ledger_option}'
