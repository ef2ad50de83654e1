"""Cost per slice of import, claim and completion, status and whole runs, from 1,000 slices up.

    python benchmarks/scale.py 1000 10000 100000

Each size is one ledger in a temporary folder. `raw` is csv + sqlite3.executemany of the same rows in the
same run, `event` a claim and a completion, a transaction each, `run` a whole `runner run` with two workers
and a training that does nothing, `start` a run of one slice, which is the start and the end of any, and
`beside` what the run took besides that.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ledger.records import Facts, Success
from ledger.store import Ledger

WORKER = "def get_data(row):\n    return [1.0, 2.0], [3.0]\n\ndef train(row, data):\n    return {'m': 1.0}\n"
HEADER = "id,database,table,column,train_from,train_to,test_from,test_to\n"
CLAIMS = 2_000
TIMES = ("raw µs", "import µs", "again µs", "event µs", "status ms", "start s", "run ms", "beside ms")
NAMES = ("slices", *TIMES, "MB")


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--no-run", action="store_true", help="leave out the whole runs")
    given = parser.parse_args()
    print("  ".join(f"{name:>12}" for name in NAMES))
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder), size, whole=not given.no_run)
        print("  ".join(f"{figure:>12,.2f}" for figure in (size, *figures)), flush=True)


def measure(folder: Path, size: int, *, whole: bool) -> tuple[float, ...]:
    """Every figure of one size, in the units of the header; MB are of this process."""
    split = folder / "split.csv"
    write_split(split, size)
    raw = seconds(lambda: raw_import(folder, split)) / size * 1e6
    with Ledger.open(folder / "ledger.db") as ledger:
        imported = seconds(lambda: ledger.import_slices(split)) / size * 1e6
        again = seconds(lambda: ledger.import_slices(split)) / size * 1e6
        count = min(CLAIMS, size // 2)
        claims = seconds(lambda: claim_and_complete(ledger, count)) / count * 1e6
        status = seconds(ledger.status) * 1e3
    start = whole_run(folder, "--limit", "1") if whole else float("nan")
    run = whole_run(folder) if whole else float("nan")
    left = (size - count - 1) / 1e3
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return raw, imported, again, claims, status, start, run / left, (run - start) / left, memory


def write_split(path: Path, size: int) -> None:
    """Fifty metrics of each of many databases."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(HEADER)
        for number in range(size):
            stream.write(
                f"{number},db{number // 50},metrics,m{number % 50},"
                "2026-01-01,2026-01-20,2026-01-21,2026-01-30\n"
            )


def raw_import(folder: Path, split: Path) -> None:
    """The least that any import must do."""
    with closing(sqlite3.connect(folder / "raw.db")) as raw, split.open(encoding="utf-8") as stream:
        raw.execute("CREATE TABLE slices (id TEXT PRIMARY KEY, a, b, c, d, e, f, g)")
        reader = csv.reader(stream)
        next(reader)
        raw.executemany("INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?, ?, ?)", reader)
        raw.commit()


def claim_and_complete(ledger: Ledger, count: int) -> None:
    """Claim a slice and record a result, one transaction each."""
    runner = ledger.register_runner({})
    for _ in range(count):
        with ledger.recording() as record:
            held = record.claim(runner)
        assert held is not None
        with ledger.recording() as record:
            record.complete(held, Success({"m": 1.0}), Facts(fit_seconds=0.0))
    ledger.end_runner(runner, "finished")


def whole_run(folder: Path, *more: str) -> float:
    """Train all the rest, or what `more` options say, with a training that does nothing."""
    (folder / "worker.py").write_text(WORKER, encoding="utf-8")
    words = ["run", "--worker", "worker.py", "--workers", "2", "--quiet", *more]
    command = [sys.executable, "-m", "runner", *words]
    return seconds(lambda: subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL))


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
