"""what people want done with what they say, and what they entrust for other services

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime, exact

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WISHES = ("ai_transcribe", "ai_analyse")


def upgrade() -> None:
    for table in ("users", "meeting_participants"):
        for wish in WISHES:
            op.add_column(table, sa.Column(wish, sa.Boolean(), nullable=False, server_default=sa.text("'1'")))
    op.create_table(
        "integrations",
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("name", exact(64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_integrations_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "name", name=op.f("pk_integrations")),
    )


def downgrade() -> None:
    op.drop_table("integrations")
    for table in ("meeting_participants", "users"):
        for wish in reversed(WISHES):
            op.drop_column(table, wish)
