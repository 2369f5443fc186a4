"""notes are made in stages

Revision ID: 0017
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ai_notes", sa.Column("language", exact(35), nullable=True))
    op.add_column("ai_notes", sa.Column("error_code", exact(64), nullable=True))
    op.create_table(
        "notes_stages",
        sa.Column("id", Id, nullable=False),
        sa.Column("notes_id", Id, nullable=False),
        sa.Column("name", exact(16), nullable=False),
        sa.Column("part", exact(64), nullable=False),
        sa.Column("key", exact(64), nullable=True),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("provider", exact(32), nullable=True),
        sa.Column("model", sa.String(100), nullable=True),
        sa.Column("is_taken_over", sa.Boolean(), nullable=False, server_default=sa.text("'0'")),
        sa.Column("input", Json, nullable=True),
        sa.Column("result", Json, nullable=True),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("error_code", exact(64), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("heard_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notes_id"], ["ai_notes.id"], name=op.f("fk_notes_stages_notes_id_ai_notes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes_stages")),
        sa.UniqueConstraint("notes_id", "name", "part", name=op.f("uq_notes_stages_notes_id_name_part")),
    )
    op.create_index("ix_notes_stages_key", "notes_stages", ["key"])


def downgrade() -> None:
    op.drop_table("notes_stages")
    op.drop_column("ai_notes", "error_code")
    op.drop_column("ai_notes", "language")
