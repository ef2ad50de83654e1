"""How well each built-in trainer's scores tell labelled anomalies, on the public series of ../shared/data.

    python benchmarks/detection.py [nab] [nab-others] [kpi] [asd] [smd] [TRAINER[:KEY=VALUE] …]

Prints tables for docs/detection.md; `pca:quantile=0.98` is a trainer with another parameter. `nab` is
the 14 files of NAB that TSB-AD scores: models are trained on its training part and score the whole
file, VUS-PR is measured as there, and its Sub-PCA and the published values stand beside ours.
`nab-others` is the other labelled files, trained on their first quarter (or what lies before the first
label): settings were chosen on these and on ASD and SMD. `kpi` is five curves with anomalies in the
training too. `asd` and `smd` are scored per metric on the test half. All stand beside a moving z-score
and random numbers.
"""

from __future__ import annotations

import contextlib
import csv
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ledger.records import Slice
from runner.autocorrelation import repeat_length
from runner.detection import detection_measures
from runner.errors import UnfitDataError
from runner.labels import LabelFile
from runner.params import parse_params
from runner.period import period_of, step_of
from runner.sources import Reader, SourceSettings
from runner.trainer import Dataset
from runner.trainers import find

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TRAINERS = ("pca", "isolation_forest", "autoreg", "arima", "lstm", "seasonal_naive")
SETS = ("nab", "nab-others", "kpi", "asd", "smd")
MOVING = 100  # values that a z-score looks back on


@dataclass(frozen=True, slots=True)
class Case:
    """What is scored: the training part, the scored part and its labels, and the buffer of VUS-PR."""

    name: str
    train: Any
    scored: Any
    labels: Any
    window: int

    @property
    def dataset(self) -> Dataset:
        """The dataset a run would make of it."""
        step = step_of(self.train.index)
        return Dataset(self.train, self.scored, period=period_of(step), step=step)


Side: TypeAlias = Callable[[Case], dict[str, float]]


