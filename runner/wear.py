"""How a worker process wears out: slices trained, memory kept, files and threads left open."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from runner.memory import memory_of

SLICES_PER_WORKER = 10_000
"""A worker that has trained so many slices is replaced: libraries leak a little."""
LOOK_EVERY = 20
GROWTH = 2**30
"""A worker is replaced when it keeps so many bytes more than after its first slice,"""
LEFT_OPEN = 200
"""or so many files and threads more: with 1,024 of them a system refuses the next."""


@dataclass(slots=True)
class Wear:
    """What one worker has kept so far; it is looked at after the first slice and then every 20."""

    trained: int = 0  # slices
    first_memory: int | None = None  # bytes, after the first slice
    first_open: int | None = None  # files and threads then

    def is_too_much(self, pid: int, memory_limit: int | None) -> bool:
        """Count one slice more of the worker `pid`; whether a fresh one should take its place."""
        self.trained += 1
        if self.trained >= SLICES_PER_WORKER:
            return True
        if self.trained != 1 and self.trained % LOOK_EVERY != 0:
            return False
        memory, left_open = memory_of(pid), open_in(pid)
        if self.first_memory is None or self.first_open is None:
            self.first_memory, self.first_open = memory, left_open
        return (
            memory - self.first_memory > GROWTH
            or left_open - self.first_open > LEFT_OPEN
            or (memory_limit is not None and memory > 0.8 * memory_limit)
        )


def open_in(pid: int) -> int:
    """How many files and threads the process `pid` has open; 0 where that cannot be known."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        count = "num_fds" if hasattr(process, "num_fds") else "num_handles"  # the latter on Windows
        return int(getattr(process, count)() + process.num_threads())
    return 0
