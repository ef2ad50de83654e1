"""What serves: the champion of a slice and the files of its model."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from ledger.errors import LedgerError, UnknownSliceError
from ledger.records import Artifact, Champion, Ranges
from ledger.schema import artifacts, attempts, metrics, slices
from ledger.splitrow import RANGES


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
    """The files of an attempt's model, [] when it kept none or they were removed."""
    wanted = (artifacts.c.path, artifacts.c.format, artifacts.c.bytes, artifacts.c.sha256)
    rows = conn.execute(
        select(*wanted)
        .where(artifacts.c.attempt_id == attempt_id, artifacts.c.removed_at.is_(None))
        .order_by(artifacts.c.path)
    )
    return [Artifact(*row) for row in rows]


def removed(conn: Connection, attempt_id: int) -> datetime | None:
    """When the files of an attempt's model were removed to make room, None where they were not."""
    when: datetime | None = conn.execute(
        select(func.max(artifacts.c.removed_at)).where(artifacts.c.attempt_id == attempt_id)
    ).scalar()
    return when


def require_kept(conn: Connection, attempt_id: int, slice_id: str) -> None:
    """Raise NoModelError where the files of an attempt's model were removed."""
    if (when := removed(conn, attempt_id)) is not None:
        raise NoModelError(
            f"slice {slice_id!r}: `ledger gc` removed the files of that model on {when:%Y-%m-%d}; "
            f"train it again with `ledger requeue {slice_id}`"
        )


def champion(conn: Connection, attempt_id: int, tested: Ranges) -> Champion:
    """The model that attempt `attempt_id` has made; with its metrics if it was tested as `tested` says."""
    columns = (attempts.c.trainer, attempts.c.number, *(attempts.c[name] for name in RANGES))
    row = conn.execute(select(*columns).where(attempts.c.id == attempt_id)).one()
    ranges = Ranges(row.train_from, row.train_to, row.test_from, row.test_to)
    same = (ranges.test_from, ranges.test_to) == (tested.test_from, tested.test_to)
    recorded = metrics_of(conn, attempt_id) if same else {}
    files = tuple(artifacts_of(conn, attempt_id))
    return Champion(attempt_id, row.trainer, files, row.number, ranges, recorded)


def metrics_of(conn: Connection, attempt_id: int) -> dict[str, float]:
    """The metrics of an attempt, NaN and infinities included."""
    rows = conn.execute(select(metrics).where(metrics.c.attempt_id == attempt_id).order_by(metrics.c.name))
    return {row.name: float(row.kind) if row.value is None else row.value for row in rows}
