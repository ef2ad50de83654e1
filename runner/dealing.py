"""Which worker gets which claimed slice, and for whom the next ones are claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ledger.records import Claim
from runner.assignment import Assignment
from runner.crew import Crew, Death, Event, Task, Worker
from runner.stride import Stride


class Dealing:
    """Claimed slices on their way to the workers.

    With `keeps_to_plan` each goes to the worker that it was claimed for, however long that takes.
    """

    def __init__(self, crew: Crew, *, keeps_to_plan: bool, stride: Stride | None = None) -> None:
        self._crew = crew
        self._keeps_to_plan = keeps_to_plan
        self._stride = stride or Stride()
        self._waiting: list[Assignment] = []

    @property
    def waiting(self) -> list[Claim]:
        """What is claimed and not in the hands of a worker."""
        return [assignment.held for assignment in self._waiting]

    @property
    def held(self) -> list[Claim]:
        """What is claimed, in the hands of a worker or not."""
        return self.waiting + [task.held for worker in self._crew.busy for task in worker.tasks]

    @property
    def linger(self) -> float:
        """Seconds for which results may gather: none when a worker has nothing to do meanwhile."""
        return 0.0 if self._crew.free else self._stride.linger

    def note(self, event: Event) -> None:
        """Learn from what ended; what a dead worker had not begun is dealt again, before all else."""
        if isinstance(event, Death):
            self._stride.note(event.seconds)
            self._again(event.left)
        else:
            self._stride.note(event.facts.seconds, event.facts.load_seconds or 0.0)

    def take_back(self) -> None:
        """What workers hand back is dealt again too: a slice before it took long, and others may be free."""
        self._again(self._crew.unbegun())

    def _again(self, tasks: Sequence[Task[Claim]]) -> None:
        self._waiting[:0] = (task for task in tasks if isinstance(task, Assignment))

    def add(self, claimed: list[Assignment]) -> None:
        """Take what was claimed."""
        self._waiting += claimed

    def forget(self) -> None:
        """Somebody else has by now what waits here."""
        self._waiting.clear()

    def wanting(self) -> list[int]:
        """The workers a slice may be claimed for, in turn: one to train, one ahead, more of fast ones."""
        each = 1 + max(1, self._stride.ahead)
        claimed = Counter(assignment.worker for assignment in self._waiting)
        room = {
            worker.number: each - len(worker.tasks) - claimed.pop(worker.number, 0)
            for worker in self._crew.open
        }
        wanting = [number for turn in range(each) for number, left in room.items() if turn < left]
        return wanting[: max(0, len(wanting) - claimed.total())]  # the rest was for workers not there now

    def deal(self) -> None:
        """Hand to each worker what it may hold."""
        for worker in self._crew.open:
            while len(worker.tasks) <= self._stride.ahead and (assignment := self._for(worker)):
                self._waiting.remove(assignment)
                self._crew.give(worker, assignment)

    def _for(self, worker: Worker[Claim]) -> Assignment | None:
        """What was claimed for this worker; else for another, which is better than to wait for that one."""
        own = next((each for each in self._waiting if each.worker == worker.number), None)
        if own is not None or worker.tasks or self._keeps_to_plan:
            return own
        return self._waiting[0] if self._waiting else None
