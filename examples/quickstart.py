"""The main job from end to end, on data made up here: databases and files to models and SQL.

It works in the folder `quickstart` and prints every command it types; type them yourself on your
own data.
"""

from __future__ import annotations

import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path("quickstart")
METRICS = ("cpu", "memory", "queries (1/s)", "latency")
DAYS = 12
BIN = Path(sys.executable).parent
QUESTION = (
    "SELECT trainer, count(*) AS slices, round(avg(value), 3) AS mean_mase FROM current_metrics "
    "WHERE name = 'mase' GROUP BY trainer ORDER BY 3"
)


def series(chance: np.random.Generator, times: pd.DatetimeIndex) -> np.ndarray:
    """A metric with a daily season, noise that remembers, and now and then a spike."""
    noise = np.zeros(len(times))
    for place, shock in enumerate(chance.normal(0, 1, len(times))):
        noise[place] = 0.8 * noise[place - 1] + shock
    day = np.sin(2 * np.pi * (times.hour + times.minute / 60) / 24 + chance.uniform(0, 6))
    spikes = chance.random(len(times)) < 0.002
    return 50 + 10 * day + 2 * noise + 40 * spikes


def make_data() -> None:
    """Three databases of four metrics, three files of one, and a split file over all of them."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    chance = np.random.default_rng(1)
    times = pd.date_range("2026-01-01", periods=DAYS * 288, freq="5min")
    for database in ("shop", "billing", "search"):
        frame = pd.DataFrame({name: series(chance, times) for name in METRICS})
        frame.insert(0, "timestamp", times.strftime("%Y-%m-%d %H:%M:%S"))
        with closing(sqlite3.connect(FOLDER / f"{database}.db")) as connection:
            frame.to_sql("metrics", connection, index=False)
    for name in ("sensor_1", "sensor_2", "broken"):
        values = series(chance, times) if name != "broken" else 7.0
        pd.DataFrame({"timestamp": times, "value": values}).to_csv(FOLDER / f"{name}.csv.gz", index=False)


def name_trainers() -> None:
    """Give every slice a trainer of its own; without that column all would get `arima`."""
    split = pd.read_csv(FOLDER / "split.csv", dtype="string")
    trainers = ("seasonal_naive", "autoreg", "arima", "isolation_forest", "lstm")
    split["trainer"] = [trainers[place % len(trainers)] for place in range(len(split))]
    split.to_csv(FOLDER / "split.csv", index=False)


def type_in(command: str, *, may_fail: bool = False) -> None:
    """Type a command in the folder and show it with what it prints."""
    print(f"\n$ {command}", flush=True)
    words = shlex.split(command)
    done = subprocess.run([BIN / words[0], *words[1:]], cwd=FOLDER, check=False)
    if done.returncode and not may_fail:
        sys.exit(done.returncode)


def main() -> None:
    """Make the data, import it, train, and ask."""
    start = time.monotonic()
    make_data()
    type_in("ledger split . --train 8d --test 2d")
    name_trainers()
    type_in("ledger import split.csv")
    type_in("runner run --resume --workers 2", may_fail=True)  # a broken sensor is in it on purpose
    type_in("ledger status")
    type_in("ledger failures")
    type_in(f'ledger query "{QUESTION}"')
    print(f"\nDone in {time.monotonic() - start:.0f} s. Everything is in the folder {FOLDER}: look around.")


if __name__ == "__main__":
    main()
