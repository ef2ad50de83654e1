"""After a power cut: whether the newest model files are on the disk as they were recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select, update

from ledger.hosts import this_process
from ledger.queue import SUCCEEDED
from ledger.records import Artifact
from ledger.runners import live_runners
from ledger.schema import artifacts, attempts, slices
from ledger.status import Reason, Status

RECENT = 1_000
"""Files of each machine that went down: a disk that promised too much has lost its last seconds."""


def newest_files(conn: Connection) -> Iterator[tuple[int, Artifact]]:
    """The newest models, by attempt, of runners that went down with this machine, the newest first.

    Every file was flushed before the ledger named it, so they are whole unless the disk lied.
    """
    here = this_process()
    down = [
        each.id
        for each in live_runners(conn)
        if each.process.host == here.host and each.process.boot_id != here.boot_id
    ]
    columns = (artifacts.c.path, artifacts.c.format, artifacts.c.bytes, artifacts.c.sha256)
    newest = (
        select(artifacts.c.attempt_id, *columns)
        .join(attempts, attempts.c.id == artifacts.c.attempt_id)
        .join(slices, slices.c.champion_id == attempts.c.id)
        .where(SUCCEEDED, attempts.c.runner_id.in_(down))
        .order_by(attempts.c.id.desc())
        .limit(RECENT)
    )
    for attempt_id, *file in conn.execute(newest) if down else ():
        yield attempt_id, Artifact(*file)


def train_again(conn: Connection, champions: Collection[int]) -> int:
    """Queue the slices that these attempts serve; return how many."""
    return conn.execute(
        update(slices)
        .where(SUCCEEDED, slices.c.champion_id.in_(champions))
        .values(status=Status.PENDING.value, reason=Reason.INTERRUPTED.value)
    ).rowcount
