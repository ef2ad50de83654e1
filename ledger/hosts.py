"""Which process on which machine this is, and whether another one is certainly dead."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process that no other one, before or after it, can be taken for."""

    host: str
    boot_id: str
    pid_namespace: str  # containers may share a host name, and then count pids each for itself
    pid: int
    pid_started: str  # a pid may be used again, but not with the same start


def this_process() -> Process:
    """The identity of the running process."""
    return Process(
        host=_host(),
        boot_id=boot_id(),
        pid_namespace=_namespace(),
        pid=os.getpid(),
        pid_started=started(os.getpid()) or "",
    )


def boot_id() -> str:
    """What differs after every start of the machine; empty where the system does not tell."""
    return _read("/proc/sys/kernel/random/boot_id")


def is_alive(other: Process, here: Process) -> bool | None:
    """Whether `other` lives, as far as `here` can know; None when only its heartbeat can tell."""
    if other.host != here.host:
        return None
    if other.boot_id != here.boot_id:
        return False
    if other.pid_namespace != here.pid_namespace:
        return None
    return started(other.pid) == other.pid_started


def started(pid: int) -> str | None:
    """When the process `pid` started, as text that never changes; None when there is none.

    A zombie counts as gone. On Linux this is in clock ticks since the boot: psutil's wall-clock
    figure moves when somebody sets the clock.
    """
    if sys.platform == "linux":
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return None if not fields or fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def _host() -> str:
    # Clouds hand out the same host name many times; the machine's id tells such hosts apart.
    machine = _read("/etc/machine-id")[:8]
    return f"{socket.gethostname()}@{machine}" if machine else socket.gethostname()


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
