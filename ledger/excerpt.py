"""A few slices of a ledger in a ledger of their own, to be trained there without any change here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Table, insert, select, update

from ledger import runners
from ledger.artifacts import ArtifactStore
from ledger.database import reading, writing
from ledger.errors import ArtifactError
from ledger.hosts import this_process
from ledger.records import Artifact
from ledger.schema import artifacts, attempts, imports, slices
from ledger.status import Reason, Status
from ledger.store import Ledger

_AT_ONCE = 500
"""Values in one statement; databases have a limit."""
_QUEUED = {
    "status": Status.PENDING.value,
    "reason": Reason.MANUAL.value,
    "priority": 0,
    "deferred": 0,
    "tries": 0,
    "crashes": 0,
    "not_before": None,
    "runner_id": None,
}

Rows = list[dict[str, Any]]


def excerpt(source: Ledger, positions: Sequence[int], folder: Path, *, durable: bool) -> Ledger:
    """Make a SQLite ledger in `folder` with the slices at these positions pending, in this order.

    Their champions come along, with their model files: a training may begin from one. The new
    ledger's own model files lie in `folder` too. The caller closes it.
    """
    with reading(source.engine) as conn:
        chosen = _rows(conn, slices, slices.c.position, positions)
        serving = [row["champion_id"] for row in chosen if row["champion_id"] is not None]
        trained = _rows(conn, attempts, attempts.c.id, serving)
        files = _rows(conn, artifacts, artifacts.c.attempt_id, serving)
        imported = _rows(conn, imports, imports.c.id, sorted({row["import_id"] for row in chosen}))
    order = {position: place for place, position in enumerate(positions, start=1)}
    for row in chosen:
        row |= {**_QUEUED, "position": order[row["position"]]}
    made = Ledger.open(folder / "ledger.db", durable=durable)
    try:
        with writing(made.engine) as conn:
            _fill(conn, imported, chosen, trained, files, made)
        _copy(source.artifact_store(), made.artifact_root(), files)
    except BaseException:
        made.close()
        raise
    return made


def _fill(conn: Connection, imported: Rows, chosen: Rows, trained: Rows, files: Rows, made: Ledger) -> None:
    champions = {row["position"]: row.pop("champion_id") for row in chosen}
    _insert(conn, imports, imported)
    _insert(conn, slices, chosen)
    if trained:
        before = runners.register(conn, this_process(), options={}, version="", now=made.now())
        runners.end(conn, [before], ending=runners.FINISHED, now=made.now())
        _insert(conn, attempts, [row | {"runner_id": before, "warm_start_id": None} for row in trained])
        _insert(conn, artifacts, files)
    for position, champion in champions.items():
        if champion is not None:
            conn.execute(update(slices).where(slices.c.position == position).values(champion_id=champion))


def _insert(conn: Connection, table: Table, rows: Rows) -> None:
    if rows:
        conn.execute(insert(table), rows)


def _copy(store: ArtifactStore, root: str, files: Rows) -> None:
    """Copy champions' files; one that cannot be read is left out, as a run would train without it."""
    for file in files:
        target = Path(root) / file["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(ArtifactError):
            target.write_bytes(
                store.read(Artifact(file["path"], file["format"], file["bytes"], file["sha256"]))
            )


def _rows(conn: Connection, table: Table, key: Column[Any], values: Iterable[Any]) -> Rows:
    wanted, found = list(values), []
    for start in range(0, len(wanted), _AT_ONCE):
        rows = conn.execute(select(table).where(key.in_(wanted[start : start + _AT_ONCE])))
        found += [row._asdict() for row in rows]
    return found
