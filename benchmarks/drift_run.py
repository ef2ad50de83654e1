"""What a drift run costs: time, CPU and memory of `runner drift` over a fleet of tables.

    python benchmarks/drift_run.py FOLDER --tables 5000 --metrics 50 --distinct 200

FOLDER gets the databases (`--distinct` of them; the others are links to those, so 5,000 take no 10 GB), a
split file and a ledger in which every slice has a model without a file, and the profile of its data. Then
`runner drift` is run, twice: on newer data, and when there is none. A FOLDER that is there is used as it is,
but for the drift checks that it holds.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from fleet import HEADER, START, STEP, make_fleet, signals, split_rows
from sqlalchemy import text

from ledger.database import writing
from ledger.records import Facts, StoredProfile, Success
from ledger.store import Ledger
from runner.driftrun.detectors import find
from runner.driftrun.profiles import profiles_of

POINTS, NEWER = 2_000, 1_500
CHUNK = 500


def main() -> None:
    """Make what is missing, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tables", type=int, default=20)
    parser.add_argument("--metrics", type=int, default=50)
    parser.add_argument("--distinct", type=int, default=20, help="databases that differ")
    parser.add_argument("--moved", type=float, default=0.02, help="share of the metrics that drift")
    parser.add_argument("--workers", default="auto")
    given = parser.parse_args()
    place = given.folder / "ledger.db"
    if not place.exists():
        _make(given.folder, given.tables, given.metrics, min(given.distinct, given.tables), given.moved)
    with Ledger.open(place) as ledger, writing(ledger.engine) as conn:
        for table in ("drift_checks", "drift_findings"):
            conn.execute(text(f"DELETE FROM {table}"))
    for what in ("newer data", "no newer data"):
        print(f"{what}: {measured(given.folder, ['--workers', given.workers])}", flush=True)
    print(f"ledger: {place.stat().st_size / 2**20:,.0f} MB")


def measured(folder: Path, options: Sequence[str]) -> str:
    """Run `runner drift` and tell what it cost."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "runner", "drift", "--quiet", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = f"{seconds:.0f} s, CPU {cpu:.0f} s, largest process {after.ru_maxrss / 1024:,.0f} MB"
    return f"{told}\n  {done.stdout.strip().splitlines()[0]}"


def _make(folder: Path, tables: int, metrics: int, distinct: int, moved: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    make_fleet(folder, distinct, metrics, POINTS, newer=NEWER, moved=moved)
    for number in range(distinct, tables):
        link = folder / f"db{number:05}.db"
        link.unlink(missing_ok=True)
        link.symlink_to(f"db{number % distinct:05}.db")
    times = [(START + place * STEP).isoformat(sep=" ") for place in range(POINTS)]
    with (folder / "split.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows(split_rows(tables, metrics, times))
    with Ledger.open(folder / "ledger.db") as ledger:
        ledger.import_slices(folder / "split.csv")
        _train(ledger, [_profiles(number, metrics) for number in range(distinct)])


def _profiles(number: int, metrics: int) -> dict[str, tuple[StoredProfile, ...]]:
    """The profile of each metric of one database, by its column."""
    detector, last = find("panel"), int(0.95 * POINTS)
    values = signals(POINTS + NEWER, metrics, np.random.default_rng(number))[:POINTS]
    index = pd.date_range(START, periods=POINTS, freq=timedelta(seconds=STEP.total_seconds()))
    found = {}
    for place in range(metrics):
        series = pd.Series(values[:, place], index=index, name=f"m{place:02}")
        found[f"m{place:02}"] = profiles_of(detector, series.iloc[:last], series.iloc[last:])
    return found


def _train(ledger: Ledger, profiles: Sequence[dict[str, tuple[StoredProfile, ...]]]) -> None:
    """Give every slice a model without a file."""
    me = ledger.register_runner({})
    left = True
    while left:
        with ledger.recording() as record:
            for _ in range(CHUNK):
                held = record.claim(me)
                if held is None:
                    left = False
                    break
                row = held.slice
                kept = profiles[int(str(row.database)[2:]) % len(profiles)][str(row.column)]
                record.complete(held, Success({"mae": 1.0}, profiles=kept), Facts(trainer="none"))
    ledger.end_runner(me, "finished")


if __name__ == "__main__":
    main()
