"""Files on the disk: flushed for certain, or gone with all that belongs to them."""

from __future__ import annotations

import os
from pathlib import Path


def flush_file(path: Path) -> None:
    """Return when the content of the file is on the disk. Raises OSError."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def flush_folder(folder: Path) -> None:
    """Return when the names in the folder are on the disk. Raises OSError."""
    if os.name == "nt":  # Windows cannot open a folder, and flushes renames itself
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_database(path: Path) -> None:
    """Remove a SQLite file with the files SQLite keeps beside it; what is not there is fine."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
