"""Which files there are: every one below a folder or a URL, whoever wrote it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file found under an artifact root."""

    path: str  # relative to the root
    bytes: int
    modified: float | None  # seconds since 1970; None where the store does not say

    @property
    def shown(self) -> str:
        """The path as it can be printed: a file system allows names that are no text."""
        return self.path.encode("utf-8", "backslashreplace").decode()


def files_in_folder(top: str, *, under: str) -> Iterator[StoredFile]:
    """Every file below the folder `top`, which is called `under` in their paths, in no order.

    What goes while they are listed may be left out. Raises OSError for a folder that cannot be read.
    """
    folders = [top]
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat(follow_symlinks=False)
                    below = entry.path[len(top) + 1 :].replace(os.sep, "/")
                    yield StoredFile(f"{under}/{below}", found.st_size, found.st_mtime)


def files_at_url(system: Any, top: str, *, under: str) -> Iterator[StoredFile]:
    """The same for a key of an fsspec file system."""
    system.invalidate_cache()  # a listing of before would tell of files that are no more
    try:
        found = system.find(top, detail=True)
    except FileNotFoundError:
        return
    for key, facts in found.items():
        below = str(key)[len(top.rstrip("/")) + 1 :]
        yield StoredFile(f"{under}/{below}", int(facts.get("size") or 0), None)
