"""What reading costs per slice: each by itself, a table at once for all of its slices, and ahead of time.

    python benchmarks/reading.py FOLDER --databases 10
    python benchmarks/reading.py FOLDER --databases 10 --url postgresql://…

FOLDER gets a fleet (`benchmarks/fleet.py`) of so many databases of 50 metrics, on PostgreSQL so many
tables. Every way reads the same slices in the same run; the time is that for which a slice waits for its
data. `ahead` does between two slices for `--training` ms what a compiled training does: it computes
without holding Python's lock.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from fleet import make_fleet
from scale import seconds

from ledger.records import Slice
from runner.lookahead import SOON
from runner.sources import Reader, SourceSettings

METRICS = 50
BLOCK = bytes(1_000_000)


def main() -> None:
    """Print a line for each way of reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--databases", type=int, default=10)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--training", type=float, default=10, help="ms between two slices")
    parser.add_argument("--url", help="a PostgreSQL database for the tables")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    make_fleet(given.folder, given.databases, METRICS, given.points, url=given.url)
    rows = slices_of(given.folder / "split.csv")
    settings = SourceSettings(databases={"fleet": given.url} if given.url else {})
    for name, way in (("each by itself", alone), ("table at once", together), ("and ahead", ahead)):
        with closing(Reader(settings)) as reader:
            waited = way(reader, rows, given.training / 1e3)
        print(f"{name:>15}  {waited / len(rows) * 1e3:8.2f} ms per slice", flush=True)


def slices_of(split: Path) -> list[Slice]:
    """The rows of a split file that names databases."""
    with split.open(encoding="utf-8", newline="") as stream:
        return [
            Slice(
                row["id"],
                row["train_from"],
                row["train_to"],
                row["test_from"],
                row["test_to"],
                database=row["database"],
                table=row["table"],
                column=row["column"],
                base=str(split.parent.absolute()),
            )
            for row in csv.DictReader(stream)
        ]


def alone(reader: Reader, rows: Sequence[Slice], _: float) -> float:
    """Read every slice for itself; return the seconds waited."""
    return sum(seconds(partial(reader.load, row)) for row in rows)


def together(reader: Reader, rows: Sequence[Slice], _: float) -> float:
    """Read every table once."""
    return sum(seconds(partial(reader.load, row, rest(rows, place))) for place, row in enumerate(rows))


def ahead(reader: Reader, rows: Sequence[Slice], training: float) -> float:
    """Read every table once, and the next one while the last slices of the one before are trained."""
    waited = 0.0
    for place, row in enumerate(rows):
        waited += seconds(partial(reader.load, row, rest(rows, place)))
        following = place - place % METRICS + METRICS
        if following - place <= SOON + 1 and following < len(rows):
            reader.read_ahead(rows[following], rest(rows, following))
        compute(training)
    return waited


def rest(rows: Sequence[Slice], place: int) -> list[str]:
    """The columns of the same table that come after this slice."""
    end = place - place % METRICS + METRICS
    return [str(row.column) for row in rows[place + 1 : end]]


def compute(duration: float) -> None:
    """Use a core for so many seconds without holding Python's lock."""
    until = time.perf_counter() + duration
    while time.perf_counter() < until:
        hashlib.sha256(BLOCK).digest()


if __name__ == "__main__":
    main()
