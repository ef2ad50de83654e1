"""A wall clock that is set a day ahead in the middle of a run, and then a day back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import runner
from ledger.store import Ledger
from tests.crash.watching import BOTH, answers, ledger_of
from tests.invariants import broken, successes

DAY = timedelta(days=1)

FAILS_FIRST = """
import pathlib, time

def get_data(row):
    return [1.0, 2.0], [3.0]

def train(row, data):
    with open(row.log, "a") as log:
        log.write(row.id + "\\n")
    time.sleep(0.03)  # by what both runners hold, neither trains all that is left
    mark = pathlib.Path(row.log).with_name("mark-" + row.id)
    if int(row.id) % 2 and not mark.exists():
        mark.touch()
        raise RuntimeError("not yet")
    return {"m": 1.0}
"""


class Jumping:
    """The time as it is, until so many trainings have begun; then a day more, and then a day less."""

    def __init__(self, log: Path, ahead: int, back: int) -> None:
        self._log = log
        self._ahead = ahead
        self._back = back

    def __call__(self) -> datetime:
        begun = len(self._log.read_text().split())
        shift = timedelta() if begun < self._ahead else DAY if begun < self._back else -DAY
        return datetime.now(UTC) + shift


@BOTH
def test_a_clock_that_jumps_ahead_and_back_changes_neither_lives_nor_results(fleet, start, monkeypatch):
    folder = fleet(80, worker=FAILS_FIRST)
    monkeypatch.chdir(folder)
    other = start(folder, "--workers", "1", "--time-limit", "90")  # by a clock that is right

    with Ledger.open(ledger_of(folder)) as opened:
        jumping = Ledger(opened.engine, Jumping(folder / "log.txt", ahead=30, back=60))
        options = {"workers": 1, "backoff": 0.1, "backoff_limit": 1.0, "time_limit": 60}
        summary = runner.run(jumping, worker="worker.py", quiet=True, **options)
        numbers = [attempt.columns["number"] for attempt in jumping.history("1").attempts]
    out, err = other.communicate()

    assert (summary.exit_code, other.returncode, err) == (0, 0, "")
    assert broken(ledger_of(folder), imported=80) == []
    assert successes(ledger_of(folder)) == {str(number): 1 for number in range(80)}
    ((first, last),) = answers(folder, "SELECT min(started_at), max(started_at) FROM attempts")
    assert datetime.fromisoformat(str(last)) - datetime.fromisoformat(str(first)) > 1.5 * DAY
    assert answers(folder, "SELECT DISTINCT outcome FROM attempts ORDER BY 1") == [
        ("failed",),
        ("succeeded",),
    ]
    assert answers(folder, "SELECT count(*) FROM attempt_log WHERE seconds < 0") == [(0,)]
    assert answers(folder, "SELECT DISTINCT ending FROM runners") == [("finished",)]
    assert numbers == [1, 2]
