"""How a season has changed, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from runner.drift.season import DAY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.drift.season import Season

    Waves = NDArray[np.complex128]

CLEAR = 0.5  # sd: a season of less is not spoken of as one that was there
GONE = 0.3  # of its size
MOVED = 0.04  # of its length, an hour of a day
SAME = (0.87, 1.15)  # times its size


def of_season(season: Season, change: Waves) -> str:
    """The change of a season, its amplitudes in sd, as a person would say it."""
    import numpy as np

    now = season.amplitudes + change
    size = math.sqrt(float(np.vdot(now, now).real))
    if season.size < CLEAR:
        return f"a {season.name} season of {size:.1f} sd appeared"
    if size < GONE * season.size:
        return f"{season.name} season gone"
    main = int(np.argmax(np.abs(season.amplitudes)))  # the place of a season is that of its largest wave
    turned = np.angle(now[main] / season.amplitudes[main])
    moved = -float(turned) / (2 * math.pi) / (main + 1)
    if abs(moved) > MOVED:
        return f"{season.name} season {_distance(season, abs(moved))} {'later' if moved > 0 else 'earlier'}"
    ratio = size / season.size
    if SAME[0] < ratio < SAME[1]:
        return f"{season.name} season of another shape"
    if 0.45 <= ratio <= 0.55:
        return f"{season.name} season half as large"
    return f"{season.name} season {ratio:.2g} times as large"


def _distance(season: Season, share: float) -> str:
    """A share of a period in words: hours for a day, else a percentage of the period."""
    return f"{share * 24:.2g} h" if season.period == DAY else f"{share:.0%} of its length"
