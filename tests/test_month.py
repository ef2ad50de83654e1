"""A month of a fleet, told by SQL: it is trained, the world moves, drift is found, and what drifted is trained again."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text

import runner
from ledger.database import reading
from ledger.requeue import Selection
from tests.drifting import World
from tests.invariants import broken

MOVED = ("web0.m01", "web1.m03")


def told(ledger, sql):
    with reading(ledger.engine) as conn:
        return [tuple(row) for row in conn.execute(text(sql))]


def test_a_month_of_a_fleet(ledger, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path, databases=2, metrics=4)
    everything = {"workers": 0, "quiet": True}

    # The first: everything is trained.
    ledger.import_slices("split.csv")
    runner.run(ledger, trainer="seasonal_naive", **everything)
    assert told(ledger, "SELECT status, count(*) FROM slice_status GROUP BY 1") == [("succeeded", 8)]

    # The eleventh: two metrics have moved, and a third had a bad time that will pass.
    world.go_on(*MOVED, "web0.m00")
    runner.check_drift(ledger, **everything)
    assert told(ledger, "SELECT slice_id, verdict FROM drifted ORDER BY 1") == [
        ("web0.m00", "suspect"),
        ("web0.m01", "suspect"),
        ("web1.m03", "suspect"),
    ]
    assert runner.run(ledger, **everything).started == 0

    # The twelfth: nothing new, and so nothing changes.
    runner.check_drift(ledger, **everything)
    assert told(ledger, "SELECT count(*) FROM drifted WHERE verdict = 'suspect'") == [(3,)]

    # The twenty-first: two are still where they went.
    world.go_on(*MOVED)
    runner.check_drift(ledger, **everything)
    assert told(ledger, "SELECT slice_id, verdict FROM drifted ORDER BY 1") == [
        ("web0.m01", "drifted"),
        ("web1.m03", "drifted"),
    ]

    # They are queued again, their ranges end with the last whole day of what drifted; their old models
    # serve until then.
    assert ledger.requeue(Selection(drifted=True)).queued == 2
    assert ledger.requeue(Selection(drifted=True)).queued == 0
    queued = "SELECT id, champion_attempt, substr(reason, 1, 12), substr(test_to, 1, 10) FROM slice_status"
    assert told(ledger, f"{queued} WHERE status = 'pending'") == [
        ("web0.m01", 1, "drift:level ", "2026-02-23"),
        ("web1.m03", 1, "drift:level ", "2026-02-23"),
    ]
    runner.run(ledger, trainer="seasonal_naive", **everything)
    assert told(ledger, "SELECT * FROM drifted") == []
    assert told(ledger, "SELECT DISTINCT compared_by FROM attempt_log WHERE number = 2") == [("mae",)]

    # Somebody tries other settings: the new model of one slice is worse, and its old one goes on serving.
    ledger.requeue(Selection(ids=("web0.m02",)))
    runner.run(ledger, trainer="seasonal_naive", params={"period": "5"}, **everything)
    kept = "SELECT status, attempt, champion_attempt FROM slice_status WHERE id = 'web0.m02'"
    assert told(ledger, kept) == [("rejected", 2, 1)]
    assert told(ledger, "SELECT score > champion_score FROM attempt_log WHERE outcome = 'rejected'") == [
        (True,)
    ]

    # One of the new models was a mistake all the same: the one before serves again.
    assert ledger.roll_back(Selection(ids=("web1.m03",))).rolled_back == 1
    serving = "SELECT id, champion_attempt FROM slice_status WHERE champion_attempt = 2"
    assert told(ledger, serving) == [("web0.m01", 2)]

    # The thirty-first: the new model knows the level that was news to the old one.
    world.go_on(*MOVED)
    counts = Counter(runner.check_drift(ledger, **everything).counts)
    assert counts == {"stable": 7, "drifted": 1}
    assert told(ledger, "SELECT slice_id FROM drifted") == [("web1.m03",)]

    # All of it stands in the ledger.
    story = told(
        ledger,
        "SELECT a.number, d.verdict FROM drift_checks d JOIN attempts a ON a.id = d.attempt_id "
        "WHERE d.slice_id = 'web0.m01' ORDER BY d.id",
    )
    assert story == [(1, "suspect"), (1, "insufficient"), (1, "drifted"), (2, "stable")]
    served = told(
        ledger,
        "SELECT a.number, p.why FROM promotions p JOIN attempts a ON a.id = p.attempt_id "
        "WHERE p.slice_id = 'web1.m03' ORDER BY p.id",
    )
    assert served == [(1, "trained"), (2, "trained"), (1, "rolled back")]
    runs = "SELECT stable_count, suspect_count, drifted_count, insufficient_count FROM drift_runs ORDER BY id"
    assert told(ledger, runs)[:3] == [(5, 3, 0, 0), (0, 0, 0, 8), (6, 0, 2, 0)]
    assert broken(ledger.name, imported=8) == []
