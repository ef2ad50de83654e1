"""Files on the disk: flushed for certain, or gone with all that belongs to them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

FEW = 2
"""So many files are flushed one by one; with more, flushing their whole file system costs less."""


def flush_files(files: Sequence[Path]) -> None:
    """Return when the files, and their names in their folders, are on the disk. Raises OSError.

    Linux can do this for many files at once (syncfs(2)), for hardly more than for one.
    """
    if len(files) > FEW and _syncfs() is not None:
        for place in {file.stat().st_dev: file for file in files}.values():
            _flush_file_system(place)
        return
    for file in files:
        flush_file(file)
    for folder in {file.parent for file in files}:
        flush_folder(folder)


def _flush_file_system(place: Path) -> None:
    syncfs = _syncfs()
    fd = os.open(place, os.O_RDONLY)
    try:
        if syncfs(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(place))
    finally:
        os.close(fd)


@cache
def _syncfs() -> Any:
    """The function of the C library, None where there is none."""
    if os.name == "nt":
        return None
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


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
