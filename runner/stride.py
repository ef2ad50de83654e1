"""How many slices a worker may hold: where each takes milliseconds, several, so that nobody waits.

To hand over one slice, wake the runner and commit one transaction costs as long as to train a fast
model. Where slices take longer than that each is handed over by itself. What waits in a worker's hands
behind one that takes long after all is handed back as soon as that one ends: others may be free for it.
"""

from __future__ import annotations

AHEAD_SECONDS = 0.02
"""So much work lies before a worker; a slice that takes longer lies there alone."""
MOST = 32
LINGER_SECONDS = 0.004
"""For so long the runner lets results gather, while its workers have something to do."""
WEIGHT = 1 / 8
"""Of the newest slice in the mean; the first slices are handed over one by one."""
_LEAST = AHEAD_SECONDS / MOST


class Stride:
    """What slices took of late, and what follows from it.

    rare_load: the share of their loading that does not count, because most slices find their data read.
    """

    def __init__(self, *, rare_load: float = 0.0) -> None:
        self._rare_load = rare_load
        self._mean = 1.0  # seconds: unknown slices are slow ones

    @property
    def ahead(self) -> int:
        """How many slices may wait in the hands of a worker while it trains another."""
        return int(AHEAD_SECONDS / max(self._mean, _LEAST))

    @property
    def linger(self) -> float:
        """Seconds for which results may gather before they are recorded; 0 where slices are slow."""
        return min(LINGER_SECONDS, self.ahead * self._mean / 2)

    def note(self, seconds: float, load: float = 0.0) -> None:
        """A slice took so many seconds, of which `load` to read its data."""
        self._mean += WEIGHT * (seconds - self._rare_load * load - self._mean)
