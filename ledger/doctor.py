"""What is unhealthy about a ledger and its surroundings, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select, text

from ledger.artifacts import ArtifactStore, CannotKeepError
from ledger.database import reading
from ledger.drift.records import DriftRun
from ledger.drift.runs import open_runs
from ledger.queue import held_by
from ledger.runners import RunnerRecord, live_runners
from ledger.schema import artifacts, attempts, runners, slices
from ledger.soundness import quick_check
from ledger.surroundings import Place, Surroundings
from ledger.symptoms import Symptom, large_log, little_space, network, sqlite_race
from ledger.verify import DAMAGED

SKEW = timedelta(seconds=60)
SILENCE = timedelta(minutes=10)
_OLD_TRANSACTIONS = text(
    "SELECT pid, application_name, state, extract(epoch FROM clock_timestamp() - xact_start) AS seconds "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend' "
    "AND xact_start < clock_timestamp() - make_interval(secs => :seconds) ORDER BY xact_start"
)
NAMED = 5


def examine(engine: Engine, store: ArtifactStore, around: Surroundings) -> list[Symptom]:
    """Every symptom of the ledger behind `engine`, its model files and this machine; [] for none."""
    places = [place for place in (around.ledger, around.artifacts) if place is not None]
    found = [
        *sqlite_race(around.sqlite_version),
        *(symptom for place in places for symptom in network(place, is_ledger=place is around.ledger)),
        *little_space(places),
        *large_log(around.log_bytes, around.readers),
    ]
    with reading(engine) as conn:
        damage = [Symptom(f"The database is damaged: {each}. {DAMAGED}") for each in quick_check(conn)]
        if not damage:
            others, checking = live_runners(conn), open_runs(conn)
            found += [
                *dead_runners(conn, others),
                *silent_runners(others, checking, now=around.now),
                *other_versions(conn, others, version=around.version),
                *old_transactions(conn),
                *deferred_slices(conn),
                *interrupted_drift(checking, others),
                *clocks(conn, now=around.now),
            ]
        has_files = not damage and conn.execute(select(artifacts.c.path).limit(1)).first() is not None
    return [*damage, *found, *artifact_root(store, around.artifacts, has_files=has_files)]


def dead_runners(conn: Connection, others: Sequence[RunnerRecord]) -> list[Symptom]:
    """Runners that are certainly dead and still hold slices."""
    held = [(other, held_by(conn, [other.id])) for other in others if other.alive is False]
    return [
        Symptom(f"{_named(other)} died and holds {count} slices: `runner run --resume` takes them back.")
        for other, count in held
        if count
    ]


def silent_runners(
    others: Sequence[RunnerRecord], checking: Sequence[DriftRun] = (), *, now: datetime
) -> list[Symptom]:
    """Runners of which only the heartbeat can be seen from here, and it has not been for long.

    `checking` are the drift runs without verdicts.
    """
    drift = {run.runner_id: run.id for run in checking}
    return [
        Symptom(
            f"{_named(other)} has not been heard of for {(now - other.heartbeat_at) // timedelta(minutes=1)} "
            f"minutes: look there; if it is dead, {_goes_on(drift.get(other.id))}."
        )
        for other in others
        if other.alive is None and now - other.heartbeat_at > SILENCE
    ]


def _goes_on(drift_run: int | None) -> str:
    if drift_run is None:
        return "`runner run --resume` takes back what it held"
    return f"`runner drift --resume` goes on with its drift run {drift_run}"


def other_versions(conn: Connection, others: Sequence[RunnerRecord], *, version: str) -> list[Symptom]:
    """Live runners of another version of this program."""
    living = {other.id: other for other in others if other.alive is not False}
    rows = conn.execute(
        select(runners.c.id, runners.c.version)
        .where(runners.c.id.in_(list(living)), runners.c.version != version)
        .order_by(runners.c.id)
    )
    return [
        Symptom(
            f"{_named(living[row.id])} runs slice-ledger {row.version}, this is {version}: "
            "stop it and start it again with the same version."
        )
        for row in rows
    ]


def old_transactions(conn: Connection, *, older_than: timedelta = SILENCE) -> list[Symptom]:
    """Transactions of others that have been open for long on a PostgreSQL server.

    No row that one of them could still see is removed, and every claim steps over those that died
    since: claims become slower and slower.
    """
    if conn.dialect.name != "postgresql":
        return []
    rows = conn.execute(_OLD_TRANSACTIONS, {"seconds": older_than.total_seconds()}).all()
    return [
        Symptom(
            f"{row.application_name or 'A session'} (pid {row.pid}, {row.state}) has had a transaction open "
            f"for {row.seconds // 60:.0f} minutes: it keeps PostgreSQL from removing dead rows, and claims "
            "become slower; end it."
        )
        for row in rows
    ]


def deferred_slices(conn: Connection) -> list[Symptom]:
    """Slices still to be trained that were lost with their runner three times."""
    deferred = text("deferred = 1 AND status IN ('pending', 'waiting', 'running')")
    count = conn.execute(select(func.count()).select_from(slices).where(deferred)).scalar_one()
    if not count:
        return []
    first = conn.execute(
        select(slices.c.id).where(deferred).order_by(slices.c.position).limit(NAMED)
    ).scalars()
    names = ", ".join(map(repr, first)) + (", …" if count > NAMED else "")
    return [
        Symptom(
            f"{count} slices were lost with their runner three times and are trained last: {names}. They may "
            "be what kills it: try `--memory-limit` and fewer `--workers`, and see `ledger show ID`."
        )
    ]


def interrupted_drift(checking: Sequence[DriftRun], others: Sequence[RunnerRecord]) -> list[Symptom]:
    """Drift runs without verdicts at which nobody is any more."""
    at_work = {other.id for other in others if other.alive is not False}
    return [
        Symptom(
            f"Drift run {run.id} ({run.planned} checks) was interrupted, and none of its checks "
            "has a verdict: `runner drift --resume` goes on with it."
        )
        for run in checking
        if run.runner_id not in at_work
    ]


def clocks(conn: Connection, *, now: datetime) -> list[Symptom]:
    """Whether this machine's clock agrees with what the ledger has seen, and with its server."""
    if conn.dialect.name == "postgresql":
        server = conn.execute(select(func.clock_timestamp())).scalar_one()
        if abs(server - now) > SKEW:
            return [
                Symptom(
                    f"The clock here is {abs(server - now).total_seconds():.0f} s off the database server's: "
                    "set both by the network (NTP)."
                )
            ]
    latest = [
        conn.execute(select(func.max(column))).scalar()
        for column in (runners.c.heartbeat_at, attempts.c.finished_at)
    ]
    ahead = max((moment - now for moment in latest if moment is not None), default=timedelta())
    if ahead <= SKEW:
        return []
    return [
        Symptom(
            f"The ledger has times that are {ahead.total_seconds():.0f} s in the future: this clock was set "
            "back, or a runner's machine is ahead; set all by the network (NTP). Slices that wait "
            "may wait longer."
        )
    ]


def artifact_root(store: ArtifactStore, place: Place | None, *, has_files: bool) -> list[Symptom]:
    """Whether model files can be written; the folder may be missing as long as there are none."""
    if place is not None and not place.path.exists():
        if has_files:
            return [
                Symptom(
                    f"{place.path} is missing, where the model files are: mount it or put it back, or say in "
                    "`settings` (artifact_root) where they are now."
                )
            ]
        above = next(folder for folder in place.path.parents if folder.exists())
        if above.is_dir() and os.access(above, os.W_OK):
            return []
        return [
            Symptom(f"{place.path} cannot be made, where model files will be: check the rights of {above}.")
        ]
    try:
        store.probe()
    except CannotKeepError as error:
        told = str(error)
        return [Symptom(f"{told[0].upper()}{told[1:]}: check the folder and its rights.")]
    return []


def _named(runner: RunnerRecord) -> str:
    return f"Runner {runner.id} ({runner.process.host}, pid {runner.process.pid})"
