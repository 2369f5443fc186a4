"""what processes count

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Json

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("processes", sa.Column("figures", Json, nullable=True))


def downgrade() -> None:
    op.drop_column("processes", "figures")
