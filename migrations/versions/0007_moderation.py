"""who waits to be let in, who helps to host, who is banned, who may do what

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Json, UtcDateTime, exact

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meetings", sa.Column("lobby", exact(8), nullable=False, server_default="off"))
    op.add_column("meetings", sa.Column("locked_at", UtcDateTime(), nullable=True))
    op.add_column("meetings", sa.Column("permissions", Json, nullable=True))
    op.add_column("meeting_people", sa.Column("role", exact(16), nullable=True))
    op.add_column("meeting_participants", sa.Column("given_role", exact(16), nullable=True))
    op.add_column("meeting_participants", sa.Column("hand_raised_at", UtcDateTime(), nullable=True))
    op.add_column("meeting_participants", sa.Column("admitted_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE meeting_participants SET admitted_at = joined_at WHERE state <> 'waiting'")
    op.execute(sa.text("UPDATE meeting_participants SET hand_raised_at = joined_at WHERE hand = true"))


def downgrade() -> None:
    for column in ("admitted_at", "hand_raised_at", "given_role"):
        op.drop_column("meeting_participants", column)
    op.drop_column("meeting_people", "role")
    for column in ("permissions", "locked_at", "lobby"):
        op.drop_column("meetings", column)
