"""The workers of a run as its loop sees them, whether they are processes or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

from ledger.records import Claim
from runner.assignment import Assignment, Report
from runner.launch import Ending

H = TypeVar("H")
"""What a worker holds: a claimed slice, or slices to be checked for drift."""
H_co = TypeVar("H_co", covariant=True)


class Task(Protocol[H_co]):
    """What a worker is given."""

    @property
    def held(self) -> H_co:
        """What it holds meanwhile."""


@dataclass(slots=True)
class Worker(Generic[H]):
    """One worker: what it was given, and since when it has done the first of that (monotonic seconds)."""

    number: int
    tasks: deque[Task[H]] = field(default_factory=deque)
    since: float = 0.0

    @property
    def held(self) -> H | None:
        """What it does now."""
        return self.tasks[0].held if self.tasks else None


@dataclass(frozen=True, slots=True)
class Death(Generic[H]):
    """A worker process ended while it did something, or while it was idle (None)."""

    held: H | None
    ending: Ending
    exceeded: Literal["timeout", "memory"] | None  # what the runner killed it for
    output: str  # the tail of what it printed
    seconds: float
    left: Sequence[Task[H]] = ()  # what it had been given besides, and had not begun


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

    @property
    def open(self) -> Sequence[Worker[Claim]]:
        """The workers that may be given a slice, now or for later."""

    def give(self, worker: Worker[Claim], assignment: Assignment) -> None:
        """Hand a claimed slice to a worker, which trains it after those it was given before."""

    def events(self, timeout: float, woken: Connection | None = None, linger: float = 0.0) -> list[Event]:
        """Wait up to `timeout` seconds, and return what workers reported or died of.

        Something to read on `woken` ends the wait too; what happens within `linger` seconds is gathered.
        """

    def unbegun(self) -> Sequence[Task[Claim]]:
        """What workers have handed back since this was last asked."""

    def end(self) -> list[Claim]:
        """Stop every worker at once and return what they held."""
