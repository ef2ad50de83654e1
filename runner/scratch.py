"""A worker's folder for what its attempts write: each finds it empty, and nothing of it stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def folders_of(pid: int) -> str:
    """How the folder of the worker process `pid` begins."""
    return f"worker-{pid}-"


class Scratch:
    """Two folders, emptied after every attempt: `model` is for `train()`, `tmp` for all temporary files.

    Making and removing a folder takes some disks milliseconds, so one that was left empty stays.
    """

    def __init__(self, place: str | None) -> None:
        """Make the folders under `place`.

        In a worker process, which has such a place and trains one slice at a time, `tmp` is where
        every library puts its temporary files.
        """
        self._root = Path(tempfile.mkdtemp(prefix=folders_of(os.getpid()), dir=place))
        self._everywhere = place is not None
        self.model = self._root / "model"
        self._temporary = self._root / "tmp"
        self._make()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One attempt, after which the folders are empty."""
        if self._everywhere:
            os.environ["TMPDIR"] = tempfile.tempdir = str(self._temporary)
        try:
            yield
        finally:
            self._empty()

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _make(self) -> None:
        for folder in (self.model, self._temporary):
            folder.mkdir(parents=True, exist_ok=True)

    def _empty(self) -> None:
        if self._is_empty():
            return
        shutil.rmtree(self._root, ignore_errors=True)
        self._make()

    def _is_empty(self) -> bool:
        try:
            with os.scandir(self._root) as found:
                folders = {entry.name: entry.is_dir(follow_symlinks=False) for entry in found}
            as_made = folders == {"model": True, "tmp": True}
            return as_made and not any(self.model.iterdir()) and not any(self._temporary.iterdir())
        except OSError:  # a training may also have removed them
            return False
