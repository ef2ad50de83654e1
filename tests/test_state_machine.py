"""Any order of events, on both databases: the ledger does what the model in plain Python does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from ledger.database import writing
from ledger.store import Ledger
from tests.conftest import Clock
from tests.slice_life import LifeOfSlices

pytestmark = pytest.mark.timeout(900)  # seconds are enough, but not to find the shortest way to a failure


def _live(fresh: Callable[[], None], ledger: Ledger, folder: Path, *, examples: int) -> None:
    """Play `examples` lives, each on a ledger that `fresh` has emptied."""

    def life() -> LifeOfSlices:
        fresh()
        clock = Clock()
        return LifeOfSlices(Ledger(ledger.engine, clock), clock, folder / "split.csv")

    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=examples, stateful_step_count=40, suppress_health_check=list(HealthCheck)
        ),
    )


def test_the_ledger_in_sqlite_does_what_the_model_does(sqlite_ledger, blank_ledger, tmp_path):
    ledger = sqlite_ledger

    def fresh() -> None:
        ledger.close()  # its engine opens the new file, and still knows its statements
        for left in ledger.path.parent.glob("ledger.db*"):
            left.unlink()
        shutil.copy(blank_ledger, ledger.path)

    _live(fresh, ledger, tmp_path, examples=settings.default.max_examples)


def test_the_ledger_in_postgresql_does_what_the_model_does(new_database, tmp_path):
    with Ledger.open(new_database()) as ledger:

        def fresh() -> None:
            with writing(ledger.engine) as conn:
                conn.execute(text("TRUNCATE slices, attempts, runners, imports RESTART IDENTITY CASCADE"))

        _live(fresh, ledger, tmp_path, examples=settings.default.max_examples // 10)
