"""The closed lists of a slice's states and an attempt's outcomes, with the moves between states."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a slice stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    WAITING = "waiting"
    FAILED = "failed"
    RETIRED = "retired"


class Outcome(StrEnum):
    """What became of an attempt."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    LOST = "lost"


_S = Status
_REQUEUED = {state: _S.PENDING for state in Status if state not in (_S.PENDING, _S.RUNNING)}

MOVES: frozenset[tuple[Status, Status]] = frozenset(
    {
        (_S.PENDING, _S.RUNNING),  # claim
        (_S.RUNNING, _S.SUCCEEDED),
        (_S.RUNNING, _S.REJECTED),
        (_S.RUNNING, _S.WAITING),
        (_S.RUNNING, _S.FAILED),
        (_S.RUNNING, _S.PENDING),  # released, or taken back from a dead runner
        *_REQUEUED.items(),  # due, re-queued, or back in the split file
        *((state, _S.RETIRED) for state in Status if state not in (_S.RUNNING, _S.RETIRED)),
    }
)


class Why(StrEnum):
    """Why a model serves."""

    TRAINED = "trained"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


class Reason(StrEnum):
    """Why a slice is pending; a drifted one says `drift:` and what drifted."""

    NEW = "new"
    CHANGED = "changed"
    RETRY = "retry"
    INTERRUPTED = "interrupted"
    EXPIRED = "expired"
    MANUAL = "manual"
