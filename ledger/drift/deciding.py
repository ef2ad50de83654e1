"""The verdicts of a run, all in one go, and the old checks that nobody will ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, case, delete, func, insert, literal, select, update

from ledger.drift import runs
from ledger.drift.records import DriftRun, Flagged, Told
from ledger.prepared import Prepared
from ledger.schema import drift_checks, drift_findings
from ledger.text import storable

KEPT = 3
"""Stable checks of a slice that stay, and insufficient ones: the last. All others stay for ever."""

_COPIED = (
    *("run_id", "slice_id", "attempt_id", "window_from", "window_to", "rows", "detector"),
    *("statistic", "effect", "p", "reason", "checked_at"),
)
_FLAG = Prepared(
    update(drift_checks)
    .where(drift_checks.c.run_id == bindparam("run"), drift_checks.c.slice_id == bindparam("slice"))
    .values(
        verdict=bindparam("became", type_=drift_checks.c.verdict.type),
        since=bindparam("suspected", type_=drift_checks.c.since.type),
        reason=drift_checks.c.reason + bindparam("note", type_=drift_checks.c.reason.type),
    )
)


def decide(
    conn: Connection, run: DriftRun, flagged: Collection[Flagged], *, now: datetime
) -> Mapping[str, int]:
    """Turn all that the run has found into checks with their verdicts; return how many of each.

    What is not among `flagged` is insufficient where it has no p, else stable. The run must be held.
    """
    f = drift_findings.c
    plain = case((f.p.is_(None), literal("insufficient")), else_=literal("stable"))
    found = select(*(f[name] for name in _COPIED), plain).where(f.run_id == run.id).order_by(f.slice_id)
    conn.execute(insert(drift_checks).from_select([*_COPIED, "verdict"], found))
    _FLAG.execute_each(
        conn,
        [
            {
                "run": run.id,
                "slice": each.slice_id,
                "became": each.verdict,
                "suspected": each.since,
                "note": storable(each.note, limit=1_000),
            }
            for each in flagged
        ],
    )
    c = drift_checks.c
    counted = select(c.verdict, func.count()).where(c.run_id == run.id).group_by(c.verdict)
    counts = Counter({str(row[0]): int(row[1]) for row in conn.execute(counted)})
    runs.end(conn, run, "decided", counts=counts, now=now)
    return counts


def worst(conn: Connection, run: DriftRun, count: int) -> list[Told]:
    """The verdicts of a run that matter most: drifted ones first, and those with the smallest p."""
    c = drift_checks.c
    rank = case({"drifted": 0, "common_cause": 1}, value=c.verdict, else_=2)
    wanted = (
        select(c.slice_id, c.verdict, c.reason)
        .where(c.run_id == run.id, c.verdict.in_(("drifted", "common_cause", "suspect")))
        .order_by(rank, c.p, c.slice_id)
        .limit(count)
    )
    return [Told(row.slice_id, row.verdict, row.reason or "") for row in conn.execute(wanted)]


def commonest(conn: Connection, run: DriftRun, count: int) -> dict[str, int]:
    """Why checks of a run were insufficient: the commonest reasons, with how often."""
    c = drift_checks.c
    often = func.count()
    wanted = (
        select(c.reason, often)
        .where(c.run_id == run.id, c.verdict == "insufficient")
        .group_by(c.reason)
        .order_by(often.desc(), c.reason)
        .limit(count)
    )
    return {str(row[0]): int(row[1]) for row in conn.execute(wanted)}


def thin_out(conn: Connection) -> int:
    """Remove old checks that were stable or insufficient; return how many.

    The last three of each kind stay for each slice. The last check that says something is always among
    what stays: the next window begins after it.
    """
    c = drift_checks.c
    age = func.row_number().over(partition_by=(c.slice_id, c.verdict), order_by=c.id.desc()).label("age")
    ranked = select(c.id, age).where(c.verdict.in_(("stable", "insufficient"))).subquery()
    old = select(ranked.c.id).where(ranked.c.age > KEPT)
    return conn.execute(delete(drift_checks).where(c.id.in_(old))).rowcount
