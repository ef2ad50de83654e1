"""A process that is killed again and again while it commits: each event is there whole, or not at all."""

from __future__ import annotations

import multiprocessing
import random

from ledger.contradictions import contradictions
from ledger.database import reading
from ledger.records import Artifact, Facts, Success
from ledger.store import Ledger
from tests.crash.watching import BOTH, answers, ledger_of

KILLS = 40
METRICS = {f"m{number}": float(number) for number in range(20)}


def record_for_ever(place: str, begun) -> None:
    """Claim a slice and record a model of it, over and over."""
    with Ledger.open(place, create=False) as ledger:
        me = ledger.register_runner({})
        while True:
            with ledger.recording() as record:
                held = record.claim(me)
            file = Artifact(f"x/{held.slice.id}.{held.attempt}", "x", 1, "0" * 64)
            with ledger.recording() as record:
                record.complete(held, Success(METRICS, (file,)), Facts())
            begun.set()


HALVES = """
SELECT a.id FROM attempts a
LEFT JOIN (SELECT attempt_id, count(*) AS n FROM metrics GROUP BY 1) m ON m.attempt_id = a.id
LEFT JOIN (SELECT attempt_id, count(*) AS n FROM artifacts GROUP BY 1) f ON f.attempt_id = a.id
JOIN slices s ON s.id = a.slice_id
WHERE (a.outcome = 'succeeded') <> (coalesce(m.n, 0) = 20)
   OR (a.outcome = 'succeeded') <> (coalesce(f.n, 0) = 1)
   OR (a.outcome = 'succeeded') <> (s.champion_id IS NOT NULL)
"""


@BOTH
def test_a_process_killed_forty_times_while_it_commits_leaves_all_of_an_event_or_nothing(fleet):
    folder = fleet(20_000)
    chance = random.Random(20261125)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["ledger.store"])

    for _ in range(KILLS):
        begun = forks.Event()
        process = forks.Process(target=record_for_ever, args=(ledger_of(folder), begun))
        process.start()
        assert begun.wait(timeout=60)
        process.join(timeout=chance.uniform(0, 0.02))
        process.kill()
        process.join()

    with Ledger.open(ledger_of(folder)) as ledger:
        assert answers(folder, HALVES) == []
        with reading(ledger.engine) as conn:
            assert [sentence for _, sentence in contradictions(conn)] == []
        ledger.require_sound()
        ledger.take_back_lost([runner.id for runner in ledger.live_runners()])
    ((recorded,),) = answers(folder, "SELECT count(*) FROM attempts WHERE outcome = 'succeeded'")
    assert recorded >= KILLS
    assert answers(folder, "SELECT max(attempt) FROM slices") == [(1,)]
