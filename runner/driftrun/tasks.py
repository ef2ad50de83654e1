"""What a worker of a drift run is told and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ledger.drift.records import Confirmed, Found, Target
from runner.databases import OPEN

if TYPE_CHECKING:
    from runner.driftrun.checking import Checking

Kind = Literal["check", "confirm"]


@dataclass(frozen=True, slots=True)
class CheckSetup:
    """What is the same for every check of a run; told once, when the worker starts."""

    artifact_root: str
    ledger_uuid: str
    detector: str
    window: int | None = None  # rows, None for what suits the season
    worker: str | None = None  # the user's file, for its get_data
    databases: Mapping[str, str] = field(default_factory=dict)
    time_column: str | None = None
    separator: str | None = None
    keep_open: int = OPEN  # databases
    memory_limit: int | None = None  # bytes
    scratch: str | None = None

    def begin(self, printed: Path | None) -> Checking:  # noqa: ARG002
        """What a worker checks with."""
        from runner.driftrun.checking import Checking

        return Checking(self)


@dataclass(frozen=True, slots=True)
class Batch:
    """Models whose data is in one table or file: `check` compares, `confirm` asks the models themselves."""

    kind: Kind
    targets: tuple[Target, ...]

    @property
    def told(self) -> str:
        """The batch in words: its first slice, and how many there are."""
        more = len(self.targets) - 1
        return f"{self.targets[0].slice.id}{f' and {more} more' if more else ''}"


@dataclass(frozen=True, slots=True)
class Task:
    """A batch for a worker."""

    held: Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch: one finding, or one confirmation, for each of its models."""

    held: Batch
    found: tuple[Found, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()


def insufficient(target: Target, detector: str, why: str) -> Found:
    """The finding where nothing can be said."""
    previous = None if target.previous is None else target.previous.id
    return Found(target.slice.id, target.attempt_id, previous, detector, why)
