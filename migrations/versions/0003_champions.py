"""What a new model was compared with, and which drift checks were acted on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

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
    op.add_column("drift_checks", sa.Column("requeued_at", UTC_TIME, nullable=True))
