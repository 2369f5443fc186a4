"""how the tracks of a meeting do, as its media worker told last

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rtc_stats",
        sa.Column("meeting_id", Id, nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.Column("tracks", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_rtc_stats_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("meeting_id", name=op.f("pk_rtc_stats")),
    )


def downgrade() -> None:
    op.drop_table("rtc_stats")
