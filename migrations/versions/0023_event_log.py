"""events are a log that can be read, and that a broker gets

What was recorded until now has another form, and nobody could read it: it goes. Each meeting's numbers go on.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, UtcDateTime, exact

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM events")
    op.add_column("events", sa.Column("user_id", Id, nullable=True))
    op.add_column("events", sa.Column("version", sa.Integer(), server_default=sa.text("'1'"), nullable=False))
    op.create_table(
        "event_cursors",
        sa.Column("name", exact(16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("holder", Id, nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_event_cursors")),
    )


def downgrade() -> None:
    op.drop_table("event_cursors")
    with op.batch_alter_table("events") as table:
        table.drop_column("version")
        table.drop_column("user_id")
    op.execute("UPDATE events SET position = NULL")
