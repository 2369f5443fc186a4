"""guests come by a meeting's code

Revision ID: 0003_guests
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_guests"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = (("meetings", "guests_allowed"), ("meeting_participants", "is_guest"))


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, sa.Boolean(), server_default=sa.text("'0'"), nullable=False))


def downgrade() -> None:
    for table, column in reversed(COLUMNS):
        op.drop_column(table, column)
