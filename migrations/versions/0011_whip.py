"""WHIP and WHEP sessions, and the participants that they are

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import LongText, UtcDateTime, exact

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "meeting_participants",
        sa.Column("kept_by_media", sa.Boolean(), nullable=False, server_default=sa.text("'0'")),
    )
    op.create_table(
        "whip_sessions",
        sa.Column("participant_id", exact(36), nullable=False),
        sa.Column("kind", exact(4), nullable=False),
        sa.Column("offer", LongText, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("negotiation", sa.Integer(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["meeting_participants.id"],
            name=op.f("fk_whip_sessions_participant_id_meeting_participants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_whip_sessions")),
    )


def downgrade() -> None:
    op.drop_table("whip_sessions")
    op.drop_column("meeting_participants", "kept_by_media")
