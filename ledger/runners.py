"""Who runs: runners announce themselves, say that they live, and are found dead."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, or_, select, text, update

from ledger.hosts import Process, is_alive, this_process
from ledger.schema import runners, slices

_HELD = text("slices.status = 'running'")  # a literal, for the partial index

HEARTBEAT_SECONDS = 10.0
LEASE_SECONDS = 60.0
RUN, DRIFT = "run", "drift"
"""The commands that make a process a runner."""
FINISHED, STOPPED, DIED = "finished", "stopped", "died of an error"
COULD_NOT_START = "could not start"
"""The ending of a runner that met an error before its first claim: nobody wants its options again."""


@dataclass(frozen=True, slots=True)
class RunnerRecord:
    """A runner that has not ended; `alive` is None when only its heartbeat can tell."""

    id: int
    process: Process
    started_at: datetime
    heartbeat: int
    heartbeat_at: datetime
    options: Mapping[str, Any]
    alive: bool | None


def register(
    conn: Connection,
    process: Process,
    *,
    options: Mapping[str, Any],
    version: str,
    now: datetime,
    command: str = RUN,
) -> int:
    """Announce a runner and return its id, which is never used again."""
    row = {
        "host": process.host,
        "boot_id": process.boot_id,
        "pid_namespace": process.pid_namespace,
        "pid": process.pid,
        "pid_started": process.pid_started,
        "started_at": now,
        "heartbeat_at": now,
        "options": json.dumps(dict(options), sort_keys=True),
        "version": version,
        "command": command,
    }
    return int(conn.execute(insert(runners).returning(runners.c.id), row).scalar_one())


_BEAT = update(runners).where(runners.c.ended_at.is_(None)).values(heartbeat=runners.c.heartbeat + 1)


def beat(conn: Connection, runner_id: int, *, now: datetime) -> bool:
    """Say that the runner lives; False when somebody has declared it dead meanwhile."""
    said = conn.execute(_BEAT.where(runners.c.id == runner_id).values(heartbeat_at=now))
    return said.rowcount == 1


def end(conn: Connection, runner_ids: Collection[int], *, ending: str, now: datetime) -> None:
    """Close the record of runners that stopped or were found dead; an earlier ending stays."""
    conn.execute(
        update(runners)
        .where(runners.c.id.in_(runner_ids), runners.c.ended_at.is_(None))
        .values(ended_at=now, ending=ending)
    )


_OF_A_LIFE = tuple(
    runners.c[name]
    for name in (
        *("id", "host", "boot_id", "pid_namespace", "pid", "pid_started"),
        *("started_at", "heartbeat", "heartbeat_at", "options"),
    )
)
"""Those of the first schema: before an upgrade, too, it is asked who lives."""


def live_runners(conn: Connection) -> list[RunnerRecord]:
    """Every runner that has not ended, with what can be known of it from this machine."""
    here = this_process()
    found = []
    for row in conn.execute(select(*_OF_A_LIFE).where(runners.c.ended_at.is_(None)).order_by(runners.c.id)):
        process = Process(row.host, row.boot_id, row.pid_namespace, row.pid, row.pid_started)
        found.append(
            RunnerRecord(
                id=row.id,
                process=process,
                started_at=row.started_at,
                heartbeat=row.heartbeat,
                heartbeat_at=row.heartbeat_at,
                options=json.loads(row.options),
                alive=is_alive(process, here),
            )
        )
    return found


def ended_with_slices(conn: Connection) -> set[int]:
    """The runners whose record is closed although slices are in their hands.

    `Ledger.end_runner` leaves none; a ledger that an older program worked on may have some.
    """
    held = select(slices.c.runner_id).where(_HELD).distinct()
    ended = select(runners.c.id).where(runners.c.id.in_(held), runners.c.ended_at.is_not(None))
    return set(conn.execute(ended).scalars())


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run whose options another one may take up."""

    runner_id: int
    options: Mapping[str, Any]
    interrupted: bool  # it did not come to its own end


def last_run(conn: Connection) -> LastRun | None:
    """The run to go on with: the newest one that died with slices in its hands, else the newest one.

    None when no runner ever got to work.
    """
    worked = or_(runners.c.ending.is_(None), runners.c.ending != COULD_NOT_START)
    dead = {runner.id for runner in live_runners(conn) if runner.alive is False} | ended_with_slices(conn)
    holding = exists().where(_HELD, slices.c.runner_id == runners.c.id)
    trained = runners.c.command == RUN
    newest = select(runners).where(worked, trained).order_by(runners.c.id.desc()).limit(1)
    for chosen in (newest.where(runners.c.id.in_(dead), holding), newest):
        row = conn.execute(chosen).one_or_none()
        if row is not None:
            return LastRun(row.id, json.loads(row.options), row.ending != FINISHED)
    return None


class Watch:
    """Finds runners dead, by facts of this machine or by a heartbeat silent for a whole lease.

    Silence is measured on the watcher's own monotonic clock: no wall clock, its own or another
    machine's, decides over a runner's life. A process that is there and silent may be stopped for
    good: its slices go to others, and should it go on, what it says of them is not recorded.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, float]] = {}  # id → heartbeat, when it was first seen

    def dead(self, others: Collection[RunnerRecord], *, monotonic: float) -> set[int]:
        """The ids of those among `others` that are dead; `monotonic` is now, in seconds."""
        self._seen = {other.id: self._last_change(other, monotonic) for other in others}
        return {
            other.id
            for other in others
            if other.alive is False or monotonic - self._seen[other.id][1] > LEASE_SECONDS
        }

    def _last_change(self, other: RunnerRecord, monotonic: float) -> tuple[int, float]:
        seen = self._seen.get(other.id)
        return seen if seen is not None and seen[0] == other.heartbeat else (other.heartbeat, monotonic)
