"""Plans: what a run was expected to cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UTC_TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", KEY, nullable=False),
        sa.Column("planned_at", UTC_TIME, nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("slices", sa.Integer(), nullable=False),
        sa.Column("sampled", sa.Integer(), nullable=False),
        sa.Column("seconds_low", sa.Double(), nullable=False),
        sa.Column("seconds_expected", sa.Double(), nullable=False),
        sa.Column("seconds_high", sa.Double(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=True),
        sa.Column("artifact_bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("recommended", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="plans_pkey"),
        sqlite_autoincrement=True,
    )
