"""How much memory a process uses, has used at most, and may use."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_RESET = Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Let the peak start anew from what is used now, where the system can (Linux)."""
    with contextlib.suppress(OSError):
        line = os.open(_RESET, os.O_WRONLY)
        try:
            os.write(line, b"5")
        finally:
            os.close(line)


def peak_memory() -> int | None:
    """The peak of resident memory in bytes, since `forget_peak` on Linux, else of the whole process."""
    with contextlib.suppress(OSError, ValueError):
        return _in_status(b"VmHWM:")
    if sys.platform == "win32":
        return None
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def _in_status(name: bytes) -> int:
    """Bytes that Linux tells of this process. Raises OSError or ValueError where it tells nothing."""
    status = os.open(_STATUS, os.O_RDONLY)
    try:
        told = os.read(status, 65_536)
    finally:
        os.close(status)
    return 1024 * int(told[told.index(name) + len(name) :].split(maxsplit=1)[0])


def memory_of(pid: int, *, family: bool = False) -> int:
    """Resident bytes of a process, with all that it started if `family`; 0 when it is gone."""
    import psutil

    used = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        members = [process, *process.children(recursive=True)] if family else [process]
        for member in members:
            with contextlib.suppress(psutil.Error):
                used += member.memory_info().rss
    return used


def memory_of_machine() -> int:
    """The bytes of memory that all processes here may use together: the machine's, or the container's."""
    import psutil

    whole = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # `max`, or no container
        return min(whole, int(_CONTAINER.read_text(encoding="ascii")))
    return whole


def limit_memory(more: int) -> None:
    """Let this process allocate so many bytes more at most: a MemoryError comes before the machine swaps.

    Only where the kernel counts private memory (Linux, RLIMIT_DATA); elsewhere the runner watches alone.
    """
    if sys.platform != "linux":
        return
    import resource

    used = _in_status(b"VmData:")
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = used + more if hard == resource.RLIM_INFINITY else min(used + more, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
