"""Slices back in the queue on purpose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from ledger.errors import LedgerError, QueryError, UnknownSliceError
from ledger.refusals import translated
from ledger.schema import attempts, slices
from ledger.status import Reason, Status

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which slices; what is given must all hold. Running and retired ones are never taken."""

    ids: tuple[str, ...] = ()
    failed: bool = False
    rejected: bool = False
    older_than: timedelta | None = None  # since the champion was trained
    where: str | None = None  # a condition over the columns of slice_status

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for."""
        return self == Selection()


@dataclass(frozen=True, slots=True)
class RequeueReport:
    """How many slices were queued again, and how many of the selected ones stay as they are."""

    queued: int
    running: int
    pending: int  # in the queue already
    retired: int

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """The report in words."""
        told = [f"{self.queued} slices {'would be ' if dry_run else ''}queued again"]
        told += [f"{self.running} are being trained and stay as they are"] if self.running else []
        told += [f"{self.pending} are queued already"] if self.pending else []
        if self.retired:
            told.append(f"{self.retired} are retired; importing a split file that names them queues them")
        return told


def requeue(conn: Connection, selection: Selection, *, now: datetime) -> RequeueReport:
    """Make every selected slice pending, with its tries and crashes forgotten; its champion stays.

    Raises LedgerError for an empty selection, UnknownSliceError for an id there is not, and
    QueryError for a condition that the database does not understand.
    """
    if selection.is_empty:
        raise LedgerError("say which slices: ids, --failed, --rejected, --older-than or --where")
    chosen = _conditions(conn, selection, now)
    try:
        staying = [_count(conn, state, chosen) for state in (Status.RUNNING, Status.PENDING, Status.RETIRED)]
        queued = conn.execute(
            update(slices)
            .where(text("slices.status NOT IN ('running', 'retired', 'pending')"), *chosen)
            .values(
                status=Status.PENDING.value,
                reason=_reason(selection).value,
                tries=0,
                crashes=0,
                deferred=0,
                not_before=None,
            )
        ).rowcount
    except DBAPIError as error:
        if selection.where is None or translated(error, "") is not None:
            raise  # no fault of the condition: the ledger is locked, say, or cannot be reached
        raise QueryError(f"--where {selection.where!r}: {str(error.orig).splitlines()[0]}") from None
    return RequeueReport(queued, *staying)


def _count(conn: Connection, state: Status, chosen: Sequence[ColumnElement[bool]]) -> int:
    in_state = text(f"slices.status = '{state.value}'")  # a literal: only so its partial index is used
    return int(conn.execute(select(func.count()).select_from(slices).where(in_state, *chosen)).scalar_one())


def parse_age(written: str) -> timedelta:
    """Turn 30d, 12h, 90m, 45s or 4w into a length of time. Raises LedgerError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", written.strip())
    if match is None:
        raise LedgerError(f"{written!r} is no length of time; write 30d, 12h, 90m, 45s or 4w")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _reason(selection: Selection) -> Reason:
    if selection.older_than is not None:
        return Reason.EXPIRED
    return Reason.RETRY if selection.failed else Reason.MANUAL


def _conditions(conn: Connection, selection: Selection, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.ids:
        _require_known(conn, selection.ids)
        conditions.append(slices.c.id.in_(selection.ids))
    states = [state for state in ("failed", "rejected") if getattr(selection, state)]
    if states:
        conditions.append(or_(*(text(f"slices.status = '{state}'") for state in states)))
    if selection.older_than is not None:
        conditions.append(
            exists().where(
                attempts.c.id == slices.c.champion_id, attempts.c.finished_at < now - selection.older_than
            )
        )
    if selection.where is not None:
        require_condition(selection.where)
        condition = selection.where.replace(":", r"\:")  # a colon is the user's, not a parameter's
        matching = text(f"SELECT id FROM slice_status WHERE ({condition}\n)").columns(slices.c.id)
        conditions.append(slices.c.id.in_(matching))
    return conditions


def _require_known(conn: Connection, ids: Sequence[str]) -> None:
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
