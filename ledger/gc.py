"""Removing model files that no row names, and nothing that anybody may still need."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from ledger.artifacts import ArtifactStore
from ledger.database import reading
from ledger.inventory import StoredFile
from ledger.orphans import Orphans, judge, unnamed
from ledger.render import counted
from ledger.rest import require_rest
from ledger.runners import live_runners
from ledger.thinning import Thinned, give_up, gone, sweep

PROBE_SECONDS = 3600
"""A file that was written only to see whether files can be lives for milliseconds."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be."""

    files: int
    bytes: int
    refused: tuple[str, ...]  # files the disk did not let go
    unexplained: int  # kept: the ledger cannot say what they are
    dry_run: bool
    older: Thinned = field(default_factory=Thinned)  # of models that were given up

    def lines(self) -> list[str]:
        """The report in words."""
        would = "would be " if self.dry_run else ""
        told = [f"{counted(self.files, 'file')} ({self.bytes / 1e6:.1f} MB) {would}removed"]
        if self.older.files:
            files = counted(self.older.files, "file")
            told.append(f"{files} of older models ({self.older.bytes / 1e6:.1f} MB) {would}removed")
        if self.older.profiles:
            profiles = counted(self.older.profiles, "profile")
            told.append(f"{profiles} of what older models were trained on {would}removed")
        if self.refused:
            told.append(f"{len(self.refused)} could not be removed, such as {self.refused[0]}")
        if self.unexplained:
            told.append(
                f"{counted(self.unexplained, 'file')} stayed that the ledger cannot explain: `ledger verify` "
                "says why; where no newer copy of the ledger exists, `ledger gc --unexplained` removes them"
            )
        return told


def collect(
    engine: Engine,
    store: ArtifactStore,
    *,
    now: datetime,
    keep: int | None = None,
    unexplained: bool = False,
    dry_run: bool = False,
) -> Collected:
    """Remove what crashes left: files and temporary files of attempts that ended without a model.

    What a runner is writing stays: the files are listed first and the ledger is read after, so an
    attempt that had begun to write is known by then. Files of attempts the ledger does not know
    stay too, unless `unexplained` and no runner is at work. Emptied folders go once none is. With
    `keep`, files of all but the last so many models of each slice go as well; a champion's never.
    Raises LedgerError for `unexplained` while a runner may be at work.
    """
    older = Thinned() if keep is None else give_up(engine, keep=keep, now=now, dry_run=dry_run)
    candidates = unnamed(engine, store.files())
    with reading(engine) as conn:
        if unexplained:
            require_rest(conn)
        orphans = judge(conn, candidates)
        rests = all(runner.alive is False for runner in live_runners(conn))
    unwanted = _unwanted(orphans, unexplained=unexplained, now=now)
    refused = [] if dry_run else [file for file in unwanted if not gone(store, file)]
    stayed = [] if dry_run else sweep(engine, store)
    if rests and not dry_run:  # a runner may be about to write into a folder that is empty now
        store.discard_empty_folders()
    removed = set(unwanted).difference(refused)
    return Collected(
        files=len(removed),
        bytes=sum(file.bytes for file in removed),
        refused=tuple(file.shown for file in (*refused, *stayed)),
        unexplained=0 if unexplained else len(orphans.unexplained),
        dry_run=dry_run,
        older=older,
    )


def _unwanted(orphans: Orphans, *, unexplained: bool, now: datetime) -> list[StoredFile]:
    old = now.timestamp() - PROBE_SECONDS
    return [
        *orphans.left_over,
        *(file for file in orphans.probes if file.modified is None or file.modified < old),
        *(each.file for each in orphans.unexplained if unexplained),
    ]
