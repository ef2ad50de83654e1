"""Files of models that nothing will serve again, removed to make room; of a champion never."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import ColumnElement, Connection, Engine, Select, delete, exists, func, select, update

from ledger.artifacts import ArtifactStore
from ledger.database import reading, writing
from ledger.inventory import StoredFile
from ledger.orphans import BATCH, WITH_A_MODEL
from ledger.promotions import keep_still
from ledger.schema import artifacts, attempts, drift_profiles, slices


@dataclass(frozen=True, slots=True)
class Thinned:
    """How many files of older models are given up, how many bytes they have, and how many profiles go."""

    files: int = 0
    bytes: int = 0
    profiles: int = 0  # of the data that such models were trained on, one for each column


def give_up(engine: Engine, *, keep: int, now: datetime, dry_run: bool = False) -> Thinned:
    """Note in the ledger that the files of all but the last `keep` models of each slice are gone.

    The champion's stay however old it is, and all else that is known of a model does too, but for the
    profile of its data: it is needed by drift checks alone, and only what serves is checked. The files
    themselves go afterwards (`sweep`): what the ledger names as a model's is always there.
    """
    with writing(engine) as conn:
        keep_still(conn)
        old = artifacts.c.removed_at.is_(None) & artifacts.c.attempt_id.in_(_older(keep))
        sums = select(func.count(), func.coalesce(func.sum(artifacts.c.bytes), 0)).where(old)
        files, size = conn.execute(sums).one()
        if not dry_run:
            conn.execute(update(artifacts).where(old).values(removed_at=now))
        profiles = _give_up_profiles(conn, old, dry_run=dry_run)
    return Thinned(int(files), int(size), profiles)


def _give_up_profiles(conn: Connection, old: ColumnElement[bool], *, dry_run: bool) -> int:
    """Remove the profiles of models whose files are given up; return how many go, or would."""
    given_up: ColumnElement[bool] = artifacts.c.removed_at.is_not(None)
    if dry_run:  # else they are by now
        given_up |= old
    theirs = drift_profiles.c.attempt_id.in_(select(artifacts.c.attempt_id).where(given_up))
    if dry_run:
        return int(conn.execute(select(func.count()).select_from(drift_profiles).where(theirs)).scalar_one())
    return conn.execute(delete(drift_profiles).where(theirs)).rowcount


def _older(keep: int) -> Select[tuple[int]]:
    has_files = exists().where(artifacts.c.attempt_id == attempts.c.id, artifacts.c.removed_at.is_(None))
    newest_first = func.row_number().over(partition_by=attempts.c.slice_id, order_by=attempts.c.number.desc())
    models = (
        select(attempts.c.id, attempts.c.slice_id, newest_first.label("place"))
        .where(attempts.c.outcome.in_(WITH_A_MODEL), has_files)
        .subquery()
    )
    serves = exists().where(slices.c.id == models.c.slice_id, slices.c.champion_id == models.c.id)
    return select(models.c.id).where(models.c.place > keep, ~serves)


def sweep(engine: Engine, store: ArtifactStore) -> list[StoredFile]:
    """Remove files that were given up, now or before an earlier sweep was killed; return what stayed."""
    with reading(engine) as conn:
        if (
            conn.execute(select(artifacts.c.path).where(artifacts.c.removed_at.is_not(None)).limit(1)).first()
            is None
        ):
            return []
    stayed = []
    for batch in _batches(store.files()):
        with reading(engine) as conn:
            paths = _given_up(conn, [file.path for file in batch])
        for file in batch:
            if file.path in paths and not gone(store, file):
                stayed.append(file)
    return stayed


def _given_up(conn: Connection, paths: list[str]) -> set[str]:
    found = select(artifacts.c.path).where(artifacts.c.path.in_(paths), artifacts.c.removed_at.is_not(None))
    return set(conn.execute(found).scalars())


def _batches(files: Iterator[StoredFile]) -> Iterator[list[StoredFile]]:
    while batch := list(islice(files, BATCH)):
        yield batch


def gone(store: ArtifactStore, file: StoredFile) -> bool:
    """Remove a file; False where the disk refuses."""
    try:
        store.discard(file.path)
    except OSError:
        return False
    return True
