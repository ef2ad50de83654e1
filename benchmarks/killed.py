"""Whole runs whose runners are killed again and again until nothing is left to train.

    python benchmarks/killed.py SPLIT --trainer arima --runners 2 --every 3
    python benchmarks/killed.py --chaos 5000 --runners 2 --every 1

Each runner gets SIGKILL about every `--every` seconds, or with `--chaos`, where so many slices do
nothing for a tenth of a second, now and then SIGTERM, or it is stopped, overtaken and let go on; else
it is started again with `--resume` at once. The ledger is a SQLite file in a temporary folder, or the
empty PostgreSQL database of `--ledger URL`. At the end every slice must have one success or a failure
by its data, no attempt that was overtaken a result, `ledger verify` must find nothing, and no process
may be left.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import text

from ledger.database import reading
from ledger.store import Ledger
from tests.victim import BLOWS, KILLS, Victim, impatient, overtaking, struck

SLOW = "import time\n\ndef get_data(row):\n    return [1.0], [2.0]\n\ndef train(row, data):\n"
SLOW += "    time.sleep(0.1)\n    return {'m': 1.0}\n"
MARK = "SLICE_LEDGER_KILLED"
"""An environment variable by which every process of this benchmark is known."""


def main() -> None:
    """Run, kill, and say what became of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("split", type=Path, nargs="?", help="a split file; its databases lie beside it")
    parser.add_argument("--chaos", type=int, help="so many slices that sleep, instead of a split file")
    parser.add_argument("--ledger", help="the URL of an empty PostgreSQL database")
    parser.add_argument("--trainer", default="arima")
    parser.add_argument("--runners", type=int, default=1)
    parser.add_argument("--workers", default="1")
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=20261123)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(given, Path(folder))


def run(given: argparse.Namespace, folder: Path) -> None:
    """Everything, in a folder of its own."""
    split, options = given.split, ["--trainer", given.trainer]
    if given.chaos:
        split, options = _fleet(folder, given.chaos), ["--worker", str(folder / "worker.py")]
    place = given.ledger or str(folder / "ledger.db")
    environment = {**os.environ, "LEDGER_URL": place, MARK: str(folder)}
    command = [
        sys.executable,
        "-m",
        "runner",
        "run",
        "--resume",
        "--quiet",
        "--workers",
        given.workers,
        *options,
    ]

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    began = time.monotonic()
    with Ledger.open(place) as ledger, impatient(place) as other:
        slices = ledger.import_slices(split, artifacts=str(folder / "artifacts")).rows
        chance = random.Random(given.seed)
        every = (0.5 * given.every, 1.5 * given.every)
        victims = [
            Victim(start, chance, every, BLOWS if given.chaos else KILLS, overtaking(other))
            for _ in range(given.runners)
        ]
        struck(victims, goes_on=lambda: ledger.unfinished() > 0)
        for victim in victims:
            victim.finish()
        kills = sum(victim.blows for victim in victims)
        overtaken = {attempt for victim in victims for attempt in victim.overtaken}
        print(f"{slices:,} slices, {given.runners} runners, {kills} blows, {time.monotonic() - began:.0f} s")
        _tell(ledger, folder, overtaken)


def _fleet(folder: Path, count: int) -> Path:
    (folder / "worker.py").write_text(SLOW, encoding="utf-8")
    rows = "".join(f"{number},x,0,1,2,3\n" for number in range(count))
    header = "id,file,train_from,train_to,test_from,test_to\n"
    (folder / "split.csv").write_text(header + rows, encoding="utf-8")
    return folder / "split.csv"


def _tell(ledger: Ledger, folder: Path, overtaken: set[int]) -> None:
    """Say what the ledger holds, and end with 1 unless it is what an undisturbed run leaves."""
    with reading(ledger.engine) as conn:
        states = conn.execute(text("SELECT status, count(*) FROM slices GROUP BY 1")).all()
        outcomes = conn.execute(text("SELECT outcome, count(*) FROM attempts GROUP BY 1")).all()
        twice = conn.execute(
            text(
                "SELECT count(*) FROM (SELECT slice_id FROM attempts WHERE outcome = 'succeeded' "
                "GROUP BY slice_id HAVING count(*) > 1) more"
            )
        ).scalar_one()
        lost = set(conn.execute(text("SELECT id FROM attempts WHERE outcome = 'lost'")).scalars())
    left = [
        process.pid
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _environment(process).get(MARK) == str(folder)
    ]
    verified = ledger.verify()
    print("slices:", ", ".join(f"{count:,} {status}" for status, count in states))
    print("attempts:", ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes))
    print(f"overtaken: {len(overtaken)}, of them recorded all the same: {len(overtaken - lost)}")
    print(f"trained twice: {twice}; processes left: {len(left)}")
    print("\n".join(["verify:", *verified.lines()]))
    if (
        twice
        or left
        or overtaken - lost
        or not verified.sound
        or {status for status, _ in states} - {"succeeded", "failed"}
    ):
        raise SystemExit(1)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        found: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return found


if __name__ == "__main__":
    main()
