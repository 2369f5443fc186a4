"""how calls go, as the devices in them measure it

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_quality",
        sa.Column("participant_id", Id, nullable=False),
        sa.Column("meeting_id", Id, nullable=False),
        sa.Column("first_told_at", UtcDateTime(), nullable=False),
        sa.Column("told_at", UtcDateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_poor", sa.Boolean(), nullable=False),
        sa.Column("last", Json, nullable=False),
        sa.Column("worst", Json, nullable=False),
        sa.Column("sums", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["meeting_participants.id"],
            name=op.f("fk_call_quality_participant_id_meeting_participants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_call_quality_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_call_quality")),
    )
    op.create_index(op.f("ix_call_quality_meeting_id"), "call_quality", ["meeting_id"])
    op.create_index(op.f("ix_call_quality_told_at"), "call_quality", ["told_at"])


def downgrade() -> None:
    op.drop_table("call_quality")
