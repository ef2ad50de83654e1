"""What serves: the champion of a slice and the files of its model."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ledger.errors import LedgerError, UnknownSliceError
from ledger.records import Artifact, Champion
from ledger.schema import artifacts, attempts, slices


class NoModelError(LedgerError):
    """The slice, or the attempt asked for, has no model."""


def model_of(conn: Connection, slice_id: str, attempt: int | None = None) -> int:
    """The id of the attempt whose model serves `slice_id`, or of its attempt number `attempt`.

    Raises UnknownSliceError, or NoModelError when there is no such attempt or no champion yet.
    """
    row = conn.execute(select(slices.c.champion_id, slices.c.status).where(slices.c.id == slice_id)).first()
    if row is None:
        raise UnknownSliceError(slice_id)
    if attempt is None:
        if row.champion_id is None:
            raise NoModelError(
                f"slice {slice_id!r} has no champion yet, it is {row.status}; see `ledger show {slice_id}`"
            )
        return int(row.champion_id)
    found = conn.execute(
        select(attempts.c.id).where(attempts.c.slice_id == slice_id, attempts.c.number == attempt)
    ).scalar()
    if found is None:
        raise NoModelError(f"slice {slice_id!r} has no attempt {attempt}; see `ledger show {slice_id}`")
    return int(found)


def artifacts_of(conn: Connection, attempt_id: int) -> list[Artifact]:
    """The files of an attempt's model, [] when it kept none."""
    wanted = (artifacts.c.path, artifacts.c.format, artifacts.c.bytes, artifacts.c.sha256)
    rows = conn.execute(
        select(*wanted).where(artifacts.c.attempt_id == attempt_id).order_by(artifacts.c.path)
    )
    return [Artifact(*row) for row in rows]


def champion(conn: Connection, attempt_id: int) -> Champion:
    """The model that attempt `attempt_id` has made."""
    trainer = conn.execute(select(attempts.c.trainer).where(attempts.c.id == attempt_id)).scalar()
    return Champion(attempt_id, trainer, tuple(artifacts_of(conn, attempt_id)))
