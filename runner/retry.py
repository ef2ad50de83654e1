"""Whether and when a slice that gave no model is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.records import Claim, Failure
from ledger.status import Outcome

MAX_CRASHES = 3


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    max_attempts: int = 3
    first: float = 1.0  # seconds
    limit: float = 30.0  # seconds

    def retry_at(
        self, held: Claim, failure: Failure, outcome: Outcome, *, now: datetime, chance: random.Random
    ) -> datetime | None:
        """When to try again, None when that is useless or the tries are spent.

        A crash counts by itself: a slice that killed its worker three times has failed.
        """
        if failure.final:
            return None
        crashed = outcome is Outcome.CRASHED
        spent, allowed = (held.crashes, MAX_CRASHES) if crashed else (held.tries, self.max_attempts)
        if spent + 1 >= allowed:
            return None
        ceiling = min(self.limit, self.first * 2**spent)
        return now + timedelta(seconds=chance.uniform(0, ceiling))
