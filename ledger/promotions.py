"""Which model serves: every change of champion is noted, and can be taken back.

A row of `promotions` is never changed. It names the row to which a rollback returns, so the rows of
a slice are a stack that remembers: a rollback adds one that says what the one below had said.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, insert, select, text, update

from ledger.errors import LedgerError, UnknownSliceError
from ledger.prepared import Prepared
from ledger.records import Claim
from ledger.registry import NoModelError, require_kept
from ledger.schema import Key, Utc, attempts, promotions, slices
from ledger.status import Outcome, Why

_LOCK = 0x534C4443
COLUMNS = ("slice_id", "attempt_id", "before_id", "why", "at")
_SERVED = promotions.alias("served")
_NOTE = Prepared(
    insert(promotions).from_select(
        COLUMNS,
        select(
            bindparam("slice", type_=promotions.c.slice_id.type),
            bindparam("attempt", type_=Key),
            select(func.max(_SERVED.c.id)).where(_SERVED.c.slice_id == bindparam("slice")).scalar_subquery(),
            bindparam("reason", type_=promotions.c.why.type),
            bindparam("now", type_=Utc()),
        ),
    )
)


def note(conn: Connection, held: Claim, *, now: datetime) -> None:
    """Note that the model of a claimed attempt serves from now on."""
    values = {"slice": held.slice.id, "attempt": held.attempt_id, "reason": Why.TRAINED.value, "now": now}
    _NOTE.execute(conn, values)


def keep_still(conn: Connection) -> None:
    """Let nobody else choose champions or remove their files until the transaction of `conn` ends.

    SQLite's write lock does that already. Runners go on: they hold the slices they change.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def promote(conn: Connection, slice_id: str, number: int, *, now: datetime) -> None:
    """Let the model of attempt `number` serve for a slice, a rejected one too.

    Raises UnknownSliceError, NoModelError where the attempt gave none or its files were removed, and
    LedgerError while the slice is being trained and where that model serves already.
    """
    keep_still(conn)
    row = conn.execute(select(slices).where(slices.c.id == slice_id).with_for_update()).first()
    if row is None:
        raise UnknownSliceError(slice_id)
    if row.status == "running":
        raise LedgerError(f"slice {slice_id!r} is being trained; promote a model when that has ended")
    wanted = and_(attempts.c.slice_id == slice_id, attempts.c.number == number)
    attempt = conn.execute(select(attempts.c.id, attempts.c.outcome).where(wanted)).first()
    if attempt is None or attempt.outcome not in (Outcome.SUCCEEDED, Outcome.REJECTED):
        why = "there is none" if attempt is None else f"it {attempt.outcome}"
        raise NoModelError(
            f"attempt {number} of slice {slice_id!r} has no model, {why}; see `ledger show {slice_id}`"
        )
    if attempt.id == row.champion_id:
        raise LedgerError(f"the model of attempt {number} serves for slice {slice_id!r} already")
    require_kept(conn, attempt.id, slice_id)
    given = {"slice": slice_id, "attempt": attempt.id, "reason": Why.PROMOTED.value, "now": now}
    _NOTE.execute(conn, given)
    conn.execute(update(slices).where(slices.c.id == slice_id).values(champion_id=attempt.id))
