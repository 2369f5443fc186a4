"""what is booked before it is spent knows for which stage

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("spending") as table:
        table.add_column(sa.Column("open_stage_id", Id, nullable=True))
        table.create_index(op.f("ix_spending_open_stage_id"), ["open_stage_id"])


def downgrade() -> None:
    with op.batch_alter_table("spending") as table:
        table.drop_index(op.f("ix_spending_open_stage_id"))
        table.drop_column("open_stage_id")
