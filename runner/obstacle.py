"""What keeps a run from going on for a while: a full disk, a server that is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


class Obstacle:
    """Says what a run waits for, and when it is time to try again.

    The pause doubles from half a second up to half a minute: an unattended run outlives a night
    with a full disk, and costs the machine nothing meanwhile.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._pause = FIRST_SECONDS
        self._again = 0.0
        self.reason: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether it is still too early to try again."""
        return self.reason is not None and self._monotonic() < self._again

    def met(self, reason: str) -> None:
        """Something is in the way; each time in a row the pause grows."""
        self._pause = FIRST_SECONDS if self.reason is None else min(LONGEST_SECONDS, 2 * self._pause)
        self.reason = reason
        self._again = self._monotonic() + self._pause

    def gone(self) -> None:
        """The way is free."""
        self.reason = None
