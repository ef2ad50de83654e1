"""What is to be checked: models that serve, by what is read for them."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from ledger.drift.records import Previous, Target, Which
from ledger.queue import SPEC, slice_of
from ledger.records import Artifact, StoredProfile
from ledger.schema import artifacts, attempts, drift_checks, drift_findings, drift_profiles, slices
from ledger.selection import fault_of, named
from ledger.splitrow import RANGES

TOGETHER = 500
"""Slices of one source that are checked together, and values in one statement."""

_SERVES = and_(slices.c.champion_id.is_not(None), text("slices.status <> 'retired'"))

_PLACES = select(
    slices.c.position, slices.c.database_name, slices.c.table_name, slices.c.file, slices.c.import_id
)


@dataclass(frozen=True, slots=True)
class Group:
    """Positions of slices whose data is in one table or file."""

    positions: Sequence[int]


def groups(conn: Connection, which: Which, *, run_id: int | None = None) -> list[Group]:
    """The slices to be checked, by source, at most 500 together; those that run `run_id` has found out
    about are left out.

    Raises UnknownSliceError for an id there is not, and QueryError for a condition that the database
    does not understand.
    """
    wanted = _PLACES.where(*_chosen(conn, which)).order_by(slices.c.position)
    if run_id is not None:
        wanted = wanted.where(~exists().where(_found_by(run_id), drift_findings.c.slice_id == slices.c.id))
    try:
        return _by_source(conn.execute(wanted.execution_options(yield_per=10_000)))
    except DBAPIError as error:
        if (fault := fault_of(which.where, error)) is None:
            raise
        raise fault from None


def groups_of(conn: Connection, ids: Sequence[str]) -> list[Group]:
    """These slices by source, as far as they have a champion."""
    wanted = _PLACES.where(_SERVES, slices.c.id.in_(bindparam("ids", expanding=True)))
    return _by_source(row for some in _some(ids) for row in conn.execute(wanted, {"ids": some}))


def _by_source(rows: Iterable[Any]) -> list[Group]:
    found: dict[tuple[Any, ...], array[int]] = {}
    for position, *key in rows:
        found.setdefault(tuple(key), array("q")).append(position)
    return [
        Group(positions[start : start + TOGETHER])
        for positions in found.values()
        for start in range(0, len(positions), TOGETHER)
    ]


def without_profile(conn: Connection, which: Which, detector: str) -> int:
    """How many of the slices to be checked have a model of which this detector has no profile."""
    there = exists().where(
        drift_profiles.c.attempt_id == slices.c.champion_id,
        drift_profiles.c.detector == detector,
        drift_profiles.c.profile.is_not(None),
    )
    counted = select(func.count()).select_from(slices).where(*_chosen(conn, which), ~there)
    return int(conn.execute(counted).scalar_one())


def _found_by(run_id: int) -> ColumnElement[bool]:
    return drift_findings.c.run_id == run_id


def _chosen(conn: Connection, which: Which) -> list[ColumnElement[bool]]:
    return [_SERVES, *named(conn, which.ids, which.where)]


_checks = drift_checks.alias("c")
_LAST = (
    select(_checks.c.id)
    .where(
        _checks.c.slice_id == slices.c.id,
        _checks.c.attempt_id == slices.c.champion_id,
        _checks.c.verdict != "insufficient",
    )
    .order_by(_checks.c.id.desc())
    .limit(literal_column("1"))
    .correlate(slices)
    .scalar_subquery()
)
_CHECK = ("id", "verdict", "reason", "window_to", "since")
_TARGETS = (
    select(
        slices.c.position,
        *SPEC,
        slices.c.champion_id,
        attempts.c.trainer.label("trained_by"),
        *(attempts.c[name].label(f"of_attempt_{name}") for name in RANGES),
        *(drift_checks.c[name].label(f"previous_{name}") for name in _CHECK),
    )
    .join_from(slices, attempts, attempts.c.id == slices.c.champion_id)
    .outerjoin(drift_checks, drift_checks.c.id == _LAST)
    .where(slices.c.position.in_(bindparam("positions", expanding=True)), _SERVES)
    .order_by(slices.c.position)
)
_PROFILES = select(drift_profiles).where(
    drift_profiles.c.attempt_id.in_(bindparam("attempts", expanding=True)),
    drift_profiles.c.detector == bindparam("detector"),
)
_FILES = select(artifacts).where(artifacts.c.attempt_id.in_(bindparam("attempts", expanding=True)))


def targets(
    conn: Connection, positions: Collection[int], detector: str, *, with_files: bool = False
) -> list[Target]:
    """The models of the slices at these positions, with what `detector` knows of them, in their order."""
    rows = [row for some in _some(positions) for row in conn.execute(_TARGETS, {"positions": some})]
    models = [row.champion_id for row in rows]
    profiles: dict[int, list[StoredProfile]] = {}
    for some in _some(models):
        for each in conn.execute(_PROFILES, {"attempts": some, "detector": detector}):
            stored = StoredProfile(each.detector, each.column_name, each.profile, each.problem)
            profiles.setdefault(each.attempt_id, []).append(stored)
    files: dict[int, list[Artifact]] = {}
    for some in _some(models if with_files else ()):
        for each in conn.execute(_FILES, {"attempts": some}):
            file = Artifact(each.path, each.format, each.bytes, each.sha256)
            files.setdefault(each.attempt_id, []).append(file)
    return [
        Target(
            position=row.position,
            slice=replace(slice_of(row), **{name: getattr(row, f"of_attempt_{name}") for name in RANGES}),
            attempt_id=row.champion_id,
            profiles=tuple(profiles.get(row.champion_id, ())),
            previous=_previous(row),
            trainer=row.trained_by,
            artifacts=tuple(files.get(row.champion_id, ())),
        )
        for row in rows
    ]


def _previous(row: Any) -> Previous | None:
    if row.previous_id is None:
        return None
    given = {name: getattr(row, f"previous_{name}") for name in _CHECK}
    return Previous(**{**given, "reason": given["reason"] or ""})


def _some(values: Collection[Any]) -> Iterator[list[Any]]:
    every = list(values)
    for start in range(0, len(every), TOGETHER):
        yield every[start : start + TOGETHER]
