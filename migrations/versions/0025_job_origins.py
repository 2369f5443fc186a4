"""which request a job goes back to

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Json

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("origin", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "origin")
