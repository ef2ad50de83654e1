"""How processes that belong together end together."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows ends a process in one way only


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; only Linux can."""
    _prctl(PR_SET_PDEATHSIG, KILL)


def adopt_orphans() -> None:
    """Become the parent of whatever this process's children leave behind; only Linux can."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value)


def lead_own_group() -> None:
    """Make this process the head of a group, so that all it starts can be killed with it."""
    if hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):  # it leads one already
            os.setsid()


def kill_group(pid: int, how: int) -> None:
    """Send a signal to the group that `pid` leads, or to `pid` alone where there is none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(pid, how)
        else:
            os.kill(pid, how)
