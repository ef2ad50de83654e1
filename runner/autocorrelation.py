"""The length at which a series repeats itself, where its time step tells no season."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LAGS = 400
VALUES = 20_000
SHORTEST = 3
LONGEST = 300
OTHERWISE = 125


def repeat_length(values: Floats) -> int:
    """The lag of the highest peak of the autocorrelation, from 6 to 303; 125 where there is none.

    `values` have the shape (n,) and none is missing; the first 20,000 are looked at. Source:
    find_length_rank of the benchmark TSB-AD (Liu & Paparrizos, "The Elephant in the Room", NeurIPS
    2024), so that windows, and the buffers of VUS-PR, have the lengths they have there.
    """
    import numpy as np

    known = autocorrelation(values[:VALUES], LAGS)[SHORTEST:]
    inside = known[1:-1]
    peaks = np.flatnonzero((inside > known[:-2]) & (inside > known[2:])) + 1
    if not peaks.size:
        return OTHERWISE
    highest = int(peaks[np.argmax(known[peaks])])
    return highest + SHORTEST if SHORTEST <= highest <= LONGEST else OTHERWISE


def autocorrelation(values: Floats, lags: int) -> Floats:
    """The sample autocorrelation at lags 0 to `lags` or n − 1; zeros where all values are equal."""
    import numpy as np

    centered = values - values.mean()
    size = 1 << (2 * values.size - 1).bit_length()
    power = np.abs(np.fft.rfft(centered, size)) ** 2
    found = np.fft.irfft(power, size)[: min(lags + 1, values.size)]
    return found / found[0] if found[0] > 0 else np.zeros(found.size)
