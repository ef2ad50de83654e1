"""Which slices a command is about: ids, states, ages, drift, and conditions in SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, exists, or_, select, text
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError, QueryError, UnknownSliceError
from ledger.refusals import translated
from ledger.schema import attempts, drift_checks, slices

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which slices; what is given must all hold."""

    ids: tuple[str, ...] = ()
    failed: bool = False
    rejected: bool = False
    drifted: bool = False  # by the last check of the champion, and not queued for that check yet
    older_than: timedelta | None = None  # since the champion was trained
    run: int | None = None  # that trained the champion
    where: str | None = None  # a condition over the columns of slice_status

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for."""
        return self == Selection()

    def conditions(self, conn: Connection, *, now: datetime) -> list[ColumnElement[bool]]:
        """What must hold of a row of `slices`.

        Raises UnknownSliceError for an id there is not, and QueryError for what is no single condition.
        """
        found = named(conn, self.ids, self.where)
        states = [state for state in ("failed", "rejected") if getattr(self, state)]
        if states:
            found.append(or_(*(text(f"slices.status = '{state}'") for state in states)))
        if self.drifted:
            found.append(exists().where(*found_drifted(drift_checks)))
        of_champion = attempts.c.id == slices.c.champion_id
        if self.older_than is not None:
            found.append(exists().where(of_champion, attempts.c.finished_at < now - self.older_than))
        if self.run is not None:
            found.append(exists().where(of_champion, attempts.c.runner_id == self.run))
        return found

    def fault(self, error: DBAPIError) -> QueryError | None:
        """What the database says of the user's condition; None where it is not to blame."""
        return fault_of(self.where, error)


def found_drifted(check: FromClause) -> Sequence[ColumnElement[bool]]:
    """What must hold of a row of `check`, the table drift_checks: it is the last one, on the champion.

    So a verdict on a model that was replaced meanwhile counts for nothing, and each counts once.
    """
    later = drift_checks.alias("later")
    overruled = exists().where(
        later.c.slice_id == check.c.slice_id,
        later.c.attempt_id == check.c.attempt_id,
        later.c.id > check.c.id,
        later.c.verdict != "insufficient",  # a look when there was nothing new takes nothing back
    )
    return (
        check.c.slice_id == slices.c.id,
        check.c.attempt_id == slices.c.champion_id,
        check.c.verdict == "drifted",
        check.c.requeued_at.is_(None),
        ~overruled,
    )


def parse_age(written: str) -> timedelta:
    """Turn 30d, 12h, 90m, 45s or 4w into a length of time. Raises LedgerError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", written.strip())
    if match is None:
        raise LedgerError(f"{written!r} is no length of time; write 30d, 12h, 90m, 45s or 4w")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def named(conn: Connection, ids: Sequence[str], where: str | None) -> list[ColumnElement[bool]]:
    """What must hold of a slice with one of these ids, and for which this condition holds; all by default.

    Raises UnknownSliceError for an id there is not, and QueryError for what is no single condition.
    """
    found: list[ColumnElement[bool]] = []
    if ids:
        require_known(conn, ids)
        found.append(slices.c.id.in_(ids))
    if where is not None:
        require_condition(where)
        condition = where.replace(":", r"\:")  # a colon is the user's, not a parameter's
        matching = text(f"SELECT id FROM slice_status WHERE ({condition}\n)").columns(slices.c.id)
        found.append(slices.c.id.in_(matching))
    return found


def fault_of(where: str | None, error: DBAPIError) -> QueryError | None:
    """What the database says of a condition; None where it is not to blame."""
    if where is None or translated(error, "") is not None:
        return None  # the ledger is locked, say, or cannot be reached
    return QueryError(f"--where {where!r}: {str(error.orig).splitlines()[0]}")


def require_known(conn: Connection, ids: Sequence[str]) -> None:
    """Raise UnknownSliceError for the first of these ids that no slice has."""
    known = select(slices.c.id).where(slices.c.id == bindparam("id"))
    for slice_id in ids:
        if conn.execute(known, {"id": slice_id}).first() is None:
            raise UnknownSliceError(slice_id)


def require_condition(where: str) -> None:
    """Refuse what is more than one condition: it stands inside a SELECT, so it could only end that."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", where)
    depth = 0
    for letter in bare:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
    if depth != 0 or ";" in bare or "--" in bare or "/*" in bare:
        raise QueryError(f"--where {where!r} is not one condition, such as \"table_name = 'cpu'\"")
