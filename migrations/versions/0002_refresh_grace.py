"""a session knows the refresh token that was used last

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import exact

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("previous_refresh_jti", exact(36), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "previous_refresh_jti")
