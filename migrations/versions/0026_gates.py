"""gates that one transaction at a time passes

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import exact

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gates",
        sa.Column("name", exact(32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_gates")),
    )


def downgrade() -> None:
    op.drop_table("gates")
