"""Whole runs over a folder of public series, as a Markdown table of counts, times and errors.

    python benchmarks/real_data.py DATA_FOLDER [SET …]

DATA_FOLDER holds one folder per set with its split files; the tables of databases are
`SET/DATABASE/TABLE.csv.gz`, which are loaded into SQLite first.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd


@dataclass(frozen=True, slots=True)
class Case:
    """A split file of a set and the options of its run."""

    set: str
    split: str
    options: tuple[str, ...] = ()


CASES = (
    Case("nab", "split_files.csv"),
    Case("nab", "split_files.csv", ("--trainer", "isolation_forest")),
    Case("nab", "split_files.csv", ("--trainer", "lstm")),
    Case("kpi", "split_files.csv"),
    Case("planetlab", "split_files.csv"),
    Case("planetlab", "split_db.csv"),
    Case("smd", "split_db_quick.csv", ("--trainer", "isolation_forest")),
    Case("asd", "split_db_quick.csv", ("--trainer", "isolation_forest")),
    Case("m4_hourly", "split_db.csv", ("--trainer", "seasonal_naive")),
    Case("m3", "split_db.csv", ("--trainer", "seasonal_naive")),
    Case("m3", "split_db.csv"),
    Case("tcpd", "split_files.csv"),
    Case("digits", "split_files.csv", ("--trainer", "cnn", "--gate", "accuracy>0.95")),
)
SHOWN = ("mase", "smape", "anomaly_rate", "accuracy")


def main() -> None:
    """Run every case and print its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*")
    given = parser.parse_args()
    names = ["set", "options", "slices", "succeeded", "rejected", "failed", "seconds", "means", "errors"]
    print(f"| {' | '.join(names)} |")
    print("|---" * len(names) + "|")
    for case in CASES:
        if not given.sets or case.set in given.sets:
            with tempfile.TemporaryDirectory() as scratch:
                print(row(case, given.folder / case.set, Path(scratch)), flush=True)


def row(case: Case, source: Path, scratch: Path) -> str:
    """Import and run one case in `scratch`; what it did as a row of the table."""
    split = prepared(source, case.split, scratch)
    typed("ledger", "import", str(split), folder=scratch)
    start = time.monotonic()
    typed("runner", "run", "--resume", "--quiet", *case.options, folder=scratch)
    seconds = time.monotonic() - start
    with closing(sqlite3.connect(scratch / "ledger.db")) as raw:
        counts = dict(raw.execute("SELECT status, count(*) FROM slices GROUP BY 1"))
        means = raw.execute("SELECT name, avg(value) FROM current_metrics GROUP BY 1").fetchall()
        errors = raw.execute("SELECT error_type, count(*) FROM failures GROUP BY 1").fetchall()
    states = (counts.pop(state, 0) for state in ("succeeded", "rejected", "failed"))
    assert not counts or set(counts) <= {"succeeded", "rejected", "failed"}, f"left over: {counts}"
    found = ", ".join(f"{name} {value:.4g}" for name, value in means if name in SHOWN and value is not None)
    told = ", ".join(f"{count} {name}" for name, count in errors)
    options = f"`{' '.join(case.options)}`" if case.options else ""
    total = sum(1 for _ in split.open(encoding="utf-8")) - 1
    cells = (f"{case.set} {case.split}", options, total, *states, f"{seconds:.1f}", found, told)
    return f"| {' | '.join(map(str, cells))} |"


def prepared(source: Path, split: str, scratch: Path) -> Path:
    """The split file with its data beside it: databases made of tables, files where they are."""
    if "db" not in split:
        return source / split
    for database in (each for each in source.iterdir() if each.is_dir() and list(each.glob("*.csv.gz"))):
        with closing(sqlite3.connect(scratch / f"{database.name}.db")) as raw:
            for table in database.glob("*.csv.gz"):
                name = table.name.removesuffix(".csv.gz")
                frame = pd.read_csv(table)
                frame.to_sql(name, raw, index=False)
                raw.execute(f'CREATE INDEX "by time of {name}" ON "{name}" ("{frame.columns[0]}")')
    target = scratch / split
    shutil.copy(source / split, target)
    if source.name == "m3":  # its `other` tables have made-up daily dates: no season
        rows = pd.read_csv(target, dtype="string")
        rows["params"] = rows["table"].map(lambda name: "period=1" if name.startswith("other") else "")
        rows.to_csv(target, index=False)
    return target


def typed(*words: str, folder: Path) -> None:
    """Type a command in a folder; a run in which slices failed is fine."""
    command: Sequence[str] = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode in (0, 1), f"{' '.join(words)} ended with {done.returncode}"


if __name__ == "__main__":
    main()
