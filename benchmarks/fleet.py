"""A fleet of metric databases: D databases of M metrics of n points, and the split file over them.

    python benchmarks/fleet.py FOLDER --databases 20 --metrics 50 --points 2000

Every database is a SQLite file with one table `metrics`: a column `timestamp` (ISO text, every five
minutes) and a column per metric, each a daily season, an AR(1) process and now and then a spike.
With `--url postgresql://…` the tables `metrics_0000` and so on of one PostgreSQL database are made instead.
The first 95 % of the points are for training, the rest for the test. With `--newer 600` so many more
points follow the test range, for `runner drift`; a share of the metrics (`--moved 0.02`) has a level
higher by 6 there (2 to 6 standard deviations of the noise).
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

START = datetime(2026, 1, 1)
STEP = timedelta(minutes=5)
DAY = 288
HEADER = ["id", "database", "table", "column", "train_from", "train_to", "test_from", "test_to"]


def main() -> None:
    """Make the fleet that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--databases", type=int, default=20)
    parser.add_argument("--metrics", type=int, default=50)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--newer", type=int, default=0, help="points after the test range")
    parser.add_argument("--moved", type=float, default=0.0, help="share whose level moves there")
    parser.add_argument("--url", help="a PostgreSQL database that gets the tables")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    slices = make_fleet(
        given.folder,
        given.databases,
        given.metrics,
        given.points,
        newer=given.newer,
        moved=given.moved,
        url=given.url,
    )
    print(f"{slices:,} slices in {given.folder / 'split.csv'}")


def make_fleet(
    folder: Path,
    databases: int,
    metrics: int,
    points: int,
    *,
    newer: int = 0,
    moved: float = 0.0,
    url: str | None = None,
) -> int:
    """Make the databases and `split.csv` in `folder`; return the number of slices.

    `newer` points follow the test range, in which a share `moved` of the metrics has another level.
    """
    times = [(START + place * STEP).isoformat(sep=" ") for place in range(points + newer)]
    for number in range(databases):
        chance = np.random.default_rng(number)
        values = signals(points + newer, metrics, chance)
        values[points:, chance.random(metrics) < moved] += 6.0
        rows = zip(times, *(column.tolist() for column in values.T), strict=True)
        if url is None:
            _fill_sqlite(folder / f"db{number:05}.db", metrics, rows)
        else:
            _fill_postgresql(url, f"metrics_{number:05}", metrics, rows)
    with (folder / "split.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows(split_rows(databases, metrics, times[:points], postgresql=url is not None))
    return databases * metrics


def split_rows(
    databases: int, metrics: int, times: list[str], *, postgresql: bool = False
) -> Iterator[list[str]]:
    """One row per metric of each database."""
    last = int(0.95 * len(times)) - 1
    ranges = [times[0], times[last], times[last + 1], times[-1]]
    for number in range(databases):
        source = ["fleet", f"metrics_{number:05}"] if postgresql else [f"db{number:05}", "metrics"]
        for metric in range(metrics):
            yield [f"db{number:05}.m{metric:02}", *source, f"m{metric:02}", *ranges]


def signals(points: int, metrics: int, chance: np.random.Generator) -> NDArray[np.float64]:
    """Daily seasons, AR(1) noise and rare spikes, shape (points, metrics)."""
    place = np.arange(points)[:, None]
    season = chance.uniform(0.5, 3, metrics) * np.sin(
        2 * np.pi * (place / DAY + chance.uniform(size=metrics))
    )
    memory = chance.uniform(0.3, 0.95, metrics)
    noise = np.empty((points, metrics))
    before = np.zeros(metrics)
    for row, shock in enumerate(chance.normal(size=(points, metrics))):
        before = noise[row] = memory * before + shock
    spikes = (chance.random((points, metrics)) < 0.002) * chance.normal(0, 8, (points, metrics))
    level = chance.uniform(10, 100, metrics)
    found: NDArray[np.float64] = np.round(level + season + noise + spikes, 4)
    return found


def _fill_sqlite(path: Path, metrics: int, rows: Any) -> None:
    path.unlink(missing_ok=True)
    names = ", ".join(f"m{number:02} REAL" for number in range(metrics))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute(f"CREATE TABLE metrics (timestamp TEXT PRIMARY KEY, {names})")
        raw.executemany(f"INSERT INTO metrics VALUES ({', '.join('?' * (metrics + 1))})", rows)
        raw.commit()


def _fill_postgresql(url: str, table: str, metrics: int, rows: Any) -> None:
    import psycopg

    names = ", ".join(f"m{number:02} double precision" for number in range(metrics))
    with psycopg.connect(url.replace("+psycopg://", "://")) as conn:
        conn.execute(f"DROP TABLE IF EXISTS {table}")
        conn.execute(f'CREATE TABLE {table} ("timestamp" timestamp PRIMARY KEY, {names})')
        with conn.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


if __name__ == "__main__":
    main()
