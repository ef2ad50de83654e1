"""The circuit breaker: a run that only fails stops, before it burns every slice's tries."""

from __future__ import annotations

from collections import Counter, deque

from ledger.records import Failure

FIRST = 20
RECENT = 200


class Breaker:
    """Watches how attempts end; what the data itself forbids and what a gate rejects do not count."""

    def __init__(self) -> None:
        self._seen = 0
        self._recent: deque[str | None] = deque(maxlen=RECENT)
        self._example: dict[str, Failure] = {}

    def succeeded(self) -> None:
        """An attempt gave a model."""
        self._note(None)

    def failed(self, failure: Failure) -> None:
        """An attempt gave none."""
        if failure.by_data:
            return
        self._example[failure.error_type] = failure
        self._note(failure.error_type)

    def verdict(self) -> str | None:
        """Why the run must stop, None while it may go on."""
        if self._seen == FIRST and len(set(self._recent)) == 1 and self._recent[0] is not None:
            return self._told(f"the first {FIRST} attempts all failed alike", self._recent[0])
        if self._seen >= RECENT and len(self._recent) == RECENT:
            kind, count = Counter(self._recent).most_common(1)[0]
            failures = RECENT - sum(end is None for end in self._recent)
            if failures > RECENT // 2 and kind is not None:
                return self._told(f"{failures} of the last {RECENT} attempts failed, {count} of them", kind)
        return None

    def _note(self, end: str | None) -> None:
        self._seen += 1
        self._recent.append(end)

    def _told(self, what: str, kind: str) -> str:
        message = self._example[kind].message.strip().splitlines()
        return f"{what} with {kind}: {message[0] if message else ''}"
