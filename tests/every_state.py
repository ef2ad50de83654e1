"""A ledger that has something of everything: slices in every state, attempts with every outcome."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from ledger.database import writing
from ledger.recording import Recording
from ledger.records import Artifact, Claim, Facts, Failure, Success
from ledger.requeue import Selection
from ledger.schema import drift_checks, drift_findings, drift_profiles, drift_runs
from ledger.status import Outcome
from ledger.store import Ledger

HEADER = "id,file,column,train_from,train_to,test_from,test_to,trainer,params,group,priority,region\n"
NAMES = "champion", "overtaken", "rejected", "failed", "waiting", "crashed", "lost", "pending", "retired"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def fill(ledger: Ledger, folder: Path) -> None:
    """Import nine slices and let two runners, both dead at the end, make something of each."""
    split = folder / "split.csv"
    rows = [f"{name},series.csv,,0,9,10,14,seasonal_naive,period=2,g,0,Öst\n" for name in NAMES]
    split.write_text(HEADER + "".join(rows), encoding="utf-8")
    ledger.import_slices(split)
    first, second = ledger.register_runner({"workers": 1}), ledger.register_runner({"workers": 2, "seed": 7})
    _train_all(ledger, first)
    ledger.requeue(Selection(ids=("overtaken",)))
    with ledger.recording() as record:
        again = _claim(record, second, "overtaken")
        record.fail(again, Failure("E", "no"), Facts(), outcome=Outcome.TIMEOUT, retry_at=None)
        _claim(record, second, "lost")
    ledger.take_back_lost([second])
    with ledger.recording() as record:
        _claim(record, first, "lost")
    split.write_text(HEADER + "".join(rows[:-1]), encoding="utf-8")
    ledger.import_slices(split, prune=True)
    _check_drift(ledger)


def _claim(record: Recording, runner: int, name: str) -> Claim:
    """Claim the slice `name`, and give back what came first."""
    passed = []
    while (held := record.claim(runner)) is not None and held.slice.id != name:
        passed.append(held)
    for other in passed:
        record.release(other, reason="not this one")
    assert held is not None
    return held


def _train_all(ledger: Ledger, runner: int) -> None:
    became: dict[str, Callable[[Recording, Claim], bool]] = {
        "champion": lambda record, held: record.complete(held, _success(held), _FACTS),
        "overtaken": lambda record, held: record.complete(held, _success(held), _FACTS),
        "rejected": lambda record, held: record.complete(held, _success(held, passed=False), _FACTS),
        "failed": lambda record, held: record.fail(
            held, Failure("NoDataError", "keine Zeilen", "Traceback …", final=True), Facts(), **_FOR_GOOD
        ),
        "waiting": lambda record, held: record.fail(
            held, Failure("E", "no"), Facts(), outcome=Outcome.FAILED, retry_at=NOW + timedelta(days=1)
        ),
        "crashed": lambda record, held: record.fail(
            held, Failure("Signal", "9"), Facts(), outcome=Outcome.CRASHED, retry_at=None
        ),
    }
    with ledger.recording() as record:
        for name in became:
            assert became[name](record, _claim(record, runner, name))


_FOR_GOOD = {"outcome": Outcome.FAILED, "retry_at": None}
_FACTS = Facts(0.25, 1.5, 0.125, 0.0625, 10, 5, 2**33, "seasonal_naive", "naive(2)", "said\n", "w", "c", 7)


def _success(held: Claim, *, passed: bool = True) -> Success:
    metrics = {"mae": 0.1 + 0.2, "rmse": math.nan, "mase": math.inf, "bias": -math.inf, "tiny": 5e-324}
    files = tuple(
        Artifact(f"0/{held.slice.id}.{held.attempt}/{name}", "json", 2**32, "f" * 64) for name in ("a", "b")
    )
    return Success(metrics, files, passed=passed, verdict="as the gate says")


def _check_drift(ledger: Ledger) -> None:
    row = {"slice_id": "champion", "window_from": "1", "window_to": "2", "detector": "panel", "rows": 2}
    found = {**row, "statistic": "level", "effect": 0.9, "p": 0.001, "reason": "level +0.9 sd"}
    with writing(ledger.engine) as conn:
        judged = conn.execute(text("SELECT champion_id FROM slices WHERE id = 'champion'")).scalar_one()
        found |= {"attempt_id": judged, "checked_at": NOW}
        run = {"runner_id": 1, "started_at": NOW, "options": "{}", "planned": 1}
        conn.execute(insert(drift_runs).values(**run, ended_at=NOW, ending="decided", drifted_count=1))
        conn.execute(insert(drift_runs).values(run))
        conn.execute(insert(drift_checks).values(**found, run_id=1, verdict="drifted", since="0"))
        conn.execute(
            insert(drift_findings).values(**found, run_id=2, previous_id=1, confirmed=1, confirmation="x")
        )
        kept = {"attempt_id": judged, "detector": "panel"}
        conn.execute(insert(drift_profiles).values(**kept, column_name="a", profile=b"dp\0\xff"))
        conn.execute(insert(drift_profiles).values(**kept, column_name="b", problem="it is text"))
        warm = text("UPDATE attempts SET warm_start_id = :judged WHERE slice_id = 'overtaken' AND number = 2")
        conn.execute(warm, {"judged": judged})
        # A runner on another boot of this machine: dead, as everybody on it can see.
        conn.execute(text("UPDATE runners SET boot_id = 'an earlier boot'"))
