"""Every change of champion, what a new model was compared with, and which drift checks were acted on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    key = "INTEGER" if op.get_context().dialect.name == "sqlite" else "BIGINT"
    # In one statement: SQLite adds a reference with its column or not at all.
    op.execute(
        f"ALTER TABLE attempts ADD COLUMN compared_with {key} "
        "CONSTRAINT attempts_compared_with_fkey REFERENCES attempts (id)"
    )
    op.add_column("attempts", sa.Column("compared_by", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("champion_score", sa.Double(), nullable=True))
    op.add_column("artifacts", sa.Column("removed_at", UTC_TIME, nullable=True))
    op.add_column("drift_checks", sa.Column("requeued_at", UTC_TIME, nullable=True))
    op.create_table(
        "promotions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("slice_id", sa.Text(), nullable=False),
        sa.Column("attempt_id", KEY, nullable=False),
        sa.Column("before_id", KEY, nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", UTC_TIME, nullable=False),
        sa.CheckConstraint("why IN ('trained', 'promoted', 'rolled back')", name="known_why"),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name="promotions_attempt_id_fkey"),
        sa.ForeignKeyConstraint(["before_id"], ["promotions.id"], name="promotions_before_id_fkey"),
        sa.ForeignKeyConstraint(["slice_id"], ["slices.id"], name="promotions_slice_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="promotions_pkey"),
        sqlite_autoincrement=True,
    )
    op.create_index("promotions_of_slice", "promotions", ["slice_id", "id"], unique=False)
    # Until now every success became the champion, one after the other.
    op.execute(
        "INSERT INTO promotions (id, slice_id, attempt_id, before_id, why, at) "
        "SELECT id, slice_id, id, LAG(id) OVER (PARTITION BY slice_id ORDER BY number), 'trained', "
        "finished_at FROM attempts WHERE outcome = 'succeeded'"
    )
    if key == "BIGINT":
        op.execute("SELECT setval(pg_get_serial_sequence('promotions', 'id'), max(id)) FROM promotions")
