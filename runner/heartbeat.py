"""The heartbeat of a runner that trains in its own process, beaten by a thread meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from ledger.errors import LedgerError
from ledger.runners import HEARTBEAT_SECONDS

LEAVING_SECONDS = 1.0


class Heartbeat:
    """Calls `beat` every ten seconds while it is entered, whatever the main thread does.

    A training that lasts longer than a lease would look like death from another host. One that
    never lets go of Python's interpreter lock still does: it needs worker processes. What `beat`
    meets in the ledger the run's own loop will meet, and tell.
    """

    def __init__(self, beat: Callable[[], object]) -> None:
        self._beat = beat
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(LEAVING_SECONDS)  # it may stand behind a lock; beating late does no harm

    def _go_on(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(LedgerError):
                self._beat()
