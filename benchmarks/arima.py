"""The trainer `arima` and the plain statsmodels loop side by side, on the same slices.

    python benchmarks/arima.py [--slices 40] [--data DATA_FOLDER [--real 60]]

Each slice is fitted, forecast over its test range and one step ahead, by both, in one process.
Times are CPU milliseconds per slice. `within .5` is the share of slices whose log-likelihood is
no more than 0.5 below the other's, both by statsmodels' exact likelihood of the differenced series;
the errors are ours divided by theirs, geometric means over the slices. With DATA_FOLDER, at most so
many series of each of its sets are used as well; `--slices 0` leaves out the synthetic ones.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.tsa.statespace.sarimax import SARIMAX

from runner.metrics import evaluate
from runner.trainer import Dataset
from runner.trainers import arima

Floats = NDArray[np.float64]
Seasonal = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of slice and of model; `theirs` is what statsmodels fits where that is another."""

    name: str
    slices: list[Dataset]
    params: arima.Params
    quick: bool = False  # statsmodels by simple differencing and Chandrasekhar recursions


def main() -> None:
    """Print a row per case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--real", type=int, default=60)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    names = ["case", "slices", "ours ms", "statsmodels ms", "ratio", "within .5", "gap: worst", "median"]
    print(f"| {' | '.join([*names, 'best', 'one-step error', 'day-ahead error', 'parameters'])} |")
    print("|---" * (len(names) + 4) + "|")
    for case in [*synthetic(given.slices), *real(given.data, given.real)]:
        print(f"| {' | '.join(row(case))} |", flush=True)


def synthetic(count: int) -> Iterator[Case]:
    """Metrics that were made up: seasons of 24 and of 288 rows."""
    if count == 0:
        return
    plain, few = arima.Params(order=(2, 1, 2)), max(count // 4, 1)
    for size in (500, 2_000, 10_000):
        number = count if size < 10_000 else few
        yield Case(f"daily season of 24, n={size}", [metric(size, 24, seed) for seed in range(number)], plain)
    hourly = [metric(2_000, 24, seed) for seed in range(count)]
    yield Case("SARIMA, n=2000", hourly, arima.Params(order=(1, 0, 1), seasonal=(0, 1, 1, 24)), quick=True)
    for size in (2_000, 10_000):
        slices = [metric(size, 288, seed) for seed in range(few)]
        yield Case(f"period 288, n={size}", slices, arima.Params(order=(2, 1, 2), harmonics="auto"))


def real(data: Path | None, count: int) -> Iterator[Case]:
    """Series of public sets."""
    if data is None:
        return
    plain = arima.Params(order=(2, 1, 2))
    yield Case("NAB, first 1,000 values", list(nab(data, count)), plain)
    yield Case("PlanetLab, files", list(planetlab(data, count)), plain)
    sets = (
        ("planetlab", "split_db.csv", 288),
        ("asd", "split_db_quick.csv", 288),
        ("smd", "split_db_quick.csv", 1_440),
        ("m4_hourly", "split_db.csv", 24),
    )
    for name, split, period in sets:
        yield Case(f"{name}, columns", list(columns(data / name, split, period, count)), plain)


def metric(size: int, period: int, seed: int) -> Dataset:
    """A metric with a daily season, AR noise, spikes and level shifts; the test range is one day."""
    chance = np.random.default_rng(seed)
    total = size + period
    noise = chance.normal(0, 1, total)
    memory = chance.uniform(0.5, 0.9)
    for place in range(1, total):
        noise[place] += memory * noise[place - 1]
    turns = 2 * np.pi * np.arange(total) / period
    values = 50 + noise
    values += chance.uniform(3, 10) * np.sin(turns + chance.uniform(0, 6))
    values += chance.uniform(1, 4) * np.sin(2 * turns + chance.uniform(0, 6))
    spikes = chance.choice(total, total // 200, replace=False)
    values[spikes] += chance.normal(0, 12, spikes.size)
    for start in chance.choice(total, 3):
        values[start:] += chance.normal(0, 5)
    return Dataset(pd.Series(values[:size]), pd.Series(values[size:]), period=period, step=86_400 / period)


def nab(data: Path, count: int) -> Iterator[Dataset]:
    """The first 1,000 values of the series of NAB, and the 288 after them."""
    for path in sorted((data / "nab" / "data").rglob("*.csv"))[:count]:
        values = pd.read_csv(path)["value"].astype(float)
        if values[:1_000].std() > 0:
            yield Dataset(values[:1_000], values[1_000:1_288], period=288, step=300.0)


def planetlab(data: Path, count: int) -> Iterator[Dataset]:
    """The slices of the small files."""
    split = pd.read_csv(data / "planetlab" / "split_files.csv")
    for slice_ in split.iloc[:: max(1, len(split) // count)].itertuples():
        values = pd.read_csv(data / "planetlab" / str(slice_.file), index_col=0)["value"].astype(float)
        train, test = values[: str(slice_.train_to)], values[str(slice_.test_from) :]
        if train.std() > 0:
            yield Dataset(train, test, period=288, step=300.0)


def columns(folder: Path, split: str, period: int, count: int) -> Iterator[Dataset]:
    """The slices of a set of tables that have no gaps and are not constant; the test range is a day."""
    rows = pd.read_csv(folder / split)
    tables: dict[str, pd.DataFrame] = {}
    for slice_ in rows.iloc[:: max(1, len(rows) // count)].itertuples():
        name = f"{slice_.database}/{slice_.table}.csv.gz"
        if name not in tables:
            tables[name] = pd.read_csv(folder / name, index_col=0)
        values = tables[name][str(slice_.column)].astype(float)
        train = values[str(slice_.train_from) : str(slice_.train_to)]
        test = values[str(slice_.test_from) : str(slice_.test_to)][:period]
        if train.std() > 0 and not train.isna().any():
            yield Dataset(train, test, period=period, step=86_400 / period)


def row(case: Case) -> list[str]:
    """Both on every slice of a case."""
    arima.train(case.slices[0], case.params)  # what is loaded by the first is not counted
    measured = np.array([compared(case, dataset) for dataset in case.slices])
    ours, theirs, gap = measured[:, 0].mean(), measured[:, 1].mean(), measured[:, 2]
    errors = np.exp(np.log(measured[:, 3:]).mean(axis=0))
    same = case.params.harmonics == "by order"
    gaps = [f"{(gap > -0.5).mean():.1%}", *(f"{part:+.2f}" for part in np.quantile(gap, (0, 0.5, 1)))]
    return [
        case.name,
        str(len(case.slices)),
        f"{ours * 1e3:.1f}",
        f"{theirs * 1e3:.1f}",
        f"{theirs / ours:.0f}×",
        *(gaps if same else ["", "", "", ""]),
        *(f"{error:.3f}" for error in errors),
        f"{case.params.order}{case.params.seasonal or ''} {'' if same else 'with harmonics'}".strip(),
    ]


def compared(case: Case, dataset: Dataset) -> tuple[float, ...]:
    """Seconds of ours and theirs, the log-likelihood gained, and both errors, ours over theirs."""
    start = time.process_time()
    model: Any = arima.train(dataset, case.params)
    own = evaluate(model, dataset)
    middle = time.process_time()
    fitted, forecast, one_step = by_statsmodels(dataset, case)
    end = time.process_time()
    actual: Floats = np.asarray(dataset.test, dtype=np.float64)
    gained = 0.0
    if model.cycles is None:
        values = dataset.train.to_numpy(dtype=float)
        judge = sarimax((values - values.mean()) / values.std(), case, simple_differencing=True)
        gained = judge.loglike(model.factors) - judge.loglike(fitted)
    return (
        middle - start,
        end - middle,
        gained,
        ratio(own["one_step_mae"], one_step, actual),
        ratio(own["mae"], forecast, actual),
    )


def ratio(own: float, forecast: Floats, actual: Floats) -> float:
    """Our mean error over that of a forecast; 1 where both are next to nothing."""
    least = 1e-9 * (float(np.abs(actual).max()) + 1e-300)
    return (own + least) / (float(np.nanmean(np.abs(forecast - actual))) + least)


def by_statsmodels(dataset: Dataset, case: Case) -> tuple[Floats, Floats, Floats]:
    """The coefficients, the forecast and the one-step forecasts, as a user would write it."""
    values, test = (np.asarray(part, dtype=np.float64) for part in (dataset.train, dataset.test))
    if not case.quick:
        from statsmodels.tsa.arima.model import ARIMA

        found = ARIMA(
            values, order=case.params.order, seasonal_order=case.params.seasonal or (0, 0, 0, 0)
        ).fit()
        extended = found.append(test)
        return found.params[:-1], found.forecast(test.size), extended.fittedvalues[-test.size :]
    model = sarimax(values, case, simple_differencing=True)
    model.ssm.filter_chandrasekhar = True
    fitted = model.fit(disp=False).params
    whole = sarimax(values, case).filter(fitted)
    return fitted, whole.forecast(test.size), whole.append(test).fittedvalues[-test.size :]


def sarimax(values: Floats, case: Case, **options: Any) -> Any:
    """The model of a case, its noise variance concentrated out."""
    seasonal = case.params.seasonal or (0, 0, 0, 0)
    return SARIMAX(
        values, order=case.params.order, seasonal_order=seasonal, concentrate_scale=True, **options
    )


if __name__ == "__main__":
    main()
