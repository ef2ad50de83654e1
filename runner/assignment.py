"""What a worker is told and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.records import Artifact, Champion, Claim, Facts, Failure, Slice, StoredProfile
from runner.challenge import Defence
from runner.databases import OPEN

if TYPE_CHECKING:
    from runner.training import Training


@dataclass(frozen=True, slots=True)
class Setup:
    """What is the same for every slice of a run; told once, when the worker starts."""

    artifact_root: str
    ledger_uuid: str
    trainer: str | None
    worker: str | None
    params: Mapping[str, str]
    seed: int
    databases: Mapping[str, str] = field(default_factory=dict)
    time_column: str | None = None
    separator: str | None = None
    labels: str | None = None  # a column, or a file of ranges
    keep_open: int = OPEN  # databases
    memory_limit: int | None = None  # bytes
    defend: bool = True  # whether a champion is scored where a new model is
    scratch: str | None = None  # the folder under which each worker has its own
    detector: str | None = None  # what keeps a profile of the data trained on, None for nothing

    def begin(self, printed: Path | None) -> Training:
        """What a worker trains with; it prints into the file `printed`."""
        from runner.training import Training

        return Training(self, printed=printed)


@dataclass(frozen=True)
class Ahead:
    """What a worker will most likely read next; nothing about it is claimed."""

    row: Slice
    together: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """A claimed slice for a worker."""

    held: Claim
    together: tuple[str, ...] = ()  # the columns of slices that come soon: best read with this one
    ahead: Ahead | None = None  # to be read while this slice is trained
    champion: Champion | None = None  # what the training may begin from, and what the new model must match
    worker: int | None = None  # the number of the worker that has read its table; another will do


@dataclass(frozen=True)
class Report:
    """What became of one attempt: a failure, or metrics with the files that were kept."""

    held: Claim
    facts: Facts
    failure: Failure | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    defence: Defence | None = None  # how the champion does there
    profiles: tuple[StoredProfile, ...] = ()  # of the data, for drift checks
    nothing_kept: str | None = None  # why no file could be written: no fault of the slice
