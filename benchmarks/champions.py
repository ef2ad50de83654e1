"""What changes of many champions at once cost: rolled back, promoted, queued again by age and by drift.

    python benchmarks/champions.py 250000
    python benchmarks/champions.py 250000 --apart --url postgresql://…

One ledger, in a temporary SQLite file or in an empty PostgreSQL database: every slice was trained by two
runs, has two models with a file each, and its champion was found to have drifted. All of that is written by
SQL, as the runs would have left it. `--apart` gives every slice ranges of its own. Printed are seconds of
CPU, of this process and of PostgreSQL's for it (which must be on this machine), and seconds that passed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from scale import HEADER
from sqlalchemy import text

from ledger import promotions
from ledger.database import reading, writing
from ledger.requeue import Selection, Terms
from ledger.store import Ledger

RUN = (
    """
    INSERT INTO runners (host, boot_id, pid_namespace, pid, pid_started, started_at, heartbeat_at, options,
        version, ended_at, ending)
    VALUES ('h', 'b', 'n', 1, '0', '{night}T00:00:00.000000Z', '{night}T00:00:00.000000Z', '{{}}', '0',
        '{night}T09:00:00.000000Z', 'finished')""",
    """
    INSERT INTO attempts (slice_id, number, runner_id, outcome, started_at, finished_at, load_seconds,
        fit_seconds, evaluate_seconds, save_seconds, train_from, train_to, test_from, test_to, train_rows,
        test_rows, peak_memory, trainer, model_used, code_version, seed)
    SELECT id, {run}, {run}, 'succeeded', '{night}T00:00:00.000000Z', '{night}T00:00:01.000000Z', 0.001,
        0.01, 0.0001, 0.0005, train_from, train_to, test_from, test_to, 1900, 100, 200000000, 'arima',
        'ARIMA(2,1,2)', 'slice-ledger', 0
    FROM slices ORDER BY position""",
    """
    INSERT INTO metrics (attempt_id, name, value)
    SELECT a.id, m.name, 1.0 / a.id FROM attempts a, (SELECT 'mae' AS name UNION ALL SELECT 'mase'
        UNION ALL SELECT 'rmse') m WHERE a.number = {run} ORDER BY a.id, m.name""",
    """
    INSERT INTO artifacts (attempt_id, path, format, bytes, sha256)
    SELECT id, 'ledger/' || slice_id || '/{run}.json', 'json', 600, '0' FROM attempts
    WHERE number = {run} ORDER BY id""",
    """
    INSERT INTO promotions (slice_id, attempt_id, before_id, why, at)
    SELECT a.slice_id, a.id, (SELECT max(p.id) FROM promotions p WHERE p.slice_id = a.slice_id), 'trained',
        a.finished_at FROM attempts a WHERE a.number = {run} ORDER BY a.id""",
    """
    UPDATE slices SET status = 'succeeded', reason = NULL, attempt = {run}, champion_id =
        (SELECT a.id FROM attempts a WHERE a.slice_id = slices.id AND a.number = {run})""",
)
NIGHTS = ("2026-01-01", "2026-02-01")
CHECKS = """
    INSERT INTO drift_checks (slice_id, attempt_id, window_from, window_to, rows, detector, statistic,
        effect, p, reason, checked_at, verdict)
    SELECT id, champion_id, '2026-02-10', '2026-02-11 07:35:00', 288, 'panel', 'level', 0.9, 0.0001,
        'level +0.9 sd', '2026-02-12T00:00:00.000000Z', 'drifted' FROM slices ORDER BY position"""
AT_REST = (
    "UPDATE slices SET status = 'succeeded', reason = NULL, active_train_from = NULL, "
    "active_train_to = NULL, active_test_from = NULL, active_test_to = NULL",
    "UPDATE drift_checks SET requeued_at = NULL",
)
OLD, DRIFTED = Selection(older_than=timedelta(days=1)), Selection(drifted=True)


def main() -> None:
    """Print a line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", nargs="?", type=int, default=250_000)
    parser.add_argument("--url", help="an empty PostgreSQL database")
    parser.add_argument("--apart", action="store_true", help="no two slices have the same ranges")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.url or f"{folder}/ledger.db", given.size, apart=given.apart)


def measure(folder: Path, place: str, size: int, *, apart: bool) -> None:
    """Every command over one ledger of `size` slices."""
    write_split(folder / "split.csv", size, apart=apart)
    with Ledger.open(place) as ledger:
        ledger.import_slices(folder / "split.csv")
        execute(
            ledger,
            *(each.format(run=run, night=night) for run, night in enumerate(NIGHTS, 1) for each in RUN),
        )
        execute(ledger, CHECKS)
        for words, terms in (
            ("", Terms()),
            (" --budget 1000 --cooldown 7d", Terms(1_000, timedelta(days=7))),
        ):
            for name, selection in (("--older-than 1d", OLD), ("--drifted", DRIFTED)):
                tell(ledger, f"requeue {name}{words}", partial(ledger.requeue, selection, terms))
                execute(ledger, *AT_REST)
        tell(ledger, "rollback --run 2 --dry-run", partial(ledger.roll_back, Selection(run=2), dry_run=True))
        tell(ledger, "rollback --run 2", partial(ledger.roll_back, Selection(run=2)))
        tell(ledger, "promote of one", partial(promote, ledger, str(size - 1)))
        tell(ledger, "gc --keep 1 --dry-run", partial(ledger.gc, keep=1, dry_run=True))


def write_split(path: Path, size: int, *, apart: bool) -> None:
    """Fifty metrics of each of many databases, trained on the same days or on times of their own."""
    days = [date(2026, 1, day).isoformat() for day in (1, 20, 21, 30)]
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER)
        for number in range(size):
            later = timedelta(seconds=number)
            ranges = [str(datetime.fromisoformat(day) + later) for day in days] if apart else days
            stream.write(f"{number},db{number // 50},metrics,m{number % 50},{','.join(ranges)}\n")


def execute(ledger: Ledger, *statements: str) -> None:
    """Execute SQL, and leave the ledger as it is when time has passed: PostgreSQL cleans up by itself."""
    with writing(ledger.engine) as conn:
        for statement in statements:
            conn.execute(text(statement))
    ledger.checkpoint()
    if ledger.path is None:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("VACUUM ANALYZE"))


def promote(ledger: Ledger, slice_id: str) -> str:
    """Let the model of the second run serve again; its file is not there to be checked."""
    with writing(ledger.engine) as conn:
        promotions.promote(conn, slice_id, 2, now=ledger.now())
    return "promoted"


def tell(ledger: Ledger, what: str, action: Callable[[], object]) -> None:
    """Do it and print how long it took, and what it said."""
    cpu, passed = seconds_of_cpu(ledger), time.perf_counter()
    said = action()
    cpu, passed = seconds_of_cpu(ledger) - cpu, time.perf_counter() - passed
    print(f"{what:<52} {cpu:>6.2f} s CPU {passed:>6.2f} s  {said}", flush=True)


def seconds_of_cpu(ledger: Ledger) -> float:
    """What this process has used, and on PostgreSQL the process that serves its one connection."""
    mine = time.process_time()
    if ledger.path is not None:
        return mine
    with reading(ledger.engine) as conn:
        server = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return mine + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
