"""Named points at which a test makes this program fail as machines do; unasked they cost a comparison."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter

VARIABLE = "LEDGER_FAULT"
"""`point:action[:nth]`: at the nth time (1) that `point` is reached: kill9, raise, sleep or enospc."""

_reached: Counter[str] = Counter()


class InjectedError(RuntimeError):
    """What the action `raise` raises."""


def reach(point: str) -> None:
    """Fail here when the environment asks for it. Raises InjectedError or OSError (ENOSPC) then."""
    if asked := os.environ.get(VARIABLE):
        _fail(point, asked)


def _fail(point: str, asked: str) -> None:
    name, action, *nth = asked.split(":")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] != int(nth[0] if nth else 1):
        return
    if action == "kill9":
        os.kill(os.getpid(), 9)
    elif action == "sleep":
        time.sleep(600)
    elif action == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    elif action == "raise":
        raise InjectedError(point)
    else:
        raise ValueError(f"{VARIABLE}: there is no action {action!r}")
