"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
CHAMPION = "slices_champion_id_fkey"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("imported_at", UTC_TIME, nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "runners",
        sa.Column("id", KEY, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("pid_namespace", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.Text(), nullable=False),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("heartbeat", sa.Integer(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", UTC_TIME, nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("ended_at", UTC_TIME, nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_with_a_reason"),
        sa.PrimaryKeyConstraint("id", name="runners_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="settings_pkey"),
    )
    # Slices name their champion among the attempts, attempts name their slice: PostgreSQL gets
    # that key when both tables are there, SQLite can only take it with the table.
    on_sqlite = op.get_context().dialect.name == "sqlite"
    champion = [sa.ForeignKeyConstraint(["champion_id"], ["attempts.id"], name=CHAMPION)] if on_sqlite else []
    op.create_table(
        "slices",
        sa.Column("position", KEY, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("database_name", sa.Text(), nullable=True),
        sa.Column("table_name", sa.Text(), nullable=True),
        sa.Column("column_name", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("train_from", sa.Text(), nullable=False),
        sa.Column("train_to", sa.Text(), nullable=False),
        sa.Column("test_from", sa.Text(), nullable=False),
        sa.Column("test_to", sa.Text(), nullable=False),
        sa.Column("active_train_from", sa.Text(), nullable=True),
        sa.Column("active_train_to", sa.Text(), nullable=True),
        sa.Column("active_test_from", sa.Text(), nullable=True),
        sa.Column("active_test_to", sa.Text(), nullable=True),
        sa.Column("extra", sa.Text(), nullable=True),
        sa.Column("spec_hash", sa.Text(), nullable=False),
        sa.Column("model_group", sa.Text(), nullable=True),
        sa.Column("trainer", sa.Text(), nullable=True),
        sa.Column("params", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deferred", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crashes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", UTC_TIME, nullable=True),
        sa.Column("runner_id", KEY, nullable=True),
        sa.Column("champion_id", KEY, nullable=True),
        sa.Column("import_id", KEY, nullable=False),
        sa.CheckConstraint("(status = 'running') = (runner_id IS NOT NULL)", name="owned_while_running"),
        sa.CheckConstraint("(status = 'waiting') = (not_before IS NOT NULL)", name="waits_until"),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'succeeded', 'rejected', 'waiting', 'failed', 'retired')",
            name="known_status",
        ),
        sa.CheckConstraint("file IS NOT NULL OR database_name IS NOT NULL", name="has_a_source"),
        *champion,
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="slices_import_id_fkey"),
        sa.ForeignKeyConstraint(["runner_id"], ["runners.id"], name="slices_runner_id_fkey"),
        sa.PrimaryKeyConstraint("position", name="slices_pkey"),
        sa.UniqueConstraint("id", name="slices_id_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "slices_pending",
        "slices",
        ["deferred", sa.text("priority DESC"), "position"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "slices_failed",
        "slices",
        ["position"],
        unique=False,
        sqlite_where=sa.text("status = 'failed'"),
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index(
        "slices_rejected",
        "slices",
        ["position"],
        unique=False,
        sqlite_where=sa.text("status = 'rejected'"),
        postgresql_where=sa.text("status = 'rejected'"),
    )
    op.create_index(
        "slices_retired",
        "slices",
        ["position"],
        unique=False,
        sqlite_where=sa.text("status = 'retired'"),
        postgresql_where=sa.text("status = 'retired'"),
    )
    op.create_index(
        "slices_running",
        "slices",
        ["runner_id"],
        unique=False,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "slices_succeeded",
        "slices",
        ["position"],
        unique=False,
        sqlite_where=sa.text("status = 'succeeded'"),
        postgresql_where=sa.text("status = 'succeeded'"),
    )
    op.create_index(
        "slices_waiting",
        "slices",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", KEY, nullable=False),
        sa.Column("slice_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("runner_id", KEY, nullable=False),
        sa.Column("outcome", sa.Text(), server_default="running", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("finished_at", UTC_TIME, nullable=True),
        sa.Column("load_seconds", sa.Double(), nullable=True),
        sa.Column("fit_seconds", sa.Double(), nullable=True),
        sa.Column("evaluate_seconds", sa.Double(), nullable=True),
        sa.Column("save_seconds", sa.Double(), nullable=True),
        sa.Column("train_from", sa.Text(), nullable=False),
        sa.Column("train_to", sa.Text(), nullable=False),
        sa.Column("test_from", sa.Text(), nullable=False),
        sa.Column("test_to", sa.Text(), nullable=False),
        sa.Column("train_rows", sa.Integer(), nullable=True),
        sa.Column("test_rows", sa.Integer(), nullable=True),
        sa.Column("peak_memory", sa.BigInteger(), nullable=True),
        sa.Column("trainer", sa.Text(), nullable=True),
        sa.Column("model_used", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("warm_start_id", KEY, nullable=True),
        sa.CheckConstraint("(outcome = 'running') = (finished_at IS NULL)", name="finished_when_closed"),
        sa.CheckConstraint(
            "outcome IN ('running', 'succeeded', 'rejected', 'failed', 'timeout', 'crashed', "
            "'interrupted', 'lost')",
            name="known_outcome",
        ),
        sa.ForeignKeyConstraint(["runner_id"], ["runners.id"], name="attempts_runner_id_fkey"),
        sa.ForeignKeyConstraint(["slice_id"], ["slices.id"], name="attempts_slice_id_fkey"),
        sa.ForeignKeyConstraint(["warm_start_id"], ["attempts.id"], name="attempts_warm_start_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="attempts_pkey"),
        sa.UniqueConstraint("slice_id", "number", name="attempts_slice_id_number_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "artifacts",
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="artifacts_attempt_id_fkey"),
        sa.PrimaryKeyConstraint("attempt_id", "path", name="artifacts_pkey"),
        sa.UniqueConstraint("path", name="artifacts_path_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "drift_checks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("slice_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("window_from", sa.Text(), nullable=False),
        sa.Column("window_to", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Double(), nullable=True),
        sa.Column("effect", sa.Double(), nullable=True),
        sa.Column("p", sa.Double(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checked_at", UTC_TIME, nullable=False),
        sa.CheckConstraint(
            "verdict IN ('stable', 'suspect', 'drifted', 'insufficient', 'common_cause')",
            name="known_verdict",
        ),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="drift_checks_attempt_id_fkey"),
        sa.ForeignKeyConstraint(["slice_id"], ["slices.id"], name="drift_checks_slice_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="drift_checks_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("drift_checks_of_slice", "drift_checks", ["slice_id", "id"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="finite", nullable=False),
        sa.CheckConstraint("(kind = 'finite') = (value IS NOT NULL)", name="finite_has_a_value"),
        sa.CheckConstraint("kind IN ('finite', 'nan', 'inf', '-inf')", name="known_kind"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="metrics_attempt_id_fkey"),
        sa.PrimaryKeyConstraint("attempt_id", "name", name="metrics_pkey"),
        sqlite_with_rowid=False,
    )
    if not on_sqlite:
        op.create_foreign_key(CHAMPION, "slices", "attempts", ["champion_id"], ["id"])
