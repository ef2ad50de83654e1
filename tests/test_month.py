"""A month of a fleet, told by SQL: it is trained, the world moves, drift is found, and what drifted is trained again."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from sqlalchemy import text

import runner
from ledger.database import reading
from ledger.requeue import Selection
from tests.drifting import HEADER, World
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

    # They are trained again, on newer ranges; their old models serve until then.
    roll_forward(tmp_path)
    ledger.import_slices("split.csv")
    ledger.requeue(Selection(where="id IN (SELECT slice_id FROM drifted WHERE verdict = 'drifted')"))
    assert told(ledger, "SELECT id, champion_attempt FROM slice_status WHERE status = 'pending'") == [
        ("web0.m01", 1),
        ("web1.m03", 1),
    ]
    runner.run(ledger, trainer="seasonal_naive", **everything)
    assert told(ledger, "SELECT * FROM drifted") == []

    # The thirty-first: the new models know the level that was news to the old ones.
    world.go_on(*MOVED)
    counts = Counter(runner.check_drift(ledger, **everything).counts)
    assert counts == {"stable": 8}

    # All of it stands in the ledger.
    story = told(
        ledger,
        "SELECT a.number, d.verdict FROM drift_checks d JOIN attempts a ON a.id = d.attempt_id "
        "WHERE d.slice_id = 'web0.m01' ORDER BY d.id",
    )
    assert story == [(1, "suspect"), (1, "insufficient"), (1, "drifted"), (2, "stable")]
    runs = "SELECT stable_count, suspect_count, drifted_count, insufficient_count FROM drift_runs ORDER BY id"
    assert told(ledger, runs) == [(5, 3, 0, 0), (0, 0, 0, 8), (6, 0, 2, 0), (8, 0, 0, 0)]
    assert broken(ledger.name, imported=8) == []


def roll_forward(folder):
    """Move the ranges of what drifted on by the twenty days that have passed."""
    lines = (folder / "split.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split(",") for line in lines]
    for row in rows:
        if row[0] in MOVED:
            row[4:] = [str((pd.Timestamp(end) + pd.Timedelta(days=20)).date()) for end in row[4:]]
    text_of = "".join(",".join(row) + "\n" for row in rows)
    (folder / "split.csv").write_text(HEADER + text_of, encoding="utf-8")
