"""Child processes for which the modes of files hold, also where the tests run as root."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

PR_CAPBSET_DROP = 24
PAST_THE_MODES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root read and write whatever its mode is."""


def _give_up_rights() -> None:
    for capability in PAST_THE_MODES:
        if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "a capability cannot be given up")


def unprivileged(tmp_path: Path) -> dict[str, Any]:
    """What to start a process with; a test is skipped where it would still be above the modes.

    Another uid would not do: the interpreter and its packages may lie in a home folder that is
    closed to everybody else. Root without these capabilities is a user like any other.
    """
    how: dict[str, Any] = {"preexec_fn": _give_up_rights} if os.geteuid() == 0 else {}
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    try:
        refused = subprocess.run(["touch", closed / "x"], stderr=subprocess.DEVNULL, check=False, **how)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("root cannot give up its rights over the modes of files here")
    if not refused.returncode:
        pytest.skip("the modes of files do not hold here, whoever asks")
    return how
