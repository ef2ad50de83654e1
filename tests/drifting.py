"""A world that goes on: metrics in tables whose newest rows come block by block, and some of them move."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

HEADER = "id,database,table,column,train_from,train_to,test_from,test_to\n"
RANGES = "2026-01-01,2026-01-30,2026-01-31,2026-02-04"
START = pd.Timestamp("2026-01-01")
KNOWN = 35 * 24
"""Hours until the end of the test range."""
BLOCK = 10 * 24
"""Hours that come at a time."""


class World:
    """Databases of hourly metrics with a daily season, one table each; column m00 of web0 is web0.m00."""

    def __init__(self, folder: Path, databases: int = 1, metrics: int = 4) -> None:
        self.folder = folder
        self.metrics = [f"m{number:02}" for number in range(metrics)]
        self.databases = [f"web{number}" for number in range(databases)]
        self.hours = 0
        self._go_on(KNOWN, ())
        self.write_split()

    def write_split(self) -> None:
        """Write the split file: a row for each metric."""
        rows = (f"{d}.{m},{d},metrics,{m},{RANGES}\n" for d in self.databases for m in self.metrics)
        (self.folder / "split.csv").write_text(HEADER + "".join(rows), encoding="utf-8")

    def go_on(self, *moved: str) -> None:
        """Ten more days come, in which the level of the slices named is 8 higher (as many sd)."""
        self._go_on(BLOCK, moved)

    def _go_on(self, hours: int, moved: Collection[str]) -> None:
        places = np.arange(self.hours, self.hours + hours)
        times = [str(START + pd.Timedelta(hours=int(place))) for place in places]
        for number, database in enumerate(self.databases):
            chance = np.random.default_rng([number, self.hours])
            season = 3 * np.sin(2 * np.pi * places / 24)
            frame = pd.DataFrame({"timestamp": times})
            for metric in self.metrics:
                level = 58.0 if f"{database}.{metric}" in moved else 50.0
                frame[metric] = level + season + chance.normal(size=hours)
            with closing(sqlite3.connect(self.folder / f"{database}.db")) as raw:
                frame.to_sql("metrics", raw, index=False, if_exists="append")
        self.hours += hours
