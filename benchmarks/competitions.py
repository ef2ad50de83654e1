"""`arima` with order=auto on the series of two forecasting competitions, M3 and M4 hourly.

    python benchmarks/competitions.py DATA_FOLDER [m3 m4_hourly] [--every 1] [--processes 2]

Every series is trained on its train range and forecast over its test range by the trainer; the
figures are the means over the series of sMAPE and MASE as the runner records them. In the
literature: M3 sMAPE, automatic ARIMA 13.72, Theta 12.76 (Hyndman & Khandakar, Journal of
Statistical Software 27, 2008); M4 hourly MASE, seasonal naive 1.193, automatic ARIMA 0.92 to 1.03.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from runner.metrics import evaluate
from runner.trainer import Dataset
from runner.trainers import arima

PERIODS = {"yearly": 1, "quarterly": 4, "monthly": 12, "other": 1, "hourly": 24}
Figures = tuple[str, float, float, float, str]


def main() -> None:
    """Print a row per kind of series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*", default=["m3", "m4_hourly"])
    parser.add_argument("--every", type=int, default=1, help="take only every so many-th series")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    print("| set | series | sMAPE | MASE | CPU s | CPU ms each | most frequent |")
    print("|---|---|---|---|---|---|---|")
    for name in given.sets:
        start = time.monotonic()
        slices = list(series(given.folder / name))[:: given.every]
        with multiprocessing.get_context("fork").Pool(given.processes) as pool:
            found = list(pool.imap_unordered(measured, slices, chunksize=8))
        for kind in [*sorted({kind for kind, *_ in found}), "all"]:
            print(row(name, kind, [each for each in found if kind in (each[0], "all")]), flush=True)
        print(f"{name}: {time.monotonic() - start:.0f} s in {given.processes} processes")


def series(folder: Path) -> Iterator[tuple[str, Dataset]]:
    """Every slice of a set's split file, with its kind."""
    tables: dict[str, pd.DataFrame] = {}
    for slice_ in pd.read_csv(folder / "split_db.csv").itertuples():
        name = f"{slice_.database}/{slice_.table}"
        if name not in tables:
            tables[name] = pd.read_csv(folder / f"{name}.csv.gz", index_col=0)
        values = tables[name][str(slice_.column)]
        kind = str(slice_.table).partition("_")[0]
        train = values[str(slice_.train_from) : str(slice_.train_to)]
        test = values[str(slice_.test_from) : str(slice_.test_to)]
        yield kind, Dataset(train, test, period=PERIODS[kind])


def measured(slice_: tuple[str, Dataset]) -> Figures:
    """The kind, sMAPE, MASE, CPU seconds and the model of one series."""
    kind, dataset = slice_
    start = time.process_time()
    model: Any = arima.train(dataset, arima.Params(order=None))
    seconds = time.process_time() - start
    figures = evaluate(model, dataset)
    return kind, figures["smape"], figures["mase"], seconds, model.model_used


def row(name: str, kind: str, found: list[Figures]) -> str:
    """The means of one kind as a row of the table."""
    smape, mase, seconds = (np.nanmean([each[place] for each in found]) for place in (1, 2, 3))
    often = ", ".join(
        f"{count} {model}" for model, count in Counter(each[4] for each in found).most_common(3)
    )
    cells = (f"{name} {kind}", len(found), f"{smape:.3f}", f"{mase:.3f}")
    return f"| {' | '.join(map(str, cells))} | {seconds * len(found):.1f} | {seconds * 1e3:.1f} | {often} |"


if __name__ == "__main__":
    main()
