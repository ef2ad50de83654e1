"""Whole runs over fleets of growing size: cost per slice and memory against the number of slices.

    python benchmarks/fleet.py FOLDER --databases 5000
    python benchmarks/curve.py FOLDER 1000 10000 50000 --trainer arima --param order=2,1,2
    python benchmarks/curve.py FOLDER 250000 --kill --plot docs/curve.svg

Each size is a ledger of its own over the first slices of FOLDER's split file. `--kill` kills the runner with
SIGKILL when half is trained and resumes; `ledger verify` must find nothing at the end. Every line is also
added to FOLDER/curve.csv, from which `--plot` draws (pip install '.[benchmarks]').
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path

import psutil

LOOK = 2.0  # seconds between two looks at the memory


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run cost. Memory is the resident set, in MB: of the runner, and of its largest worker.

    `early` is the memory after a tenth of the slices, `peak` the largest of the whole run.
    """

    trainer: str
    slices: int
    seconds: float
    ms_per_slice: float
    runner_early: float
    runner_peak: float
    worker_early: float
    worker_peak: float
    killed: bool


def main() -> None:
    """Run every size, print a line for each, and draw what was measured so far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--trainer", default="arima")
    parser.add_argument("--param", action="append", default=[])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--kill", action="store_true", help="kill the runner when half is trained, and resume"
    )
    parser.add_argument("--plot", type=Path, help="draw every line of curve.csv into this SVG file")
    given = parser.parse_args()
    options = ["--trainer", given.trainer, "--workers", str(given.workers), "--quiet"]
    options += [word for param in given.param for word in ("--param", param)]
    for size in given.sizes:
        figures = run(given.folder, size, options, given.trainer, kill=given.kill)
        keep(given.folder / "curve.csv", figures)
        print(figures, flush=True)
    if given.plot:
        draw(given.folder / "curve.csv", given.plot)


def run(folder: Path, size: int, options: list[str], trainer: str, *, kill: bool) -> Figures:
    """Import, run, and verify the first `size` slices of the fleet."""
    place = folder / f"run-{trainer}-{size}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    split = folder / f"split-{size}.csv"
    with (folder / "split.csv").open(encoding="utf-8") as whole, split.open("w", encoding="utf-8") as part:
        part.writelines(islice(whole, size + 1))
    say(place, "ledger", "import", str(split))
    start = time.perf_counter()
    watch = Watch(place / "ledger.db", size)
    if kill:
        with running(place, options) as runner:
            watch.until(runner, size // 2)
            runner.send_signal(signal.SIGKILL)
    with running(place, [*options, *(["--resume"] if kill else [])]) as runner:
        watch.until(runner, size)
        if runner.wait() != 0:
            raise SystemExit(f"the run ended with {runner.returncode}")
    seconds = time.perf_counter() - start
    say(place, "ledger", "verify")
    memory = (watch.early[0], watch.peak[0], watch.early[1], watch.peak[1])
    return Figures(trainer, size, seconds, seconds / size * 1e3, *memory, kill)


class Watch:
    """Looks at the memory of a runner and its workers until so many slices have succeeded."""

    def __init__(self, ledger: Path, size: int) -> None:
        self._ledger = ledger
        self._size = size
        self.early = (0.0, 0.0)
        self.peak = (0.0, 0.0)

    def until(self, runner: subprocess.Popen[bytes], wanted: int) -> None:
        """Return when `wanted` slices have succeeded, or the runner has ended."""
        while runner.poll() is None and (done := self._done()) < wanted:
            now = memory_of(runner.pid)
            self.peak = (max(self.peak[0], now[0]), max(self.peak[1], now[1]))
            if done <= self._size / 10:
                self.early = self.peak
            with contextlib.suppress(subprocess.TimeoutExpired):
                runner.wait(LOOK)

    def _done(self) -> int:
        with closing(sqlite3.connect(f"file:{self._ledger}?mode=ro", uri=True, timeout=30)) as raw:
            (count,) = raw.execute("SELECT count(*) FROM slices WHERE status = 'succeeded'").fetchone()
        return int(count)


def memory_of(pid: int) -> tuple[float, float]:
    """MB of resident memory: of this process, and of the largest of those that it started."""
    with contextlib.suppress(psutil.Error):
        runner = psutil.Process(pid)
        of_workers = [0.0]
        for child in runner.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                of_workers.append(child.memory_info().rss / 2**20)
        return runner.memory_info().rss / 2**20, max(of_workers)
    return 0.0, 0.0


@contextlib.contextmanager
def running(place: Path, options: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A runner at work in `place`."""
    command = [sys.executable, "-m", "runner", "run", *options]
    runner = subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL)
    try:
        yield runner
    finally:
        if runner.poll() is None:
            runner.kill()
        runner.wait()


def say(place: Path, *words: str) -> None:
    """Run a command; it must succeed."""
    subprocess.run([sys.executable, "-m", *words], cwd=place, check=True, stdout=subprocess.DEVNULL)


def keep(path: Path, figures: Figures) -> None:
    """Add a line to the file of what was measured."""
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Figures)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(figures))


def draw(path: Path, target: Path) -> None:
    """Cost per slice and memory against the number of slices, a line for each trainer."""
    import matplotlib as mpl
    import pandas as pd

    mpl.use("svg")
    import matplotlib.pyplot as plt

    measured = pd.read_csv(path).drop_duplicates(["trainer", "slices"], keep="last").sort_values("slices")
    figure, (cost, memory) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for trainer, lines in measured.groupby("trainer"):
        cost.plot(lines["slices"], lines["ms_per_slice"], marker="o", label=trainer)
        memory.plot(lines["slices"], lines["runner_peak"], marker="o", label=f"runner, {trainer}")
        memory.plot(lines["slices"], lines["worker_peak"], marker="s", label=f"worker, {trainer}")
    for axes, told in ((cost, "ms per slice, whole run"), (memory, "peak memory, MB")):
        axes.set(xscale="log", xlabel="slices", ylabel=told)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(target)


if __name__ == "__main__":
    main()
