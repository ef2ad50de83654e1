"""The values that cross the ledger's border for a drift run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger.records import Artifact, Slice, StoredProfile

Undecided = tuple[str, float | None, str | None, str | None, str | None, str | None, int | None]
"""slice id, p, window_from, window_to, database, column, previous check: what the verdict of a check
depends on; a plain tuple, as there are 250,000 of them."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which slices are checked; of those that have a champion and are not retired, all by default."""

    ids: tuple[str, ...] = ()
    where: str | None = None  # a condition over the columns of slice_status


@dataclass(frozen=True, slots=True)
class Previous:
    """The last check of a model that was not insufficient.

    `since`: the end of the window that raised a suspicion.
    """

    id: int
    verdict: str
    reason: str
    window_to: str | None
    since: str | None


@dataclass(frozen=True, slots=True)
class Target:
    """A model to be checked. The ranges of `slice` are those the model was trained and tested on."""

    position: int
    slice: Slice
    attempt_id: int
    profiles: tuple[StoredProfile, ...] = ()
    previous: Previous | None = None
    trainer: str | None = None
    artifacts: tuple[Artifact, ...] = ()  # only where they are asked for


@dataclass(frozen=True, slots=True)
class Found:
    """What one check found. p is None where nothing could be said; then `reason` says why."""

    slice_id: str
    attempt_id: int
    previous_id: int | None
    detector: str
    reason: str
    p: float | None = None
    statistic: str | None = None
    effect: float | None = None
    window_from: str | None = None
    window_to: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a model's own errors say of a finding: False is harmless, None that they cannot tell."""

    slice_id: str
    confirmed: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Flagged:
    """The verdict on a check that is neither stable nor insufficient, or stable only because it is harmless.

    `note` is what the reason says beyond the finding's; `since` ends the window that raised the suspicion.
    """

    slice_id: str
    verdict: str
    note: str
    since: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict to be told: the slice, the verdict and why."""

    slice_id: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class DriftRun:
    """A run of checks; `counts` by verdict, empty before the decision."""

    id: int
    runner_id: int
    planned: int
    options: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
