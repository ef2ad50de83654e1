"""The public views: the common questions about a ledger as one-liners of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from ledger.status import Status


@dataclass(frozen=True, slots=True)
class View:
    """A named query; `columns` maps each of its columns to a sentence for `ledger views`."""

    name: str
    sentence: str
    columns: Mapping[str, str]
    sql: str


_SOURCE = {
    "database_name": "the database its data is in",
    "table_name": "the table",
    "column_name": "the value column",
    "file": "the file its data is in, where it is in no database",
    "model_group": "the group it belongs to",
}
_SOURCE_SQL = "s.database_name, s.table_name, s.column_name, s.file, s.model_group"
_LAST_ATTEMPT = "LEFT JOIN attempts a ON a.slice_id = s.id AND a.number = s.attempt"
_SECONDS = (
    "COALESCE(a.load_seconds, 0) + COALESCE(a.fit_seconds, 0) "
    "+ COALESCE(a.evaluate_seconds, 0) + COALESCE(a.save_seconds, 0)"
)
_COUNTS = ", ".join(f"SUM(CASE WHEN status = '{state}' THEN 1 ELSE 0 END) AS {state}" for state in Status)

VIEWS: tuple[View, ...] = (
    View(
        "slice_status",
        "One row per slice: where it stands, and how its last attempt ended.",
        {
            "id": "the slice",
            "status": "pending, running, succeeded, rejected, waiting, failed or retired",
            "reason": "why it was queued last: new, changed, retry, interrupted, drift:…, expired, manual",
            **_SOURCE,
            "train_from": "the ranges in force, rolled forward where they were",
            "train_to": "…",
            "test_from": "…",
            "test_to": "…",
            "trainer": "the trainer its row names, if any",
            "priority": "larger ones are claimed first",
            "attempt": "the number of its last attempt",
            "tries": "failures that count since it was queued",
            "crashes": "workers it killed since it was queued",
            "not_before": "when it is tried again, while it waits",
            "champion_attempt": "the number of the attempt whose model serves",
            "champion_code": "the code that trained it: slice-ledger's version, or a worker file's sha256",
            "last_outcome": "how the last attempt ended",
            "last_error_type": "the class of its error",
            "last_error": "its message",
        },
        f"SELECT s.id, s.status, s.reason, {_SOURCE_SQL}, "
        "COALESCE(s.active_train_from, s.train_from) AS train_from, "
        "COALESCE(s.active_train_to, s.train_to) AS train_to, "
        "COALESCE(s.active_test_from, s.test_from) AS test_from, "
        "COALESCE(s.active_test_to, s.test_to) AS test_to, "
        "s.trainer, s.priority, s.attempt, s.tries, s.crashes, s.not_before, "
        "c.number AS champion_attempt, c.code_version AS champion_code, a.outcome AS last_outcome, "
        "a.error_type AS last_error_type, a.error_message AS last_error "
        f"FROM slices s {_LAST_ATTEMPT} LEFT JOIN attempts c ON c.id = s.champion_id",
    ),
    View(
        "current_metrics",
        "The metrics of every champion: one row per slice and metric.",
        {
            "slice_id": "the slice",
            **_SOURCE,
            "trainer": "the trainer of the champion",
            "model_used": "what was fitted",
            "name": "the metric",
            "value": "its value; empty for NaN and the infinities",
            "kind": "finite, nan, inf or -inf",
            "trained_at": "when the champion was trained",
        },
        f"SELECT s.id AS slice_id, {_SOURCE_SQL}, a.trainer, a.model_used, m.name, m.value, m.kind, "
        "a.finished_at AS trained_at "
        "FROM slices s JOIN attempts a ON a.id = s.champion_id JOIN metrics m ON m.attempt_id = a.id",
    ),
    View(
        "attempt_log",
        "Every attempt, with what it cost.",
        {
            "id": "the attempt",
            "slice_id": "the slice",
            **_SOURCE,
            "number": "counts the attempts of the slice from 1",
            "runner_id": "the runner that made it",
            "outcome": "running, succeeded, rejected, failed, timeout, crashed, interrupted or lost",
            "reason": "the verdict of gate and comparison, or why it was given back",
            "compared_by": "the metric by which it was compared with the champion of then; empty: it was not",
            "score": "its own value of that metric",
            "champion_score": "the champion's on the same test range; as score, empty for NaN and infinities",
            "trainer": "the trainer",
            "model_used": "what was fitted",
            "started_at": "when it was claimed (UTC)",
            "finished_at": "when it ended (UTC)",
            "seconds": "loading, fitting, evaluating and saving together",
            "train_rows": "rows trained on",
            "test_rows": "rows tested on",
            "peak_memory": "bytes of resident memory at most",
            "error_type": "the class of the error",
            "error_message": "its message",
        },
        f"SELECT a.id, a.slice_id, {_SOURCE_SQL}, a.number, a.runner_id, a.outcome, a.reason, "
        f"a.compared_by, m.value AS score, a.champion_score, a.trainer, a.model_used, a.started_at, "
        f"a.finished_at, {_SECONDS} AS seconds, a.train_rows, a.test_rows, "
        "a.peak_memory, a.error_type, a.error_message "
        "FROM attempts a JOIN slices s ON s.id = a.slice_id "
        "LEFT JOIN metrics m ON m.attempt_id = a.id AND m.name = a.compared_by",
    ),
    View(
        "failures",
        "Slices that have failed or wait to be tried again, with the error of their last attempt.",
        {
            "slice_id": "the slice",
            "status": "failed or waiting",
            **_SOURCE,
            "attempt": "the number of the last attempt",
            "tries": "failures that count",
            "crashes": "workers it killed",
            "outcome": "failed, timeout or crashed",
            "error_type": "the class of the error",
            "error_message": "its message",
            "failed_at": "when (UTC)",
            "has_champion": "1 where an older model still serves, else 0",
        },
        f"SELECT s.id AS slice_id, s.status, {_SOURCE_SQL}, s.attempt, s.tries, s.crashes, a.outcome, "
        "a.error_type, a.error_message, a.finished_at AS failed_at, "
        "CASE WHEN s.champion_id IS NULL THEN 0 ELSE 1 END AS has_champion "
        # One SELECT for each: with OR no partial index is used, and every slice is looked at.
        "FROM (SELECT * FROM slices WHERE status = 'failed' UNION ALL "
        "SELECT * FROM slices WHERE status = 'waiting') s "
        "JOIN attempts a ON a.slice_id = s.id AND a.number = s.attempt",
    ),
    View(
        "champions",
        "The model that serves for each slice, with its file.",
        {
            "slice_id": "the slice",
            "attempt": "the number of the attempt that trained it",
            "trainer": "the trainer",
            "model_used": "what was fitted",
            "trained_at": "when (UTC)",
            "since": "when it began to serve, the last time (UTC)",
            "why": "trained, promoted or rolled back",
            "path": "the model file, relative to the artifact root; empty where none was kept",
            "format": "json, npz, pickle, keras, …",
            "bytes": "its size",
            "sha256": "its checksum",
        },
        "SELECT s.id AS slice_id, a.number AS attempt, a.trainer, a.model_used, a.finished_at AS trained_at, "
        "p.at AS since, p.why, f.path, f.format, f.bytes, f.sha256 "
        "FROM slices s JOIN attempts a ON a.id = s.champion_id "
        "LEFT JOIN promotions p ON p.id = (SELECT MAX(l.id) FROM promotions l WHERE l.slice_id = s.id) "
        "LEFT JOIN artifacts f ON f.attempt_id = a.id",
    ),
    View(
        "drifted",
        "One row per slice whose model is suspect or has drifted, by the last check that could tell.",
        {
            "slice_id": "the slice",
            **_SOURCE,
            "attempt_id": "the model that was judged, which serves",
            "run_id": "the drift run",
            "verdict": "suspect, drifted or common_cause",
            "reason": "what drifted, in words",
            "statistic": "what speaks most: level, scale, dynamics, shape, season",
            "effect": "the size of the effect: level and season in sd, scale as log ratio, …",
            "p": "the p-value",
            "window_from": "the window of fresh data",
            "window_to": "…",
            "checked_at": "when (UTC)",
        },
        f"SELECT d.slice_id, {_SOURCE_SQL}, d.attempt_id, d.run_id, d.verdict, d.reason, d.statistic, "
        "d.effect, d.p, d.window_from, d.window_to, d.checked_at "
        "FROM drift_checks d JOIN slices s ON s.id = d.slice_id AND s.champion_id = d.attempt_id "
        "WHERE d.verdict IN ('suspect', 'drifted', 'common_cause') AND d.id = (SELECT MAX(l.id) "
        "FROM drift_checks l WHERE l.slice_id = d.slice_id AND l.attempt_id = d.attempt_id "
        "AND l.verdict <> 'insufficient')",
    ),
    View(
        "progress",
        "Counts of the states in each group of slices.",
        {
            "model_group": "the group; empty for slices without one",
            "slices": "how many slices it has, retired ones included",
            **{state.value: f"how many are {state}" for state in Status},
            "done": "the share of those not retired that succeeded, was rejected or failed",
        },
        f"SELECT model_group, COUNT(*) AS slices, {_COUNTS}, "
        "AVG(CASE WHEN status IN ('succeeded', 'rejected', 'failed') THEN 1.0 "
        "WHEN status <> 'retired' THEN 0.0 END) AS done "
        "FROM slices GROUP BY model_group",
    ),
)


def drop_views(conn: Connection) -> None:
    """Remove the views: SQLite cannot rebuild a table that a view looks at."""
    for view in reversed(VIEWS):
        conn.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")


def create_views(conn: Connection) -> None:
    """Make every view anew, in order: a later one may look at an earlier one."""
    for view in VIEWS:
        conn.exec_driver_sql(f"CREATE VIEW {view.name} AS {view.sql}")
