"""Many processes at one ledger at the same moment."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

from sqlalchemy import insert

from ledger.database import writing
from ledger.records import Facts, Success
from ledger.schema import slices
from ledger.store import Ledger
from tests.invariants import answers, broken

BATCHES = (1, 2, 4, 8, 16, 32, 64, 64)
COUNT = 1_500


def _meet(barrier: Barrier) -> None:
    barrier.wait(60)


def _claim_all(place: str, batch: int) -> list[str]:
    """Claim until nothing is left, so many in one transaction; complete them in the next one."""
    taken = []
    with Ledger.open(place, create=False) as ledger:
        me = ledger.register_runner({})
        while True:
            with ledger.recording() as record:
                held = [claim for _ in range(batch) if (claim := record.claim(me)) is not None]
            if not held:
                return taken
            with ledger.recording() as record:
                assert all(record.complete(claim, Success({"m": 1.0}), Facts()) for claim in held)
            taken += [claim.slice.id for claim in held]


def test_eight_processes_that_claim_at_the_same_time_share_every_slice_once(ledger, place, make_slice):
    first = make_slice("0")
    with writing(ledger.engine) as conn:
        (row,) = conn.execute(slices.select().where(slices.c.id == first)).mappings()
        copies = [{**row, "id": str(n), "position": row["position"] + n} for n in range(1, COUNT)]
        conn.execute(insert(slices), copies)
    context = multiprocessing.get_context("spawn")

    barrier = context.Barrier(len(BATCHES))
    with ProcessPoolExecutor(len(BATCHES), context, _meet, (barrier,)) as pool:
        parts = [pool.submit(_claim_all, place, batch) for batch in BATCHES]
        taken = Counter(name for part in parts for name in part.result())

    assert taken == {str(number): 1 for number in range(COUNT)}
    assert broken(place, imported=COUNT) == []
    assert answers(place, "SELECT count(*), max(number) FROM attempts") == [(COUNT, 1)]
