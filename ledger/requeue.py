"""Slices back in the queue on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ledger import forward, shortlist
from ledger.errors import LedgerError
from ledger.selection import Selection, parse_age, require_condition
from ledger.shortlist import Terms
from ledger.temporary import temporary

__all__ = ["RequeueReport", "Selection", "Terms", "parse_age", "requeue", "require_condition"]


@dataclass(frozen=True, slots=True)
class RequeueReport:
    """How many slices were queued again, and how many of the selected ones stay as they are."""

    queued: int
    running: int
    pending: int  # in the queue already
    retired: int
    rolled: int = 0  # of those queued: with ranges moved forward
    unmoved: int = 0  # of those queued: with ranges that do not go by time
    cooling: int = 0
    over_budget: int = 0

    def lines(self, *, dry_run: bool = False) -> list[str]:
        """The report in words."""
        told = [f"{self.queued} slices {'would be ' if dry_run else ''}queued again"]
        notes = (
            (self.rolled, "of them with ranges rolled forward"),
            (self.unmoved, "of them keep their ranges, which are row numbers and do not move with time"),
            (self.running, "are being trained and stay as they are"),
            (self.pending, "are queued already"),
            (self.retired, "are retired; importing a split file that names them queues them"),
            (self.cooling, "were trained within the cooldown and stay as they are"),
            (self.over_budget, "are over the budget and stay for the next time"),
        )
        return told + [f"{count} {sentence}" for count, sentence in notes if count]


def requeue(
    conn: Connection,
    selection: Selection,
    terms: Terms | None = None,
    *,
    now: datetime,
    dry_run: bool = False,
) -> RequeueReport:
    """Make every selected slice pending, with its tries and crashes forgotten; its champion stays.

    Running and retired slices are never taken. By age or drift, ranges move forward: those the
    champion was trained and tested on by the time since, or to the end of the window that drifted.
    With `dry_run` they are only counted. Raises LedgerError for an empty selection, UnknownSliceError
    for an id there is not, and QueryError for a condition that the database does not understand.
    """
    terms = terms or Terms()
    if selection.is_empty:
        raise LedgerError("say which slices: ids, --failed, --rejected, --drifted, --older-than or --where")
    with temporary(conn, shortlist.TABLES):
        _note(conn, selection, terms, now=now)
        left = shortlist.leave_out(conn, terms)
        rolled, unmoved = forward.roll(conn, now=now)
        noted = shortlist.count(conn)
        queued = noted if dry_run else shortlist.queue(conn, now=now)
    running = left.running + noted - queued  # those taken by a runner meanwhile
    others = (left.cooling, left.over_budget)
    return RequeueReport(queued, running, left.pending, left.retired, rolled, unmoved, *others)


def _note(conn: Connection, selection: Selection, terms: Terms, *, now: datetime) -> None:
    wanted = replace(selection, drifted=False).conditions(conn, now=now)
    try:
        shortlist.make(conn, selection, terms, wanted, now=now)
    except DBAPIError as error:
        if (fault := selection.fault(error)) is None:
            raise
        raise fault from None
