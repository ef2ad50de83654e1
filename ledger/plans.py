"""Plans: what a run was expected to cost, kept beside what it then does cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, insert, select

from ledger.database import writing
from ledger.runners import COULD_NOT_START, FINISHED
from ledger.schema import plans, runners

if TYPE_CHECKING:
    from ledger.store import Ledger

LEAST_DONE = 5
"""Slices that must be done before the end of a run is guessed from them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run over the queue was expected to cost. Times are in seconds, `low` to `high` is P10 to P90."""

    options: Mapping[str, Any]
    slices: int
    sampled: int
    seconds_low: float
    seconds_expected: float
    seconds_high: float
    memory: int | None  # bytes of one worker at most; None where the system does not tell
    artifact_bytes: int
    rows: int  # to be read
    bytes: int
    recommended: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actual:
    """The last plan against the runs since. Times are in seconds."""

    plan: Plan
    planned_at: datetime
    runs: int
    elapsed: float  # while at least one runner was at work
    done: int  # slices of the plan that are finished with
    finished: bool  # a run came to its own end
    projected: float | None  # the whole time, by what is done; None while that is too little
    differs: tuple[str, ...]  # options of the last run that are not those of the plan

    @property
    def inside(self) -> bool | None:
        """Whether the whole time is inside the band, None while it cannot be known."""
        if self.projected is None:
            return None
        return self.plan.seconds_low <= self.projected <= self.plan.seconds_high


def keep_plan(ledger: Ledger, plan: Plan) -> int:
    """Write a plan into the ledger and return its id; no slice is touched.

    Raises AccessError where the ledger may only be read.
    """
    row = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
    row |= {name: json.dumps(dict(row[name]), sort_keys=True) for name in ("options", "detail")}
    with writing(ledger.engine) as conn:
        kept = conn.execute(insert(plans).returning(plans.c.id), row | {"planned_at": ledger.now()})
        return int(kept.scalar_one())


def against_plan(conn: Connection, *, unfinished: int, alive: set[int], now: datetime) -> Actual | None:
    """The last plan against the runs since, None without a plan.

    `unfinished` is how many slices are pending, waiting or running, `alive` the runners that live.
    """
    row = conn.execute(select(plans).order_by(plans.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    plan = Plan(
        **{name: getattr(row, name) for name in Plan.__dataclass_fields__}
        | {name: json.loads(getattr(row, name)) for name in ("options", "detail")}
    )
    runs, finished = _runs_since(conn, row.planned_at)
    elapsed = _covered([(run.started_at, _end(run, alive, now)) for run in runs])
    done = plan.slices if finished else max(0, plan.slices - unfinished)
    options = json.loads(runs[-1].options) if runs else plan.options
    plan = _in_one_process(plan, options)
    return Actual(
        plan=plan,
        planned_at=row.planned_at,
        runs=len(runs),
        elapsed=elapsed,
        done=done if runs else 0,
        finished=finished,
        projected=elapsed if finished else _projected(plan, elapsed, done if runs else 0),
        differs=tuple(
            sorted(
                name
                for name in {*plan.options, *options}
                if name not in ("limit", "time_limit") and plan.options.get(name) != options.get(name)
            )
        ),
    )


def _in_one_process(plan: Plan, options: Mapping[str, Any]) -> Plan:
    """The plan for a run that took one process, as may have been recommended, where more were planned."""
    alone = plan.detail.get("one_process_seconds")
    if alone is None or options.get("workers") not in (0, 1) or plan.detail["workers"] <= 1:
        return plan
    slower = alone / plan.seconds_expected
    return replace(
        plan,
        options={**plan.options, "workers": options["workers"]},
        seconds_low=plan.seconds_low * slower,
        seconds_expected=alone,
        seconds_high=plan.seconds_high * slower,
    )


def _runs_since(conn: Connection, planned_at: datetime) -> tuple[Sequence[Row[Any]], bool]:
    """The runs that the plan was for: until one of them had emptied the queue; and whether one has."""
    since = select(runners).where(runners.c.started_at >= planned_at).order_by(runners.c.id)
    runs = [run for run in conn.execute(since) if run.ending != COULD_NOT_START]
    ends = [run.ended_at for run in runs if run.ending == FINISHED and "limit" not in json.loads(run.options)]
    if not ends:
        return runs, False
    return [run for run in runs if run.started_at <= min(ends)], True


def _end(run: Row[Any], alive: set[int], now: datetime) -> datetime:
    ended: datetime = run.ended_at or (now if run.id in alive else run.heartbeat_at)
    return ended


def _covered(spans: Sequence[tuple[datetime, datetime]]) -> float:
    """Seconds that belong to at least one of the spans: several machines may work at once."""
    total, until = 0.0, None
    for start, end in sorted(spans):
        begin = start if until is None else max(start, until)
        if end > begin:
            total += (end - begin).total_seconds()
            until = end
    return total


def _projected(plan: Plan, elapsed: float, done: int) -> float | None:
    start = float(plan.detail.get("start_seconds", 0.0))
    if done < LEAST_DONE or elapsed <= start:
        return None
    return start + (elapsed - start) * plan.slices / done
