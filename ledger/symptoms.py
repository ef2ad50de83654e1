"""What is unhealthy about the machine a ledger is on; each check is told the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.surroundings import LARGE_LOG, Place

RACE = ((3, 7, 0), (3, 51, 2))
"""From which SQLite to which a checkpoint and a commit at the same moment can damage a file."""
NETWORK = {
    *("nfs", "nfs4", "cifs", "smbfs", "smb2", "smb3", "afpfs", "ncpfs", "webdav", "davfs", "9p", "afs"),
    *("lustre", "ceph", "glusterfs", "beegfs", "gpfs", "pvfs2"),
}
LOCAL_FUSE = {
    f"fuse.{name}" for name in ("fuse-overlayfs", "mergerfs", "bindfs", "gocryptfs", "encfs", "ntfs-3g")
}
"""Of what is mounted through FUSE, all else is taken for a network."""
LITTLE = 10**9


@dataclass(frozen=True, slots=True)
class Symptom:
    """What was noticed and what to do, in one line; a note is advice where nothing is wrong."""

    sentence: str
    note: bool = False


def sqlite_race(version: tuple[int, int, int] | None) -> list[Symptom]:
    """A note where SQLite has the race; this program's own connections do not run into it."""
    if version is None or not RACE[0] <= version <= RACE[1]:
        return []
    told = ".".join(map(str, version))
    return [
        Symptom(
            f"SQLite {told} (as all of 3.7.0 to 3.51.2) can damage a file when two connections checkpoint "
            "and commit at the same moment. This program's own never do; while a runner is at work, let no "
            "other program write to the ledger, or use a Python with a newer SQLite.",
            note=True,
        )
    ]


def network(place: Place, *, is_ledger: bool) -> list[Symptom]:
    """Whether a place is on another machine. For model files, which are renamed whole, that is a note."""
    mount = place.mount
    if mount is None or not (mount.remote or _is_network(mount.kind)):
        return []
    where = f"{place.name[0].upper()}{place.name[1:]} {place.path} is on a network file system ({mount.kind})"
    if is_ledger:
        return [
            Symptom(
                f"{where}, where SQLite's locks and write-ahead log cannot be trusted: move it to a local "
                "disk, or with `ledger copy` to PostgreSQL."
            )
        ]
    return [
        Symptom(f"{where}: every model is kept a little later, and all depends on that server.", note=True)
    ]


def little_space(places: Sequence[Place]) -> list[Symptom]:
    """Whether a disk is nearly full; two places on one disk are one line."""
    told: dict[object, Place] = {}
    for place in places:
        if place.free is not None and place.free < LITTLE:
            told.setdefault(place.mount or place.path, place)
    return [
        Symptom(
            f"Only {place.free / 1e6:.0f} MB are free for {place.name} {place.path}: free some space; a "
            "runner waits while the disk is full."
        )
        for place in told.values()
        if place.free is not None
    ]


def large_log(size: int, readers: Sequence[str]) -> list[Symptom]:
    """Whether the write-ahead log has grown because somebody reads on and on."""
    if size <= LARGE_LOG:
        return []
    who = f"It is open in {', '.join(readers)}: end that." if readers else "End what reads from the ledger."
    return [Symptom(f"The write-ahead log has {size / 1e6:.0f} MB: a reader keeps it from shrinking. {who}")]


def _is_network(kind: str) -> bool:
    return kind in NETWORK or (kind.startswith("fuse.") and kind not in LOCAL_FUSE)
