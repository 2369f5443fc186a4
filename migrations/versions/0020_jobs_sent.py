"""when Celery workers were told of a job

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("sent_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "sent_at")
