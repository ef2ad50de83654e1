"""What commands cost over a ledger in which everything has been trained: by default a million slices.

    python benchmarks/million.py 250000 1000000

Each size is one SQLite ledger in a temporary folder. Its slices are imported; their attempts, five metrics
and one model file each are written by SQL, as a run would have left them. `ms` are of whole commands,
with the start of Python; a view is asked for its first thousand rows, and for the number of its rows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from scale import WORKER, write_split
from sqlalchemy import text

from ledger.database import reading, writing
from ledger.store import Ledger
from ledger.views import VIEWS

RUNNER = """
    INSERT INTO runners (host, boot_id, pid_namespace, pid, pid_started, started_at, heartbeat_at, options,
        version, ended_at, ending)
    VALUES ('h', 'b', 'n', 1, '0', '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', '{}', '0',
        '2026-01-02T00:00:00.000000Z', 'finished')"""
ATTEMPTS = """
    INSERT INTO attempts (slice_id, number, runner_id, outcome, reason, started_at, finished_at, load_seconds,
        fit_seconds, evaluate_seconds, save_seconds, train_from, train_to, test_from, test_to, train_rows,
        test_rows, peak_memory, trainer, model_used, code_version, seed)
    SELECT id, 1, 1, 'succeeded', NULL, '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:01.000000Z', 0.001,
        0.01, 0.0001, 0.0005, train_from, train_to, test_from, test_to, 1900, 100, 200000000, 'arima',
        'ARIMA(2,1,2)', 'slice-ledger', 0
    FROM slices ORDER BY position"""
METRICS = """
    INSERT INTO metrics (attempt_id, name, value)
    SELECT a.id, m.name, 1.0 / a.id FROM attempts a, (SELECT 'mae' AS name UNION ALL SELECT 'mase'
        UNION ALL SELECT 'one_step_mae' UNION ALL SELECT 'rmse' UNION ALL SELECT 'smape') m
    ORDER BY a.id, m.name"""
ARTIFACTS = """
    INSERT INTO artifacts (attempt_id, path, format, bytes, sha256)
    SELECT id, 'ledger/' || slice_id || '/00001.json', 'json', 600, printf('%064d', id) FROM attempts"""
SUCCEEDED = """
    UPDATE slices SET status = 'succeeded', reason = NULL, attempt = 1,
        champion_id = (SELECT id FROM attempts WHERE attempts.slice_id = slices.id)"""
FILLING = (RUNNER, ATTEMPTS, METRICS, ARTIFACTS, SUCCEEDED)


def main() -> None:
    """Print a line per command and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000_000])
    for size in parser.parse_args().sizes:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), size)


def measure(folder: Path, size: int) -> None:
    """Every command over one ledger of `size` slices."""
    write_split(folder / "split.csv", size)
    (folder / "worker.py").write_text(WORKER, encoding="utf-8")
    with Ledger.open(folder / "ledger.db") as ledger:
        tell(size, "import", lambda: ledger.import_slices(folder / "split.csv"))
        with writing(ledger.engine) as conn:
            for statement in FILLING:
                conn.exec_driver_sql(statement)
        ledger.checkpoint()
        for view in VIEWS:
            first, count = f"SELECT * FROM {view.name} LIMIT 1000", f"SELECT count(*) FROM {view.name}"
            tell(size, f"{view.name}, first 1,000", partial(rows, ledger, first))
            tell(size, f"{view.name}, count", partial(rows, ledger, count))
    command = program(folder)
    tell(size, "ledger --help", lambda: command("ledger", "--help"))
    tell(size, "ledger status", lambda: command("ledger", "status"))
    tell(size, "ledger failures", lambda: command("ledger", "failures"))
    tell(size, "ledger requeue of one", lambda: command("ledger", "requeue", str(size - 1)))
    run = ("runner", "run", "--resume", "--worker", "worker.py", "--workers", "1", "--quiet")
    tell(size, "runner run --resume, one left", lambda: command(*run))
    tell(size, "ledger requeue of all", lambda: command("ledger", "requeue", "--where", "1 = 1", "--yes"))
    tell(size, "runner run --resume --limit 1", lambda: command(*run, "--limit", "1"))


def program(folder: Path) -> Callable[..., object]:
    """Run a command in `folder`; it must succeed."""

    def run(name: str, *words: str) -> object:
        command = [sys.executable, "-m", name, *words]
        return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return run


def rows(ledger: Ledger, sql: str) -> int:
    """Ask, and count the rows of the answer."""
    with reading(ledger.engine) as conn:
        return len(conn.execute(text(sql)).all())


def tell(size: int, what: str, action: Callable[[], object]) -> None:
    """Do it and print how long it took."""
    start = time.perf_counter()
    action()
    print(f"{size:>9,}  {what:<34} {(time.perf_counter() - start) * 1e3:>10,.0f} ms", flush=True)


if __name__ == "__main__":
    main()
