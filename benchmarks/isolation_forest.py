"""`isolation_forest` beside scikit-learn's on the same slices: time, quality, bytes.

    python benchmarks/isolation_forest.py [SLICES]

Prints a table for docs/performance.md; run it with OMP_NUM_THREADS=1, as workers are. Each slice is a
daily season with noise: 2,000 values to train on and 400 to test on, with three anomalies of 12 values
put into the test (a level shift, a burst of noise, a season that stands still). Both sides fit on
windows of 24 values, score the training for a threshold and score the test; the quality is the area
under the ROC curve of the test scores.
"""

from __future__ import annotations

import pickle
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from runner.saving import save
from runner.trainer import Dataset
from runner.trainers import isolation_forest

TRAIN, TEST, WINDOW = 2_000, 400, 24


@dataclass(frozen=True, slots=True)
class Result:
    """One side's answer for one slice."""

    seconds: float
    auc: float
    bytes: int


def made(seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The values of a slice and which of the test values are anomalous."""
    chance = np.random.default_rng(seed)
    n = TRAIN + TEST
    noise = np.zeros(n)
    shocks = chance.normal(0, 0.5, n)
    for place in range(1, n):
        noise[place] = 0.6 * noise[place - 1] + shocks[place]
    values = 10 + 3 * np.sin(np.arange(n) * 2 * np.pi / 24) + noise
    labels = np.zeros(TEST, dtype=bool)
    for kind, start in enumerate(chance.choice(np.arange(2, TEST // 20 - 2), 3, replace=False) * 20):
        part = slice(TRAIN + start, TRAIN + start + 12)
        labels[start : start + 12] = True
        if kind == 0:
            values[part] += chance.choice([-1, 1]) * chance.uniform(2, 5)
        elif kind == 1:
            values[part] += chance.normal(0, 3, 12)
        else:
            values[part] = values[part.start] + chance.normal(0, 0.1, 12)
    return values, labels


def ours(values: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], seed: int) -> Result:
    """The built-in trainer, as a run calls it."""
    series = pd.Series(values)
    dataset = Dataset(train=series[:TRAIN], test=series[TRAIN:], seed=seed)
    start = time.process_time()
    model = isolation_forest.train(dataset, isolation_forest.Params(window=WINDOW))
    scores = model.score(dataset.test)
    spent = time.process_time() - start
    (content,) = save(model, None, trainer="isolation_forest").files.values()
    assert isinstance(content, bytes)
    return Result(spent, float(roc_auc_score(labels, scores)), len(content))


def plain(values: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], seed: int) -> Result:
    """What a user would write."""
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
    training, tested = windows[: TRAIN - WINDOW + 1], windows[TRAIN - WINDOW + 1 :]
    start = time.process_time()
    model = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(training)
    np.quantile(-model.score_samples(training), 0.995)
    scores = -model.score_samples(tested)
    spent = time.process_time() - start
    return Result(spent, float(roc_auc_score(labels, scores)), len(pickle.dumps(model)))


def main(slices: int) -> None:
    """Measure both on the same slices and print a line for each."""
    isolation_forest.train(Dataset(pd.Series(made(0)[0]), pd.Series([0.0])), isolation_forest.Params())
    results: dict[str, list[Result]] = {"isolation_forest": [], "scikit-learn": []}
    for seed in range(slices):
        values, labels = made(seed)
        results["isolation_forest"].append(ours(values, labels, seed))
        results["scikit-learn"].append(plain(values, labels, seed))
    print(f"{slices} slices, {TRAIN} training values\n")
    print("| trainer | CPU, fit and both scores (median) | AUC (mean) | file (median) |\n|---|---|---|---|")
    for name, found in results.items():
        milliseconds = statistics.median(each.seconds for each in found) * 1e3
        auc = statistics.fmean(each.auc for each in found)
        size = statistics.median(each.bytes for each in found) / 1e3
        print(f"| {name} | {milliseconds:.1f} ms | {auc:.4f} | {size:.0f} kB |")
    pairs = zip(*results.values(), strict=True)
    gaps = [first.auc - second.auc for first, second in pairs]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5
    print(f"\nDifference of the AUC: {statistics.fmean(gaps):+.4f}, standard error {error:.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