def nab_cases(*, others: bool) -> Iterator[Case]:
    """The files of the TSB-AD split, scored as a whole; or the other labelled ones."""
    labels = LabelFile.read(str(DATA / "nab" / "labels.csv"))
    rows = list(_rows(DATA / "nab" / "split_files_tsbad.csv"))
    if others:
        scored = {row.file for row in rows}
        rows = [row for row in _rows(DATA / "nab" / "split_files.csv") if row.file not in scored]
    for row in rows:
        data = Reader(SourceSettings()).load(row)
        whole = pd.concat([data.train, data.test])
        flags = labels.of_test(row, whole.index)
        if not flags.any():
            continue
        size = min(len(whole) // 4, int(np.argmax(flags))) if others else len(data.train)
        window = repeat_length(whole.to_numpy())
        yield Case(Path(str(row.file)).stem, whole.iloc[:size], whole, flags, window)


def kpi_cases() -> Iterator[Case]:
    """The curves of the KPI competition, their test halves."""
    labels = LabelFile.read(str(DATA / "kpi" / "labels.csv"))
    for row in _rows(DATA / "kpi" / "split_files.csv"):
        data = Reader(SourceSettings()).load(row)
        flags = labels.of_test(row, data.test.index)
        window = repeat_length(np.concatenate([data.train, data.test]))
        yield Case(row.id, data.train, data.test, flags, window)


def table_cases(name: str) -> Iterator[Case]:
    """Each metric of a set of servers that an event is blamed on, its test half."""
    labels = LabelFile.read(str(DATA / name / "labels.csv"))
    reader = Reader(SourceSettings())
    rows = list(_rows(DATA / name / "split_db_quick.csv"))
    for row in rows:
        columns = [other.column for other in rows if other.database == row.database]
        data = reader.load(row, [column for column in columns if column is not None])
        flags = labels.of_test(row, data.test.index)
        if flags.any() and np.ptp(data.train) > 0:
            window = repeat_length(np.concatenate([data.train, data.test]))
            yield Case(f"{row.database} {row.column}", data.train, data.test, flags, window)


def cases_of(name: str) -> list[Case]:
    """The cases of a set."""
    if name.startswith("nab"):
        return list(nab_cases(others=name != "nab"))
    return list(kpi_cases() if name == "kpi" else table_cases(name))


def _rows(path: Path) -> Iterator[Slice]:
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            file = row.get("file") or f"{row['database']}/{row['table']}.csv.gz"
            yield Slice(
                row["id"],
                row["train_from"],
                row["train_to"],
                row["test_from"],
                row["test_to"],
                database=row.get("database"),
                table=row.get("table"),
                column=row.get("column"),
                file=file,
                base=str(path.parent),
            )


def by_trainer(word: str) -> Side:
    """The measures of a built-in trainer with its own settings, but for those named in the word."""
    name, _, given = word.partition(":")
    trainer = find(name)
    params = parse_params(trainer.Params, dict(pair.split("=") for pair in given.split(",") if pair), name)

    def measured(case: Case) -> dict[str, float]:
        model = trainer.train(case.dataset, params)
        return _measures(case, model.score(case.scored.to_numpy()), model.threshold)

    return measured


def by_z_score(case: Case) -> dict[str, float]:
    """The distance from the mean of the last values, in their standard deviations; 3 is an alarm."""
    known = np.concatenate([case.train.to_numpy()[-MOVING:], case.scored.to_numpy()])
    before = np.lib.stride_tricks.sliding_window_view(known, MOVING)[:-1]
    spread = np.maximum(before.std(axis=1), 1e-3 * float(case.train.std()))
    return _measures(case, np.abs(case.scored.to_numpy() - before.mean(axis=1)) / spread, 3.0)


def by_chance(case: Case) -> dict[str, float]:
    """Random scores; one in a thousand is an alarm."""
    return _measures(case, np.random.default_rng(0).random(len(case.labels)), 0.999)


def by_sub_pca(case: Case) -> dict[str, float]:
    """Sub-PCA as TSB-AD computes it, from the whole file: our VUS-PR of it must be the published one."""
    values = case.scored.to_numpy()
    windows = np.lib.stride_tricks.sliding_window_view(values, case.window)
    scaled = (windows - windows.mean(axis=0)) / windows.std(axis=0)
    variances, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    shares = np.maximum(variances, 1e-15) / variances.sum()
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(case.window)])
    squared = (scaled**2).sum(axis=1)[:, None] + 1 - 2 * scaled @ (axes * signs)
    found = (np.sqrt(np.maximum(squared, 0)) / shares).sum(axis=1)
    scores = np.pad(found, (case.window // 2, (case.window - 1) // 2), mode="edge")
    return _measures(case, scores, np.inf)


def _measures(case: Case, scores: Any, threshold: float) -> dict[str, float]:
    step = case.dataset.step
    return detection_measures(scores, case.labels, threshold=threshold, step=step, window=case.window)


def measure(cases: Sequence[Case], sides: dict[str, Side]) -> dict[str, dict[str, dict[str, float]]]:
    """Print a line for each side, means over the cases it could be used on; return its measures by case."""
    print("| scores | cases | VUS-PR | AUC-PR | events found | false alarms per day |")
    print("|---|---|---|---|---|---|")
    results = {}
    for name, side in sides.items():
        found = {}
        for case in cases:
            with contextlib.suppress(UnfitDataError):
                found[case.name] = side(case)
        vus, auc, false = (
            statistics.fmean(each[measure] for each in found.values())
            for measure in ("vus_pr", "auc_pr", "false_alarms_per_day")
        )
        hit, there = (sum(each[key] for each in found.values()) for key in ("events_found", "events"))
        told = f"{hit:.0f} of {there:.0f}"
        print(f"| {name} | {len(found)} | {vus:.3f} | {auc:.3f} | {told} | {false:.2f} |", flush=True)
        results[name] = found
    return results


def by_file(cases: Sequence[Case], results: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print the VUS-PR of each case."""
    print(f"\n| VUS-PR | {' | '.join(results)} |")
    print("|---" * (len(results) + 1) + "|")
    for case in cases:
        cells = (found.get(case.name, {}).get("vus_pr", float("nan")) for found in results.values())
        print(f"| {case.name} | {' | '.join(f'{cell:.3f}' for cell in cells)} |")


def published() -> None:
    """Print the means of TSB-AD on the same files."""
    table = pd.read_csv(DATA / "nab" / "reference" / "tsbad_u_vus_pr_per_file.csv")
    for name in ("KShapeAD", "Sub-PCA", "POLY", "IForest", "LSTMAD"):
        print(f"| published {name} | {len(table)} | {table[name].mean():.3f} | | | |")


def main(words: Sequence[str]) -> None:
    """Measure the sets and trainers named, by default all."""
    if not DATA.is_dir():
        print(f"The public series are not beside this checkout ({DATA}): nothing to measure.")
        return
    warnings.simplefilter("ignore")
    trainers = [word for word in words if word not in SETS] or TRAINERS
    sides: dict[str, Side] = {name: by_trainer(name) for name in trainers}
    sides |= {"moving z-score": by_z_score, "random": by_chance}
    for name in [word for word in words if word in SETS] or SETS:
        print(f"\n## {name}\n")
        cases = cases_of(name)
        results = measure(cases, sides | ({"Sub-PCA of TSB-AD": by_sub_pca} if name == "nab" else {}))
        if name == "nab":
            published()
        if name.startswith("nab"):
            by_file(cases, results)


if __name__ == "__main__":
    main(sys.argv[1:])
