"""What a ledger tells of itself: how far it is, and what went wrong most."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Text, column, func, select, table, text

from ledger.plans import Actual, against_plan
from ledger.runners import RunnerRecord, ended_with_slices, live_runners
from ledger.schema import attempts, drift_findings, drift_runs, slices
from ledger.status import Outcome, Status

RECENT = 1_000
"""Attempts that the rate is taken from."""


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many slices that failed or wait ended with one class of error."""

    error_type: str
    count: int


@dataclass(frozen=True, slots=True)
class DriftAtWork:
    """A drift run that somebody works on: `done` of its `planned` checks are in the ledger."""

    run_id: int
    runner_id: int
    planned: int
    done: int


@dataclass(frozen=True, slots=True)
class Report:
    """The state of a ledger at one moment. Rates are slices per second, times seconds."""

    ledger: str
    counts: dict[Status, int]
    errors: tuple[ErrorCount, ...]
    runners: tuple[RunnerRecord, ...]
    abandoned: int  # slices held by runners that are certainly dead
    rate: float | None  # None while no runner lives
    eta: tuple[float, float] | None  # a band; None while it cannot be known
    plan: Actual | None = None  # the last plan against the runs since
    drift: tuple[DriftAtWork, ...] = ()

    @property
    def total(self) -> int:
        """Slices that are not retired."""
        return sum(count for state, count in self.counts.items() if state is not Status.RETIRED)

    @property
    def done(self) -> int:
        """Slices that succeeded, were rejected or have failed."""
        return sum(self.counts[state] for state in (Status.SUCCEEDED, Status.REJECTED, Status.FAILED))

    def __str__(self) -> str:
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        return f"{self.ledger}: {self.total} slices ({told or 'none'})"


def status_report(conn: Connection, ledger: str, *, now: datetime) -> Report:
    """Count, measure and look around; costs the same at a million slices, but for the counting."""
    counts = {state: _count(conn, state) for state in Status}
    runners = live_runners(conn)
    dead = {runner.id for runner in runners if runner.alive is False} | ended_with_slices(conn)
    lives = any(runner.alive is not False for runner in runners)
    rate, eta = _pace(conn, counts, now) if lives else (None, None)
    alive = {runner.id for runner in runners if runner.alive}
    return Report(
        ledger=ledger,
        counts=counts,
        errors=_errors(conn),
        runners=tuple(runners),
        abandoned=_held(conn, dead),
        rate=rate,
        eta=eta,
        plan=against_plan(conn, unfinished=_unfinished(counts), alive=alive, now=now),
        drift=_drift(conn, [runner.id for runner in runners if runner.alive is not False]),
    )


def _unfinished(counts: dict[Status, int]) -> int:
    return sum(counts[state] for state in (Status.PENDING, Status.WAITING, Status.RUNNING))


def _count(conn: Connection, state: Status) -> int:
    # The state as a literal: only so is the partial index used.
    counted = select(func.count()).select_from(slices).where(text(f"status = '{state.value}'"))
    return int(conn.execute(counted).scalar_one())


def _held(conn: Connection, runner_ids: Collection[int]) -> int:
    held = select(func.count()).select_from(slices).where(text("status = 'running'"))
    return int(conn.execute(held.where(slices.c.runner_id.in_(runner_ids))).scalar_one())


def _drift(conn: Connection, runner_ids: Collection[int]) -> tuple[DriftAtWork, ...]:
    """What drift runs these runners have; while nobody runs, nothing is asked."""
    if not runner_ids:
        return ()
    done = select(func.count()).where(drift_findings.c.run_id == drift_runs.c.id).scalar_subquery()
    rows = conn.execute(
        select(drift_runs.c.id, drift_runs.c.runner_id, drift_runs.c.planned, done)
        .where(drift_runs.c.ended_at.is_(None), drift_runs.c.runner_id.in_(runner_ids))
        .order_by(drift_runs.c.id)
    )
    return tuple(DriftAtWork(*row) for row in rows)


def _errors(conn: Connection, most: int = 5) -> tuple[ErrorCount, ...]:
    count = func.count().label("count")
    rows = conn.execute(
        select(column("error_type", Text), count)
        .select_from(table("failures"))
        .group_by(column("error_type"))
        .order_by(count.desc())
        .limit(most)
    )
    return tuple(ErrorCount(kind or "unknown", number) for kind, number in rows)


def _pace(
    conn: Connection, counts: dict[Status, int], now: datetime
) -> tuple[float | None, tuple[float, float] | None]:
    """The rate of the attempts that ended last, and a band of two standard errors for the rest."""
    last = (
        select(attempts.c.finished_at, attempts.c.outcome)
        .order_by(attempts.c.id.desc())
        .limit(RECENT)
        .subquery()
    )
    closed = (Outcome.SUCCEEDED.value, Outcome.REJECTED.value, Outcome.FAILED.value)
    found, first = conn.execute(
        select(func.count(), func.min(last.c.finished_at)).where(last.c.outcome.in_(closed))
    ).one()
    if found < 5 or first is None:
        return None, None
    spent = (now - first).total_seconds()
    if spent < 0:  # the clock was set back since
        return None, None
    rate = found / max(0.001, spent)
    left = _unfinished(counts)
    spread = min(0.9, 2 / math.sqrt(found))
    return rate, (left / (rate * (1 + spread)), left / (rate * (1 - spread)))
