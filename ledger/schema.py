"""The ledger's tables; their names and columns are a public contract (docs/ledger.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger.status import Outcome, Status, Why

NAMING = {
    "ix": "%(column_0_label)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(constraint_name)s",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}
VERSION_TABLE = "slice_ledger_version"
VERDICTS = ("stable", "suspect", "drifted", "insufficient", "common_cause")
"""What a drift check comes to."""
APPLICATION_ID = 0x534C4447  # "SLDG", in the header of every SQLite ledger

metadata = MetaData(naming_convention=NAMING)

# 64 bits on PostgreSQL; on SQLite only INTEGER is a row id, which has 64 bits as well.
Key = BigInteger().with_variant(Integer(), "sqlite")


class Utc(TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, ISO text of fixed width on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return datetime.fromisoformat(value) if isinstance(value, str) else value


def one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    """Refuse what is not in the closed list."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


imports = Table(
    "imports",
    metadata,
    Column("id", Key, primary_key=True),
    Column("path", Text, nullable=False),
    Column("folder", Text, nullable=False),  # what `file` and NAME.db are relative to
    Column("imported_at", Utc, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("retired", Integer, nullable=False),
    sqlite_autoincrement=True,
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

runners = Table(
    "runners",
    metadata,
    Column("id", Key, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("pid_namespace", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", Text, nullable=False),  # compared as it stands: a pid may be used again
    Column("started_at", Utc, nullable=False),
    Column("heartbeat", Integer, nullable=False, server_default="0"),
    Column("heartbeat_at", Utc, nullable=False),
    Column("options", Text, nullable=False),  # JSON
    Column("version", Text, nullable=False),
    Column("ended_at", Utc),
    Column("ending", Text),
    Column("command", Text, nullable=False, server_default="run"),  # run or drift
    CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_with_a_reason"),
    sqlite_autoincrement=True,
)

slices = Table(
    "slices",
    metadata,
    Column("position", Key, primary_key=True),  # the order of import
    Column("id", Text, nullable=False),
    Column("database_name", Text),
    Column("table_name", Text),
    Column("column_name", Text),
    Column("file", Text),
    Column("train_from", Text, nullable=False),
    Column("train_to", Text, nullable=False),
    Column("test_from", Text, nullable=False),
    Column("test_to", Text, nullable=False),
    Column("active_train_from", Text),
    Column("active_train_to", Text),
    Column("active_test_from", Text),
    Column("active_test_to", Text),
    Column("extra", Text),  # JSON object of the user's own columns
    Column("spec_hash", Text, nullable=False),
    Column("model_group", Text),
    Column("trainer", Text),
    Column("params", Text),  # JSON object
    Column("status", Text, nullable=False, server_default=Status.PENDING.value),
    Column("reason", Text),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("deferred", Integer, nullable=False, server_default="0"),  # 1: behind all others
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("not_before", Utc),
    Column("runner_id", Key, ForeignKey("runners.id")),
    Column("champion_id", Key, ForeignKey("attempts.id", use_alter=True)),
    Column("import_id", Key, ForeignKey("imports.id"), nullable=False),
    UniqueConstraint("id"),
    one_of("status", Status, "known_status"),
    CheckConstraint("(status = 'running') = (runner_id IS NOT NULL)", name="owned_while_running"),
    CheckConstraint("(status = 'waiting') = (not_before IS NOT NULL)", name="waits_until"),
    CheckConstraint("file IS NOT NULL OR database_name IS NOT NULL", name="has_a_source"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("slice_id", Text, ForeignKey("slices.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("runner_id", Key, ForeignKey("runners.id"), nullable=False),
    Column("outcome", Text, nullable=False, server_default=Outcome.RUNNING.value),
    Column("reason", Text),  # the verdict of the gate, or why there is no model
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("load_seconds", Double),
    Column("fit_seconds", Double),
    Column("evaluate_seconds", Double),
    Column("save_seconds", Double),
    Column("train_from", Text, nullable=False),
    Column("train_to", Text, nullable=False),
    Column("test_from", Text, nullable=False),
    Column("test_to", Text, nullable=False),
    Column("train_rows", Integer),
    Column("test_rows", Integer),
    Column("peak_memory", BigInteger),  # bytes
    Column("trainer", Text),
    Column("model_used", Text),
    Column("error_type", Text),
    Column("error_message", Text),
    Column("traceback", Text),
    Column("output", Text),
    Column("warnings", Text),
    Column("code_version", Text),
    Column("seed", BigInteger),
    Column("warm_start_id", Key, ForeignKey("attempts.id")),
    Column("compared_with", Key, ForeignKey("attempts.id")),  # the champion of that time
    Column("compared_by", Text),  # the metric that decided
    Column("champion_score", Double),  # the champion's on the same test range
    UniqueConstraint("slice_id", "number"),
    one_of("outcome", Outcome, "known_outcome"),
    CheckConstraint("(outcome = 'running') = (finished_at IS NULL)", name="finished_when_closed"),
    sqlite_autoincrement=True,
)

metrics = Table(
    "metrics",
    metadata,
    Column("attempt_id", Key, ForeignKey("attempts.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Double),
    Column("kind", Text, nullable=False, server_default="finite"),  # SQLite stores NaN as NULL
    CheckConstraint("kind IN ('finite', 'nan', 'inf', '-inf')", name="known_kind"),
    CheckConstraint("(kind = 'finite') = (value IS NOT NULL)", name="finite_has_a_value"),
    sqlite_with_rowid=False,
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("attempt_id", Key, ForeignKey("attempts.id"), primary_key=True),
    Column("path", Text, primary_key=True),  # relative to the artifact root
    Column("format", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("removed_at", Utc),  # when `ledger gc --keep` gave the file up
    UniqueConstraint("path"),
    sqlite_with_rowid=False,
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("slice_id", Text, ForeignKey("slices.id"), nullable=False),
    Column("attempt_id", Key, ForeignKey("attempts.id"), nullable=False),  # whose model serves from then on
    Column("before_id", Key, ForeignKey("promotions.id")),  # what a rollback returns to
    Column("why", Text, nullable=False),
    Column("at", Utc, nullable=False),
    one_of("why", Why, "known_why"),
    Index("promotions_of_slice", "slice_id", "id"),
    sqlite_autoincrement=True,
)

drift_profiles = Table(
    "drift_profiles",
    metadata,
    Column("attempt_id", Key, ForeignKey("attempts.id"), primary_key=True),
    Column("detector", Text, primary_key=True),
    Column("column_name", Text, primary_key=True),  # '' for values without a name
    Column("profile", LargeBinary),  # only the detector understands it
    Column("problem", Text),  # why there is none
    CheckConstraint("(profile IS NULL) = (problem IS NOT NULL)", name="profile_or_problem"),
    sqlite_with_rowid=False,
)

drift_runs = Table(
    "drift_runs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("runner_id", Key, ForeignKey("runners.id"), nullable=False),  # who may write for it
    Column("started_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Column("ending", Text),
    Column("options", Text, nullable=False),  # JSON
    Column("planned", Integer, nullable=False),  # checks
    *(Column(f"{verdict}_count", Integer) for verdict in VERDICTS),
    CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="drift_run_ended_with_a_reason"),
    CheckConstraint("ending IN ('decided', 'abandoned')", name="known_ending"),
    sqlite_autoincrement=True,
)


def _checked() -> list[Column[Any]]:
    """What a check found, before and after the verdict."""
    return [
        Column("window_from", Text),  # both NULL where there was nothing to look at
        Column("window_to", Text),
        Column("rows", Integer),
        Column("detector", Text, nullable=False),
        Column("statistic", Text),  # level, scale, dynamics, shape, season, or a name of the detector's own
        Column("effect", Double),
        Column("p", Double),  # NULL where nothing could be said
        Column("reason", Text),
        Column("checked_at", Utc, nullable=False),
    ]


drift_findings = Table(
    "drift_findings",
    metadata,
    Column("run_id", Key, ForeignKey("drift_runs.id"), primary_key=True),
    Column("slice_id", Text, ForeignKey("slices.id"), primary_key=True),
    Column("attempt_id", Key, ForeignKey("attempts.id"), nullable=False),  # the model judged
    Column("previous_id", Key),  # the check before it, of the same model, that was not insufficient
    *_checked(),
    Column("confirmed", Integer),  # 1, or 0 for harmless: what the model's own error says
    Column("confirmation", Text),  # the same in words; NULL before it was asked
    sqlite_with_rowid=False,
)

drift_checks = Table(
    "drift_checks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", Key, ForeignKey("drift_runs.id")),
    Column("slice_id", Text, ForeignKey("slices.id"), nullable=False),
    Column("attempt_id", Key, ForeignKey("attempts.id"), nullable=False),  # the model judged
    *_checked(),
    Column("verdict", Text, nullable=False),
    Column("since", Text),  # the end of the window that raised the suspicion
    Column("requeued_at", Utc),  # when the slice was queued again for this check
    one_of("verdict", VERDICTS, "known_verdict"),
    Index("drift_checks_of_slice", "slice_id", "id"),
    sqlite_autoincrement=True,
)

plans = Table(
    "plans",
    metadata,
    Column("id", Key, primary_key=True),
    Column("planned_at", Utc, nullable=False),
    Column("options", Text, nullable=False),  # JSON, as those of a runner
    Column("slices", Integer, nullable=False),  # those that were pending or waiting
    Column("sampled", Integer, nullable=False),  # those of them that were tried
    Column("seconds_low", Double, nullable=False),
    Column("seconds_expected", Double, nullable=False),
    Column("seconds_high", Double, nullable=False),
    Column("memory", BigInteger),  # bytes of one worker at most
    Column("artifact_bytes", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),  # to be read
    Column("bytes", BigInteger, nullable=False),
    Column("recommended", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)
