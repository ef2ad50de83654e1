"""What a ledger must never say of itself, in SQL that both databases understand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from ledger.status import Status


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A sentence about each row that must not be there, and the SQL that finds them."""

    sentence: str
    sql: str


CONTRADICTIONS = (
    Contradiction(
        "slice {id!r} has {count} running attempts at once",
        "SELECT slice_id AS id, count(*) AS count FROM attempts WHERE outcome = 'running' "
        "GROUP BY slice_id HAVING count(*) > 1",
    ),
    Contradiction(
        "slice {id!r} is running, but its attempt {attempt} is not",
        "SELECT id, attempt FROM slices WHERE status = 'running' AND NOT EXISTS (SELECT 1 FROM attempts a "
        "WHERE a.slice_id = slices.id AND a.number = slices.attempt AND a.outcome = 'running')",
    ),
    Contradiction(
        "slice {id!r} is {status} at attempt {attempt}, but its attempt {number} is still running",
        "SELECT s.id, s.status, s.attempt, a.number FROM attempts a JOIN slices s ON s.id = a.slice_id "
        "WHERE a.outcome = 'running' AND (s.status <> 'running' OR a.number <> s.attempt)",
    ),
    Contradiction(
        "slice {id!r} is held by runner {runner_id}, which has ended ({ending})",
        "SELECT s.id, s.runner_id, r.ending FROM slices s JOIN runners r ON r.id = s.runner_id "
        "WHERE s.status = 'running' AND r.ended_at IS NOT NULL",
    ),
    Contradiction(
        "slice {id!r} succeeded, but has no champion",
        "SELECT id FROM slices WHERE status = 'succeeded' AND champion_id IS NULL",
    ),
    Contradiction(
        "slice {id!r}: its champion, the attempt with id {champion_id}, is no success of this slice",
        "SELECT s.id, s.champion_id FROM slices s LEFT JOIN attempts a ON a.id = s.champion_id "
        "WHERE s.champion_id IS NOT NULL "
        "AND (a.id IS NULL OR a.slice_id <> s.id OR (a.outcome <> 'succeeded' AND NOT EXISTS "
        "(SELECT 1 FROM promotions p WHERE p.attempt_id = a.id AND p.why = 'promoted')))",
    ),
    Contradiction(
        "slice {id!r}: its champion has the id {champion_id}, its last promotion says {attempt_id}",
        "SELECT s.id, s.champion_id, p.attempt_id FROM slices s JOIN attempts a ON a.id = s.champion_id "
        "AND a.slice_id = s.id AND a.outcome IN ('succeeded', 'rejected') "
        "JOIN promotions p ON p.id = (SELECT MAX(id) FROM promotions WHERE slice_id = s.id) "
        "WHERE p.attempt_id <> s.champion_id",
    ),
    Contradiction(
        "metrics belong to the attempt with id {attempt_id}, which gave no model",
        "SELECT DISTINCT m.attempt_id FROM metrics m LEFT JOIN attempts a ON a.id = m.attempt_id "
        "WHERE a.id IS NULL OR a.outcome NOT IN ('succeeded', 'rejected')",
    ),
    Contradiction(
        "the file {path} belongs to the attempt with id {attempt_id}, which gave no model",
        "SELECT f.path, f.attempt_id FROM artifacts f LEFT JOIN attempts a ON a.id = f.attempt_id "
        "WHERE a.id IS NULL OR a.outcome NOT IN ('succeeded', 'rejected')",
    ),
    Contradiction(
        "slice {id!r} is at attempt {attempt}, but has an attempt {number}",
        "SELECT s.id, s.attempt, a.number FROM slices s JOIN attempts a ON a.slice_id = s.id "
        "WHERE a.number > s.attempt",
    ),
    Contradiction(
        "slice {id!r} was claimed {attempt} times, but has only {count} attempts: rows were lost",
        "SELECT s.id, s.attempt, coalesce(a.count, 0) AS count FROM slices s LEFT JOIN "
        "(SELECT slice_id, count(*) AS count FROM attempts GROUP BY slice_id) a ON a.slice_id = s.id "
        "WHERE s.attempt > coalesce(a.count, 0)",
    ),
    Contradiction(
        "slice {id!r} is not there, but has attempts: its row was lost",
        "SELECT DISTINCT a.slice_id AS id FROM attempts a LEFT JOIN slices s ON s.id = a.slice_id "
        "WHERE s.id IS NULL",
    ),
    Contradiction(
        "{added} slices were imported, but only {there} are there: rows were lost",
        "SELECT added, there FROM (SELECT coalesce(sum(added), 0) AS added, "
        "(SELECT count(*) FROM slices) AS there FROM imports) counted WHERE there < added",
    ),
)


def contradictions(conn: Connection) -> Iterator[tuple[Contradiction, str]]:
    """Each contradiction found, with a sentence that names the slice, attempt or file."""
    for each in CONTRADICTIONS:
        for row in conn.execute(text(each.sql).execution_options(yield_per=1_000)):
            yield each, each.sentence.format(**row._mapping)


def count_states(conn: Connection) -> dict[str, int]:
    """How many slices there are in each state, each counted by itself, and how many `slices` in all."""
    parts = [
        f"(SELECT count(*) FROM slices WHERE status = '{state}') AS {state}"  # by the index of the state
        for state in Status
    ]
    row = conn.execute(text(f"SELECT {', '.join(parts)}, (SELECT count(position) FROM slices) AS slices"))
    return {name: int(count) for name, count in row.mappings().one().items()}
