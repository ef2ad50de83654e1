"""Series and datasets for tests of trainers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from runner.trainer import Dataset


def daily(n: int, *, seed: int = 0, step: str = "h", period: int = 24) -> pd.Series:
    """A noisy series with a season."""
    chance = np.random.default_rng(seed)
    noise = np.zeros(n)
    for place in range(1, n):
        noise[place] = 0.6 * noise[place - 1] + chance.normal(0, 0.3)
    values = 10 + 3 * np.sin(np.arange(n) * 2 * np.pi / period) + noise
    return pd.Series(values, index=pd.date_range("2026-01-01", periods=n, freq=step), name="value")


def dataset(n: int = 400, test: int = 48, *, period: int = 24, seed: int = 0) -> Dataset:
    """A dataset of `n` training values and `test` test values."""
    series = daily(n + test, seed=seed, period=period)
    return Dataset(train=series[:n], test=series[n:], period=period, step=3600.0, seed=seed)


def images(n: int = 200, test: int = 50, *, seed: int = 0) -> Dataset:
    """Rows of 8 × 8 pixels with a bright bar, labelled by whether it stands or lies."""
    chance = np.random.default_rng(seed)
    pixels = chance.normal(0, 0.3, (n + test, 8, 8))
    labels = chance.integers(0, 2, n + test)
    places = chance.integers(1, 7, n + test)
    for row, (label, place) in enumerate(zip(labels, places, strict=True)):
        if label:
            pixels[row, :, place] += 2.0
        else:
            pixels[row, place, :] += 2.0
    frame = pd.DataFrame(pixels.reshape(n + test, 64), columns=[f"pixel_{each}" for each in range(64)])
    frame["label"] = labels.astype(float)
    return Dataset(train=frame.iloc[:n], test=frame.iloc[n:], seed=seed)
