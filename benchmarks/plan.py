"""Plans against the runs they foretold: workloads of different trainers, sizes and workers.

    python benchmarks/plan.py [--only NAME …] [--scale 0.5]

Each workload is made in a temporary folder, planned by `runner plan`, then run, and one line tells
the band, the actual time and whether it is inside. `others` is the share of the machine that other
programs took while the sample was trained.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fleet import make_fleet, signals

IDLE = "def get_data(row):\n    return [1.0, 2.0], [3.0]\n\ndef train(row, data):\n    return {'m': 1.0}\n"
UNEVEN = """
import random, time
def train(row, data):
    chance = random.Random(row.id)
    end = time.process_time() + chance.lognormvariate(-3.5, 0.8)
    while time.process_time() < end:
        pass
    if chance.random() < 0.1:
        raise RuntimeError("it does not converge")
    return {"m": 1.0}
"""
FILE_HEADER = ["id", "file", "train_from", "train_to", "test_from", "test_to"]


@dataclass(frozen=True)
class Workload:
    """What is trained, and with which options."""

    name: str
    make: Callable[[Path, float], object]
    options: str


def main() -> None:
    """Print one line per workload, and how many runs were inside their band."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of workloads")
    parser.add_argument("--scale", type=float, default=1.0, help="slices, as a share of the usual number")
    given = parser.parse_args()
    chosen = [each for each in WORKLOADS if not given.only or each.name in given.only]
    told = "workload", "slices", "workers", "low", "expected", "high", "actual", "inside", "others", "sampled"
    print("{:<22}{:>7}{:>8}{:>8}{:>9}{:>8}{:>8}{:>8}{:>8}{:>9}".format(*told))
    inside = sum(tried(workload, given.scale) for workload in chosen)
    print(f"{inside} of {len(chosen)} runs inside their band")


def tried(workload: Workload, scale: float) -> bool:
    """Make, plan and run one workload; print its line and return whether the run was inside the band."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        workload.make(place, scale)
        words = workload.options.split()
        command(place, "ledger", "import", "split.csv")
        plan = json.loads(command(place, "runner", "plan", *words, "--json"))
        command(place, "runner", "run", *words, "--quiet")
        actual = json.loads(command(place, "ledger", "status", "--json"))["plan"]
    low, expected, high = (plan["seconds"][name] for name in ("low", "expected", "high"))
    verdict = "yes" if actual["inside"] else "NO"
    print(
        f"{workload.name:<22}{plan['slices']:>7}{plan['workers']:>8}{low:>8.1f}{expected:>9.1f}{high:>8.1f}"
        f"{actual['elapsed_seconds']:>8.1f}{verdict:>8}{plan['others_share']:>8.0%}{plan['sampled']:>9}",
        flush=True,
    )
    return bool(actual["inside"])


def command(folder: Path, *words: str) -> str:
    """What a command prints; 1 is the exit code of a run some slices of which failed."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or not done.stdout:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def databases(count: int, metrics: int, points: int) -> Callable[[Path, float], object]:
    """SQLite files of one table each."""
    return lambda folder, scale: make_fleet(folder, max(1, round(count * scale)), metrics, points)


def files(count: int, points: int) -> Callable[[Path, float], object]:
    """CSV files of one series each."""

    def make(folder: Path, scale: float) -> None:
        rows = []
        for number in range(round(count * scale)):
            values = signals(points, 1, np.random.default_rng(number))[:, 0]
            lines = "".join(f"{place},{value}\n" for place, value in enumerate(values))
            (folder / f"f{number:04}.csv").write_text(f"time,value\n{lines}", encoding="utf-8")
            last = int(0.95 * points)
            rows.append([f"f{number}", f"f{number:04}.csv", 0, last - 1, last, points - 1])
        write(folder, FILE_HEADER, rows)

    return make


def idle(folder: Path, scale: float) -> None:
    """Slices without data, and a training that does nothing."""
    (folder / "worker.py").write_text(IDLE, encoding="utf-8")
    rows = [[f"s{number}", "none.csv", 0, 9, 10, 14] for number in range(round(8_000 * scale))]
    write(folder, FILE_HEADER, rows)


def uneven(folder: Path, scale: float) -> None:
    """A training of very uneven length that fails for every tenth slice."""
    make_fleet(folder, max(1, round(8 * scale)), 50, 300)
    (folder / "worker.py").write_text(UNEVEN, encoding="utf-8")


def mixed(folder: Path, scale: float) -> None:
    """Two sizes of databases and three trainers, chosen by the split file."""
    count = max(1, round(5 * scale))
    rows: list[list[Any]] = []
    for part, points in (("short", 400), ("long", 4_000)):
        (folder / part).mkdir()
        make_fleet(folder / part, count, 40, points)
        for number in range(count):
            (folder / part / f"db{number:05}.db").rename(folder / f"{part}{number:05}.db")
        with (folder / part / "split.csv").open(encoding="utf-8", newline="") as stream:
            header, *found = csv.reader(stream)
        for number, row in enumerate(found):
            trainer = ("seasonal_naive", "arima", "pca")[number % 3]
            rows.append([f"{part}.{row[0]}", row[1].replace("db", part), *row[2:], trainer])
    write(folder, [*header, "trainer"], rows)


def wide(folder: Path, scale: float) -> None:
    """One table of many columns."""
    make_fleet(folder, 1, min(1_900, round(400 * scale)), 1_500)  # SQLite has no more columns


def write(folder: Path, header: list[str], rows: list[list[Any]]) -> None:
    """The split file."""
    with (folder / "split.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


WORKLOADS = (
    Workload("seasonal_naive", databases(30, 50, 2_000), "--trainer seasonal_naive --workers 2"),
    Workload("arima 2,1,2", databases(10, 50, 2_000), "--trainer arima --param order=2,1,2 --workers 2"),
    Workload("arima, its own orders", databases(6, 30, 1_000), "--trainer arima --workers 2"),
    Workload("autoreg on files", files(600, 1_000), "--trainer autoreg --workers 1"),
    Workload("isolation_forest", databases(10, 50, 1_000), "--trainer isolation_forest --workers 2"),
    Workload("pca", databases(12, 50, 2_000), "--trainer pca --workers 1"),
    Workload("lstm", databases(6, 20, 800), "--trainer lstm --workers 2"),
    Workload("nothing", idle, "--worker worker.py --workers 2"),
    Workload("uneven, some fail", uneven, "--worker worker.py --workers 4"),
    Workload("three trainers", mixed, "--workers 2"),
    Workload("one wide table", wide, "--trainer seasonal_naive --workers 2"),
    Workload("in this process", databases(10, 50, 1_000), "--trainer autoreg --workers 0"),
)


if __name__ == "__main__":
    main()
