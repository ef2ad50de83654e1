"""Libraries held to one thread while a slice is trained in the user's own process."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any


class OneThread:
    """Holds every library with threads of its own to one: small models are slower with more."""

    def __init__(self) -> None:
        self._controller: Any = None
        self._modules = 0

    def held(self) -> AbstractContextManager[Any]:
        """One thread per library inside; afterwards each has as many as before.

        Looking for libraries takes milliseconds, so it is done again only when modules were imported
        since: libraries come with them.
        """
        from threadpoolctl import ThreadpoolController

        if self._controller is None or len(sys.modules) != self._modules:
            self._controller = ThreadpoolController()
            self._modules = len(sys.modules)
        limited: AbstractContextManager[Any] = self._controller.limit(limits=1)
        return limited
