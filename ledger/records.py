"""The values that cross the ledger's border: slices, claims, artifacts and what became of an attempt.

Those that go to a worker and back have no slots: pickling them would take almost twice as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ranges:
    """The four range values in force for a slice, as text; both ends belong to the range."""

    train_from: str
    train_to: str
    test_from: str
    test_to: str


@dataclass(frozen=True)
class Slice:
    """One row of the split file: the data one model is trained on.

    Columns of the user's own are reached by name as well: `row.region` or `row["region"]`.
    """

    id: str
    train_from: str
    train_to: str
    test_from: str
    test_to: str
    database: str | None = None
    table: str | None = None
    column: str | None = None
    file: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    trainer: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    base: str | None = None  # the folder of the split file, which `file` is relative to

    @property
    def ranges(self) -> Ranges:
        """The ranges in force, rolled forward where they were."""
        return Ranges(self.train_from, self.train_to, self.test_from, self.test_to)

    def __getitem__(self, name: str) -> Any:
        """The column `name` of the split file; KeyError when it has none."""
        if name in self.extra:
            return self.extra[name]
        if name in _FIELDS:
            return getattr(self, name)
        raise KeyError(name)

    def __getattr__(self, name: str) -> str:
        # Only reached for names that are no fields. Dunder look-ups (copy, pickle) come
        # before the fields exist and must not recurse into `extra`.
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self.extra[name]
        except KeyError:
            known = ", ".join(sorted({*_FIELDS, *self.extra}))
            raise AttributeError(f"slice {self.id!r} has no column {name!r}; it has {known}") from None


_FIELDS = frozenset(Slice.__dataclass_fields__)


@dataclass(frozen=True)
class Claim:
    """The right to train one slice, once, until the lease ends."""

    slice: Slice
    attempt: int  # counts every claim of this slice, never reset: the fencing token
    attempt_id: int
    runner_id: int
    spec_hash: str  # of the row as it was claimed: an import may change it meanwhile
    tries: int  # failures so far that count towards --max-attempts
    crashes: int
    champion_id: int | None = None  # the attempt whose model serves


@dataclass(frozen=True)
class Source:
    """What is read for a slice besides its column: slices with the same one are read together."""

    database: str | None
    table: str | None
    file: str | None
    base: str | None  # names are looked up beside the split file
    ranges: Ranges

    @classmethod
    def of(cls, row: Slice) -> Source:
        """What is read for a slice."""
        return cls(row.database, row.table, row.file, row.base, row.ranges)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A slice that will be claimed soon, unless somebody else claims it before."""

    position: int
    rank: tuple[int, int]  # lower ones come first, whatever their position
    slice: Slice
    source: Source


@dataclass(frozen=True)
class Artifact:
    """One model file: its path under the artifact root, and what it must still be."""

    path: str
    format: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Champion:
    """The model that serves for a slice: who made it, and its files."""

    attempt_id: int
    trainer: str | None
    files: tuple[Artifact, ...]
    number: int = 0  # of the attempt
    ranges: Ranges | None = None  # it was trained and tested on
    metrics: Mapping[str, float] = field(
        default_factory=dict
    )  # only where another is tested on the same range


PHASES = ("load_seconds", "fit_seconds", "evaluate_seconds", "save_seconds")
"""What an attempt spends its time on."""


@dataclass(frozen=True)
class Facts:
    """What an attempt measured of itself, whatever became of it. Seconds are monotonic."""

    load_seconds: float | None = None
    fit_seconds: float | None = None
    evaluate_seconds: float | None = None
    save_seconds: float | None = None
    train_rows: int | None = None
    test_rows: int | None = None
    peak_memory: int | None = None  # bytes
    trainer: str | None = None
    model_used: str | None = None
    output: str | None = None  # the tail of what the training printed
    warnings: str | None = None  # the different warnings of the fit, one per line
    code_version: str | None = None
    seed: int | None = None
    warm_start_id: int | None = None  # the attempt whose model the training began from
    compared_with: int | None = None  # the attempt of the champion at that time
    compared_by: str | None = None  # the metric that decided; None: they could not be compared
    champion_score: float | None = None  # the champion's, on the same test range; None for NaN and infinities

    @property
    def seconds(self) -> float:
        """How long the attempt took, of all that it has measured."""
        return sum(getattr(self, phase) or 0.0 for phase in PHASES)


@dataclass(frozen=True)
class Failure:
    """Why an attempt gave no model."""

    error_type: str
    message: str
    traceback: str | None = None
    final: bool = False  # trying again cannot help
    by_data: bool = False  # the data itself forbids it (empty, constant, too short): no fault of the run


@dataclass(frozen=True)
class StoredProfile:
    """What a drift detector keeps of one column's training data, or why it keeps nothing."""

    detector: str
    column: str  # '' for values without a name
    profile: bytes | None
    problem: str | None = None


@dataclass(frozen=True)
class Success:
    """What an attempt gave: its metrics, its files, and whether the gate let it pass."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    passed: bool = True
    verdict: str = ""  # the gate's answer in words
    profiles: tuple[StoredProfile, ...] = ()  # of the data trained on, for drift checks
