"""why a recording ended

Revision ID: 0016
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import exact

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("end_reason", exact(32), nullable=True))


def downgrade() -> None:
    op.drop_column("recordings", "end_reason")
