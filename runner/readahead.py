"""Reading in a thread of its own what will be trained on next, while the process trains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.windows import Window

_NAME = "read-ahead"
CLOSING = 1.0
"""Seconds that `close` waits for a source that does not answer."""


def reads_ahead() -> bool:
    """Whether the calling thread is one that reads ahead: what it does is no part of any attempt."""
    return threading.current_thread().name == _NAME


class ReadAhead:
    """At most one reading that was begun ahead of time.

    Sources are no concern of two threads at once: whoever wants to read asks for what is `finished`
    first, and so waits for a reading that is under way.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._read: tuple[Hashable, Window] | None = None

    @property
    def at_work(self) -> bool:
        """Whether a reading is under way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, key: Hashable, read: Callable[[], Window]) -> None:
        """Begin to read what `key` names, unless a reading was begun that nobody has asked for yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(key, read), name=_NAME, daemon=True)
            self._thread.start()

    def finished(self) -> tuple[Hashable, Window] | None:
        """What was begun last, with its key, once it is read; None where nothing was, or it failed."""
        if self._thread is None:
            return None
        self._thread.join()
        read, self._read, self._thread = self._read, None, None
        return read

    def close(self) -> None:
        """Wait for a reading that is under way, but not for ever, and once however often it is called."""
        if self._thread is not None:
            self._thread.join(CLOSING)
            self._thread = None

    def _run(self, key: Hashable, read: Callable[[], Window]) -> None:
        try:
            self._read = (key, read())
        except Exception:  # whatever it is, the slice's own reading meets it again and tells it
            self._read = None
