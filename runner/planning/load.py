"""How much of this machine other programs take while a sample is trained."""

from __future__ import annotations

import contextlib


class Load:
    """The processors' time that went elsewhere than to this process and all that it started."""

    def __init__(self) -> None:
        self._whole = self._busy = self._ours = 0.0  # seconds of all processors

    def begin(self) -> None:
        """Count from now on."""
        self._whole, self._busy = _machine()
        self._ours = _ours()

    def others(self) -> float:
        """The share of all processors that others took since `begin`, 0 to 1."""
        whole, busy = _machine()
        if whole <= self._whole:
            return 0.0
        others = (busy - self._busy) - (_ours() - self._ours)
        return min(1.0, max(0.0, others / (whole - self._whole)))


def _machine() -> tuple[float, float]:
    """Seconds of all processors since the system started: in all, and those that were used."""
    import psutil

    times = psutil.cpu_times()
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return whole, whole - times.idle - getattr(times, "iowait", 0.0)


def _ours() -> float:
    """Seconds of processor time of this process and all under it that live."""
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            spent = process.cpu_times()
            total += spent.user + spent.system
    return total
