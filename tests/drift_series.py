"""Series with known noise, season and changes, for the tests of drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from runner.drift.profile import Profile

TRAIN, TEST, RECENT, DAY = 2_000, 500, 500, 96
KNOWN = TRAIN + TEST
ALL = KNOWN + RECENT
INDEX = pd.date_range("2026-01-05", periods=ALL, freq="15min")


def noise(seed, phi=0.5, count=ALL):
    """An autoregression of order one, of variance one."""
    drawn = np.random.default_rng(seed).normal(size=count + 500)
    return lfilter([np.sqrt(1 - phi**2)], [1, -phi], drawn)[500:]


def wave(size=2.0, period=DAY, later=0.0, count=ALL):
    """A season of one wave."""
    return size * np.sin(2 * np.pi * (np.arange(count) - later) / period)


def parts(values, index=INDEX):
    """The train, test and recent part of values every 15 minutes."""
    series = pd.Series(np.asarray(values, dtype=float), index)
    return series.iloc[:TRAIN], series.iloc[TRAIN:KNOWN], series.iloc[KNOWN:]


def profile_of(values):
    """The profile of the train and test part."""
    train, test, _ = parts(values)
    return Profile.of(train, test)
