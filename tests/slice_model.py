"""The life of slices in plain Python: what the ledger must do, without a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.records import Claim
from ledger.status import MOVES, Status


@dataclass(slots=True)
class Row:
    """A slice; `claimed` is the row it had when it was claimed, `outcomes` has one for each attempt."""

    id: str
    position: int
    spec: int
    priority: int
    status: str = "pending"
    reason: str | None = "new"
    tries: int = 0
    crashes: int = 0
    deferred: bool = False
    not_before: datetime | None = None
    runner: int | None = None
    champion: int | None = None
    champion_at: datetime | None = None
    claimed: int | None = None
    outcomes: list[str] = field(default_factory=list)

    def move(self, status: str, *, reason: str | None, not_before: datetime | None = None) -> None:
        """Go to another state, by a move that there is."""
        assert status == self.status or (Status(self.status), Status(status)) in MOVES
        self.status, self.reason, self.not_before, self.runner = status, reason, not_before, None

    def forget(self) -> None:
        """Hold nothing against it any more."""
        self.tries = self.crashes = 0
        self.deferred = False


@dataclass(slots=True)
class Model:
    """All slices, and which runners have not ended."""

    rows: dict[str, Row] = field(default_factory=dict)
    runners: dict[int, bool] = field(default_factory=dict)

    def held_by(self, runner: int) -> list[Row]:
        """What a runner holds."""
        return [row for row in self.rows.values() if row.runner == runner]

    def bring_in(self, file: Mapping[str, tuple[int, int]], *, prune: bool) -> dict[str, int]:
        """Import id → (spec, priority), and return what the report must say."""
        gone = [row for row in self.rows.values() if row.id not in file and row.status != "retired"]
        retired = [row for row in gone if prune and row.status != "running"]
        counts = {"rows": len(file), "added": 0, "changed": 0, "unchanged": 0}
        for slice_id, (spec, priority) in file.items():
            counts[self._one(slice_id, spec, priority)] += 1
        for row in retired:
            row.move("retired", reason=None)
        return {**counts, "retired": len(retired), "missing": len(gone)}

    def _one(self, slice_id: str, spec: int, priority: int) -> str:
        row = self.rows.get(slice_id)
        if row is None:
            self.rows[slice_id] = Row(slice_id, len(self.rows), spec, priority)
            return "added"
        row.priority = priority
        if row.spec == spec and row.status != "retired":
            return "unchanged"
        row.spec, row.reason = spec, "changed"
        row.forget()
        if row.status != "running":
            row.move("pending", reason="changed")
        return "changed"

    def claim(self, runner: int) -> Row | None:
        """Take the next slice."""
        pending = [row for row in self.rows.values() if row.status == "pending"]
        if not pending or not self.runners[runner]:
            return None
        row = min(pending, key=lambda row: (row.deferred, -row.priority, row.position))
        row.move("running", reason=row.reason)
        row.runner, row.claimed = runner, row.spec
        row.outcomes.append("running")
        return row

    def complete(self, held: Claim, *, passed: bool, now: datetime) -> bool:
        """Record a model; whether that stands."""
        row = self._owner(held)
        if row is None:
            return self._was(held) in ("succeeded", "rejected")
        row.forget()
        if passed:
            row.champion, row.champion_at = held.attempt_id, now
        self._leave(row, "succeeded" if passed else "rejected")
        return True

    def fail(self, held: Claim, outcome: str, retry_at: datetime | None) -> bool:
        """Record a failure, which counts only against the row that was trained."""
        row = self._owner(held)
        if row is None:
            return self._was(held) == outcome
        if row.spec == row.claimed:
            row.crashes += outcome == "crashed"
            row.tries += outcome != "crashed"
        self._leave(row, "waiting" if retry_at else "failed", outcome=outcome, not_before=retry_at)
        return True

    def release(self, held: Claim, outcome: str) -> bool:
        """Give a slice back."""
        row = self._owner(held)
        if row is None:
            return self._was(held) == outcome
        self._leave(row, "pending", outcome=outcome, reason="interrupted")
        return True

    def give_back(self, rows: Collection[Row], outcome: str) -> int:
        """Put what a runner lost, or never heard of, back in the queue."""
        for row in rows:
            row.move("pending", reason="interrupted")
            row.outcomes[-1] = outcome
            row.deferred = row.deferred or row.outcomes[-3:] == ["lost"] * 3
        return len(rows)

    def queue_due(self, now: datetime) -> int:
        """Put back what has waited long enough."""
        due = [row for row in self.rows.values() if row.not_before is not None and row.not_before <= now]
        for row in due:
            row.move("pending", reason="retry")
        return len(due)

    def requeue(self, chosen: Callable[[Row], bool], reason: str) -> tuple[int, int]:
        """Put what was chosen back in the queue; how many, and how many of the chosen are running."""
        found = [row for row in self.rows.values() if chosen(row)]
        queued = [row for row in found if row.status not in ("running", "retired", "pending")]
        for row in queued:
            row.move("pending", reason=reason)
            row.forget()
        return len(queued), sum(row.status == "running" for row in found)

    def _owner(self, held: Claim) -> Row | None:
        row = self.rows[held.slice.id]
        return row if row.status == "running" and len(row.outcomes) == held.attempt else None

    def _was(self, held: Claim) -> str:
        return self.rows[held.slice.id].outcomes[held.attempt - 1]

    def _leave(
        self,
        row: Row,
        status: str,
        *,
        outcome: str | None = None,
        reason: str | None = None,
        not_before: datetime | None = None,
    ) -> None:
        row.outcomes[-1] = outcome or status
        if row.spec == row.claimed:
            row.move(status, reason=reason or row.reason, not_before=not_before)
        else:
            row.move("pending", reason="changed")


def is_older(row: Row, age: timedelta, now: datetime) -> bool:
    """Whether the champion of a slice was trained longer ago than `age`."""
    return row.champion_at is not None and row.champion_at < now - age
