"""What a check found: the evidence of each statistic, and the one that speaks most."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST = {"level": 0.5, "scale": math.log(1.15), "dynamics": 0.15, "shape": 0.10, "season": 0.5}
"""The statistics, and the effect that each must exceed to count, whatever its p."""
STATISTICS = tuple(LEAST)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statistic of a window: its effect, p under no change, and the effect in words.

    effect: level in sd, scale as log ratio, dynamics as difference of correlations, shape as distance
    of distributions, season as amplitude in sd. counted: the effect exceeds its floor.
    """

    statistic: str
    effect: float
    p: float
    counted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a window shows against a profile; no verdict.

    statistic, effect, reason: of the evidence with the smallest p, counted ones first; p: of all
    statistics together, 1 where none counts; insufficient: why nothing can be said, else None (the
    p then is NaN); rows: finite values looked at; start, end: positions of the first and last of them
    (seconds since 1970 or row numbers, NaN without any).
    """

    statistic: str
    effect: float
    p: float
    reason: str
    insufficient: str | None
    rows: int
    start: float
    end: float
    evidence: tuple[Evidence, ...] = ()
