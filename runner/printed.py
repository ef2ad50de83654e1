"""What a training prints and what its libraries warn of: kept with the attempt, not on the screen."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from runner.readahead import reads_ahead

LONGEST = 16_000  # bytes of output kept
MOST_WARNINGS = 20


class Printed:
    """The output file of a worker process, read one attempt at a time."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def begin(self) -> None:
        """From here on belongs to the next attempt."""
        if self._path is not None and self._size():
            os.truncate(self._path, 0)

    def tail(self) -> str | None:
        """The end of what was printed since `begin`, None when there was nothing."""
        if self._path is None:
            return None
        with contextlib.suppress(ValueError):  # closed by the user's code
            sys.stdout.flush()
            sys.stderr.flush()
        size = self._size()
        if not size:
            return None
        with self._path.open("rb") as stream:
            stream.seek(max(0, size - LONGEST))
            return stream.read().decode("utf-8", "replace")

    def _size(self) -> int:
        assert self._path is not None
        return self._path.stat().st_size


def tail_of(path: Path) -> str:
    """The end of what a worker that is gone has printed into the file `path`; "" where there is none."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LONGEST))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


class Echo(io.TextIOBase):
    """Writes on a stream and remembers the end of it: for training in the user's own process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._kept = ""

    def write(self, text: str) -> int:
        """Show and remember."""
        self._stream.write(text)
        self._kept = (self._kept + text)[-LONGEST:]
        return len(text)

    def flush(self) -> None:
        """Show now."""
        self._stream.flush()

    def tail(self) -> str | None:
        """The end of what was written, None when there was nothing."""
        return self._kept or None


@contextlib.contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Collect the different warnings raised inside, each once, instead of printing them."""
    found: list[str] = []

    def note(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        told = f"{category.__name__}: {message}"
        if told not in found and len(found) < MOST_WARNINGS and not reads_ahead():
            found.append(told)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = note
        yield found
