"""A worker process as its runner sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runner.crew import H, Worker
from runner.launch import Child, Launcher
from runner.wear import Wear


@dataclass(slots=True, kw_only=True)
class Process(Worker[H]):
    """A worker process: how it was started, and what its runner has to do about it."""

    child: Child
    launcher: Launcher
    printed: Path  # the file that gets what it prints
    ready: bool = False
    wear: Wear = field(default_factory=Wear)
    exceeded: Literal["timeout", "memory"] | None = None
    told_to_end: float | None = None  # monotonic

    def is_overdue(self, now: float, timeout: float | None) -> bool:
        """Whether its slice, or its own start, takes longer than it may; `now` is monotonic."""
        if self.held is not None:
            return timeout is not None and now - self.since > timeout
        return not self.ready and now - self.since > self.launcher.start_timeout
