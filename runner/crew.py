"""The workers of a run as its loop sees them, whether they are processes or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from ledger.records import Claim
from runner.assignment import Assignment, Report
from runner.launch import Ending

H = TypeVar("H")
"""What a worker holds: a claimed slice, or slices to be checked for drift."""


@dataclass(slots=True)
class Worker(Generic[H]):
    """One worker: what it holds, and since when (monotonic seconds)."""

    number: int
    held: H | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Death(Generic[H]):
    """A worker process ended while it held something, or while it was idle (None)."""

    held: H | None
    ending: Ending
    exceeded: Literal["timeout", "memory"] | None  # what the runner killed it for
    output: str  # the tail of what it printed
    seconds: float


Event: TypeAlias = Report | Death[Claim]


class Crew(Protocol):
    """Gets claimed slices, gives reports."""

    @property
    def size(self) -> int:
        """How many workers are ready."""

    @property
    def free(self) -> Sequence[Worker[Claim]]:
        """The workers that wait for a slice."""

    @property
    def busy(self) -> Sequence[Worker[Claim]]:
        """The workers that hold a slice."""

    def give(self, worker: Worker[Claim], assignment: Assignment) -> None:
        """Hand a claimed slice to a free worker."""

    def events(self, timeout: float, woken: Connection | None = None) -> list[Event]:
        """Wait up to `timeout` seconds, and return what workers reported or died of.

        Something to read on `woken` ends the wait too.
        """

    def end(self) -> list[Claim]:
        """Stop every worker at once and return what they held."""
