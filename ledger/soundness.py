"""Whether a SQLite file is certainly what it was when it was last known to be whole.

Beside the ledger a small file (`ledger.db.sound`) says which size, time and inode the database had
then. All that is written goes into the write-ahead log, whose pages carry checksums; the file itself
changes only by checkpoints, and each of ours is noted. A file that differs was touched by somebody
else, or a checkpoint was cut short: only then need SQLite read all of it, which takes 10 s a gigabyte.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ledger.disk import flush_file, flush_folder
from ledger.hosts import boot_id


def is_known(path: Path) -> bool:
    """Whether the database at `path` is what was noted last.

    Of one that was at work, the log must be there as well, and the machine must not have been
    started anew: after a power cut a file may hold what its time does not tell.
    """
    noted = _noted(path)
    if noted is None or noted["file"] != _file(path):
        return False
    log = path.with_name(f"{path.name}-wal")
    if not noted["at_work"]:
        return not log.exists() or log.stat().st_size == 0
    return bool(noted["boot"]) and noted["boot"] == boot_id() and log.exists()


def quick_check(conn: Connection) -> list[str]:
    """What SQLite finds wrong with its file, [] when it is sound; PostgreSQL looks after its own."""
    if conn.dialect.name != "sqlite":
        return []
    told = [str(row[0]) for row in conn.exec_driver_sql("PRAGMA quick_check(10)")]
    return [] if told == ["ok"] else told


def note_at_work(path: Path) -> None:
    """Note the database as it is, whole, while it is open here: what follows goes into its log."""
    before = _noted(path)
    _note(path, at_work=True)
    if before is None or not before["at_work"]:
        with contextlib.suppress(OSError):  # else a power cut might leave the note of before
            flush_file(_place(path))
            flush_folder(path.parent)


def note_again(path: Path) -> None:
    """Note the database after a checkpoint, where it was known to be whole before."""
    if _place(path).exists():
        _note(path, at_work=True)


def note_closed(path: Path) -> None:
    """Note the database once nobody has it open any more, where it was known to be whole before."""
    if _place(path).exists() and not path.with_name(f"{path.name}-wal").exists():
        _note(path, at_work=False)


def forget(path: Path) -> None:
    """Let SQLite read the whole file before the next run."""
    with contextlib.suppress(OSError):
        _place(path).unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.sound")


def _file(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _note(path: Path, *, at_work: bool) -> None:
    with contextlib.suppress(OSError):  # in a closed folder nothing is noted, and all is read again
        noted = {"file": _file(path), "at_work": at_work, "boot": boot_id()}
        _place(path).write_text(json.dumps(noted), encoding="utf-8")


def _noted(path: Path) -> dict[str, Any] | None:
    try:
        noted = json.loads(_place(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(noted, dict) and {"file", "at_work", "boot"} <= noted.keys()
    return noted if complete else None
