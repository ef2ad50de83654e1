"""Several events of one runner in one transaction, each a fenced statement of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ledger import claims, closing, queue, registry
from ledger.errors import LeaseLostError
from ledger.records import Champion, Claim, Facts, Failure, Success, Upcoming
from ledger.status import Outcome


class Recording:
    """What a runner may say about its claims; where a claim was lost, it hears False.

    One lost claim spoils nothing for the others: it is noticed before anything is written.
    """

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._now = now

    def upcoming(self, count: int) -> list[Upcoming]:
        """The next `count` pending slices, in the order in which they will be claimed."""
        return queue.upcoming(self._conn, count)

    def claim(self, runner_id: int, position: int | None = None) -> Claim | None:
        """Take the next pending slice, or the one at `position`; None when it is not there."""
        return claims.claim(self._conn, runner_id, now=self._now, position=position)

    def champion(self, held: Claim) -> Champion | None:
        """The model that serves for a claimed slice until a new one does, None for its first."""
        if held.champion_id is None:
            return None
        return registry.champion(self._conn, held.champion_id, held.slice.ranges)

    def complete(self, held: Claim, success: Success, facts: Facts) -> bool:
        """Record a trained model whole, or nothing of it."""
        with self._resolved(held, Outcome.SUCCEEDED, Outcome.REJECTED) as resolved:
            closing.complete(self._conn, held, success, facts, now=self._now)
        return resolved.stands

    def fail(
        self, held: Claim, failure: Failure, facts: Facts, *, outcome: Outcome, retry_at: datetime | None
    ) -> bool:
        """Record an attempt without a model; without `retry_at` the slice has failed for good."""
        with self._resolved(held, outcome) as resolved:
            closing.fail(self._conn, held, failure, facts, outcome=outcome, retry_at=retry_at, now=self._now)
        return resolved.stands

    def release(self, held: Claim, *, reason: str, failure: Failure | None = None) -> bool:
        """Give a claimed slice back; that costs it nothing, a `failure` of the machine included."""
        with self._resolved(held, Outcome.FAILED if failure else Outcome.INTERRUPTED) as resolved:
            closing.release(self._conn, held, reason=reason, failure=failure, now=self._now)
        return resolved.stands

    def release_unknown(self, runner_id: int, known: Collection[int]) -> int:
        """Give back what the runner holds by the ledger, but not by its own account."""
        return claims.release_unknown(self._conn, runner_id, known=known, now=self._now)

    def queue_due(self, longest: timedelta | None = None) -> int:
        """Put what has waited long enough back in the queue; return how many slices.

        With `longest`, the longest that any slice is told to wait, also what waits by a clock that
        was set back since.
        """
        return queue.queue_due(self._conn, now=self._now, longest=longest)

    def next_due(self) -> datetime | None:
        """When the next waiting slice may be tried again, None when none waits."""
        return queue.next_due(self._conn)

    @contextmanager
    def _resolved(self, held: Claim, *wanted: Outcome) -> Iterator[_Resolved]:
        """Find out what a lost claim means: overtaken, or written before by a COMMIT nobody heard of.

        Only who holds an attempt can close it with one of these outcomes.
        """
        resolved = _Resolved()
        try:
            yield resolved
        except LeaseLostError:
            resolved.stands = claims.outcome_of(self._conn, held) in wanted


@dataclass(slots=True)
class _Resolved:
    stands: bool = True
