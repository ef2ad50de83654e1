"""What a ledger depends on outside itself: the clock, the library, the disks, other programs."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger import __version__
from ledger.checkpoint import wal_bytes
from ledger.holders import openers

LARGE_LOG = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system and where it hangs."""

    point: str
    kind: str  # ext4, nfs4, fuse.sshfs …
    remote: bool = False  # Windows says so of network drives

    def holds(self, path: Path) -> bool:
        """Whether `path` is the mount point or below it."""
        return path.is_relative_to(self.point)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: the file system, None where it cannot be known, and its free bytes."""

    name: str  # what lies there
    path: Path
    mount: Mount | None
    free: int | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The facts of this machine at one moment."""

    now: datetime
    version: str  # of this program
    sqlite_version: tuple[int, int, int] | None  # None: the ledger is in PostgreSQL
    ledger: Place | None  # None: the ledger is in PostgreSQL
    artifacts: Place | None  # None: model files are behind a URL
    log_bytes: int = 0  # the write-ahead log
    readers: tuple[str, ...] = ()  # who else has the ledger open, asked only when the log is large


def look_around(ledger: Path | None, artifact_root: str, *, now: datetime) -> Surroundings:
    """The facts as they are now, for a ledger in the file `ledger` (None: in PostgreSQL)."""
    mounts = all_mounts()
    log = 0 if ledger is None else wal_bytes(ledger)
    root = None if "://" in artifact_root else Path(artifact_root).absolute()
    return Surroundings(
        now=now,
        version=__version__,
        sqlite_version=sqlite3.sqlite_version_info if ledger else None,
        ledger=None if ledger is None else place("the ledger", ledger, mounts),
        artifacts=None if root is None else place("the folder of the model files", root, mounts),
        log_bytes=log,
        readers=openers(ledger) if ledger is not None and log > LARGE_LOG else (),
    )


def place(name: str, path: Path, mounts: tuple[Mount, ...]) -> Place:
    """Where `path` lies, or would lie: its file system is the one mounted nearest above it."""
    real = Path(os.path.realpath(path))
    above = [mount for mount in mounts if mount.holds(real)]
    there = next((folder for folder in (real, *real.parents) if folder.exists()), None)
    return Place(
        name=name,
        path=path,
        # Of two mounts at one point the later one hides the earlier.
        mount=max(reversed(above), key=lambda mount: len(mount.point), default=None),
        free=None if there is None else shutil.disk_usage(there).free,
    )


def all_mounts() -> tuple[Mount, ...]:
    """Every file system of this machine, network and virtual ones included, in the order of mounting."""
    import psutil

    found = psutil.disk_partitions(all=True)
    return tuple(Mount(each.mountpoint, each.fstype, "remote" in each.opts.split(",")) for each in found)
