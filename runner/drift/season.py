"""The season of a series as waves: which periods, their basis, and the fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.points import Points

    Floats = NDArray[np.float64]

DAY = 86_400.0
NAMES = {DAY: "daily", 7 * DAY: "weekly", 365.25 * DAY: "yearly", 3_600.0: "hourly"}
CALENDAR = ((DAY, 4, 2), (7 * DAY, 3, 3), (365.25 * DAY, 2, 3))
"""Period in seconds, waves, and the cycles that a training range must hold for it."""
WAVES = 4
BLOCK = 32
CYCLES = 2
PEAK = 0.3  # what the autocorrelation must reach for a period to be taken from it


@dataclass(frozen=True, slots=True)
class Season:
    """One period in units of the axis, and the complex amplitudes of its waves, shape (waves,).

    The value at position t is the real part of Σ amplitude_h · exp(2πi·h·t / period), h from 1.
    """

    period: float
    amplitudes: NDArray[np.complex128]

    @property
    def name(self) -> str:
        """`daily`, `weekly` …, or the period in rows or seconds."""
        return NAMES.get(self.period) or f"{self.period:.6g}-long"

    @property
    def size(self) -> float:
        """Its amplitude: that of one wave of the same power."""
        import numpy as np

        return math.sqrt(float(np.vdot(self.amplitudes, self.amplitudes).real))

    def at(self, waves: NDArray[np.complex128]) -> Floats:
        """The season's values where `waves`, of shape (waves, n), were taken."""
        found: Floats = (self.amplitudes @ waves).real
        return found


def waves_at(at: Floats, period: float, count: int) -> NDArray[np.complex128]:
    """exp(2πi·h·t / period) for h = 1 … count, of shape (count, n)."""
    import numpy as np

    found = np.empty((count, at.size), dtype=np.complex128)
    if count:
        found[0] = _turned(at, period)
    for h in range(1, count):
        np.multiply(found[h - 1], found[0], out=found[h])
    return found


@lru_cache(maxsize=8)
def waves_of_grid(start: float, step: float, size: int, period: float, count: int) -> NDArray[np.complex128]:
    """The waves of evenly spaced positions, not to be written to: all slices of a table share its times."""
    import numpy as np

    found = waves_at((start + step * np.arange(size)).astype(np.float64), period, count)
    found.setflags(write=False)
    return found


def _turned(at: Floats, period: float) -> NDArray[np.complex128]:
    """exp(2πi·t / period); where the steps are all the same, from one block and where each block begins."""
    import numpy as np

    blocks = -(-at.size // BLOCK)
    steps = at[1:] - at[:-1]
    if blocks < 2 or not (steps == steps[0]).all():
        found: NDArray[np.complex128] = np.exp((2j * math.pi) * (np.mod(at, period) / period))
        return found
    starts = np.mod(at[::BLOCK], period) / period
    inside = np.arange(BLOCK) * (steps[0] / period)
    turned = np.exp((2j * math.pi) * np.concatenate((starts, inside)))
    return np.outer(turned[:blocks], turned[blocks:]).ravel()[: at.size]


@dataclass(frozen=True, slots=True)
class Basis:
    """The waves of all periods at some positions, made ready for least squares.

    `waves` are blocks of shape (waves, n), one for each period. A small ridge keeps the fit solvable
    where the points lie on few phases only.
    """

    rows: Floats
    inverse: Floats
    counts: tuple[int, ...]

    @classmethod
    def of(cls, waves: Sequence[NDArray[np.complex128]], size: int) -> Basis:
        """The basis of a mean and of the waves, of n = `size` points."""
        import numpy as np

        parts = [part for block in waves for part in (block.real, -block.imag)]
        rows = np.vstack([np.ones((1, size)), *parts])
        square = rows @ rows.T
        square.ravel()[:: len(square) + 1] += 1e-9 * size
        return cls(rows, np.linalg.inv(square), tuple(len(block) for block in waves))

    def fit(self, values: Floats) -> tuple[float, list[NDArray[np.complex128]], Floats]:
        """The mean, the complex amplitudes of each period, and the values that these give, shape (n,)."""
        found = self.inverse @ (self.rows @ values)
        amplitudes, start = [], 1
        for count in self.counts:
            middle, end = start + count, start + 2 * count
            amplitudes.append(found[start:middle] + 1j * found[middle:end])
            start = end
        return float(found[0]), amplitudes, found @ self.rows


def turns_of(periods: Sequence[tuple[float, int]], step: float) -> Floats:
    """The radians that each wave turns in a step, of all periods together, shape (waves,)."""
    import numpy as np

    return np.array(
        [2 * math.pi * h * step / period for period, count in periods for h in range(1, count + 1)]
    )


def periods_of(points: Points, step: float, given: Sequence[float] | None) -> list[tuple[float, int]]:
    """The periods to fit, in units of the axis, with the number of waves of each.

    `given` ones are taken as they are (seconds for times, else rows) if two cycles of them are there.
    Otherwise those of the calendar that fit the step and the range; where there are no times, or the
    range is shorter than two days, the length at which the series repeats itself, if it does.
    """
    span = points.span + step
    if given is not None:
        wanted = [(float(period), WAVES, CYCLES) for period in given]
    else:
        wanted = list(CALENDAR) if points.timed else []
    found = []
    for period, waves, cycles in wanted:
        waves = min(waves, math.ceil(period / step / 2) - 1) if step else 0
        if waves >= 1 and span >= cycles * period * 0.999:
            found.append((period, waves))
    if given is None and not found:
        repeats = _repeats(points.values)
        if repeats:
            found = [(repeats * step, min(WAVES, math.ceil(repeats / 2) - 1))]
    return found


def _repeats(values: Floats) -> float:
    """After how many rows the series repeats itself; 0 where it does not.

    The first high peak of the autocorrelation, made finer by the peaks at its multiples.
    """
    import numpy as np

    from runner.autocorrelation import autocorrelation

    lags = min(values.size // 3, 3_000)
    known = autocorrelation(values, lags)
    if known.size < 8:
        return 0.0
    inside = known[1:-1]
    peaks = np.flatnonzero((inside > known[:-2]) & (inside >= known[2:])) + 1
    peaks = peaks[peaks >= 4]
    if not peaks.size or known[peaks].max() < PEAK:
        return 0.0
    first = int(peaks[np.flatnonzero(known[peaks] >= 0.9 * known[peaks].max())[0]])
    if known[:first].min() > known[first] - PEAK / 2:
        return 0.0
    length, times = float(first), 1
    for times in range(2, lags // first + 1):
        low = max(round(times * length) - first // 4, 1)
        around = known[low : round(times * length) + first // 4 + 1]
        if around.size and around.max() > PEAK / 2:
            length = (low + int(np.argmax(around))) / times
    whole = round(length)  # a multiple's peak is known to a row or two
    return float(whole) if abs(length - whole) <= 2 / times else length
