"""Drift checks: profiles of what was trained on, runs of checks, and findings before their verdict."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
VERDICTS = ("stable", "suspect", "drifted", "insufficient", "common_cause")
OLD = ("id", "slice_id", "attempt_id", "window_from", "window_to", "detector", "effect", "p", "verdict")


def upgrade() -> None:
    op.add_column("runners", sa.Column("command", sa.Text(), server_default="run", nullable=False))
    op.create_table(
        "drift_profiles",
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("(profile IS NULL) = (problem IS NOT NULL)", name="profile_or_problem"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="drift_profiles_attempt_id_fkey"),
        sa.PrimaryKeyConstraint("attempt_id", "detector", "column_name", name="drift_profiles_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "drift_runs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("runner_id", KEY, nullable=False),
        sa.Column("started_at", UTC_TIME, nullable=False),
        sa.Column("ended_at", UTC_TIME, nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        *(sa.Column(f"{verdict}_count", sa.Integer(), nullable=True) for verdict in VERDICTS),
        sa.CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="drift_run_ended_with_a_reason"),
        sa.CheckConstraint("ending IN ('decided', 'abandoned')", name="known_ending"),
        sa.ForeignKeyConstraint(["runner_id"], ["runners.id"], name="drift_runs_runner_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="drift_runs_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "drift_findings",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("slice_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("previous_id", KEY, nullable=True),
        *checked(),
        sa.Column("confirmed", sa.Integer(), nullable=True),
        sa.Column("confirmation", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["drift_runs.id"], name="drift_findings_run_id_fkey"),
        sa.ForeignKeyConstraint(["slice_id"], ["slices.id"], name="drift_findings_slice_id_fkey"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="drift_findings_attempt_id_fkey"),
        sa.PrimaryKeyConstraint("run_id", "slice_id", name="drift_findings_pkey"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        rebuild_checks()
    else:
        alter_checks()


def checked() -> list[sa.Column]:
    return [
        sa.Column("window_from", sa.Text(), nullable=True),
        sa.Column("window_to", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Text(), nullable=True),
        sa.Column("effect", sa.Double(), nullable=True),
        sa.Column("p", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checked_at", UTC_TIME, nullable=False),
    ]


def rebuild_checks() -> None:
    """SQLite changes no column: a new table takes the place of the old one, which nothing names."""
    op.create_table(
        "drift_checks_new",
        sa.Column("id", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("slice_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", KEY, nullable=False),
        *checked(),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("since", sa.Text(), nullable=True),
        sa.Column("requeued_at", UTC_TIME, nullable=True),
        sa.CheckConstraint(
            f"verdict IN ({', '.join(map(repr, VERDICTS))})",
            name="known_verdict",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["drift_runs.id"], name="drift_checks_run_id_fkey"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="drift_checks_attempt_id_fkey"),
        sa.ForeignKeyConstraint(["slice_id"], ["slices.id"], name="drift_checks_slice_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="drift_checks_pkey"),
        sqlite_autoincrement=True,
    )
    kept = ", ".join((*OLD, "statistic", "reason", "checked_at", "requeued_at"))
    op.execute(f"INSERT INTO drift_checks_new ({kept}) SELECT {kept} FROM drift_checks")
    # An id that was ever given is not given again.
    op.execute(
        "UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'drift_checks') "
        "WHERE name = 'drift_checks_new'"
    )
    op.drop_table("drift_checks")
    op.rename_table("drift_checks_new", "drift_checks")
    op.create_index("drift_checks_of_slice", "drift_checks", ["slice_id", "id"], unique=False)


def alter_checks() -> None:
    op.add_column("drift_checks", sa.Column("run_id", KEY, nullable=True))
    op.add_column("drift_checks", sa.Column("rows", sa.Integer(), nullable=True))
    op.add_column("drift_checks", sa.Column("since", sa.Text(), nullable=True))
    op.create_foreign_key("drift_checks_run_id_fkey", "drift_checks", "drift_runs", ["run_id"], ["id"])
    op.alter_column("drift_checks", "statistic", type_=sa.Text(), postgresql_using="statistic::text")
    for name in ("window_from", "window_to"):
        op.alter_column("drift_checks", name, nullable=True)
