"""calls that were recorded elsewhere, corrections of transcripts, and what was spent

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("account", sa.String(200), nullable=True),
        sa.Column("deal", sa.String(200), nullable=True),
        sa.Column("agent", sa.String(100), nullable=True),
        sa.Column("customer", sa.String(100), nullable=True),
        sa.Column("language", exact(35), nullable=True),
        sa.Column("channel_names", Json, nullable=False),
        sa.Column("held_at", UtcDateTime(), nullable=True),
        sa.Column("upload_id", Id, nullable=False),
        sa.Column("file_path", exact(255), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calls_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
        sa.UniqueConstraint("user_id", "sha256", name=op.f("uq_calls_user_id_sha256")),
    )
    with op.batch_alter_table("ai_notes") as notes:
        notes.alter_column("meeting_id", existing_type=exact(36), nullable=True)
        notes.add_column(sa.Column("call_id", exact(36), nullable=True))
        notes.add_column(sa.Column("transcript_revision", sa.Integer(), nullable=False, server_default=sa.text("'1'")))
        notes.create_foreign_key(op.f("fk_ai_notes_call_id_calls"), "calls", ["call_id"], ["id"], ondelete="CASCADE")
        notes.create_unique_constraint(op.f("uq_ai_notes_call_id_version"), ["call_id", "version"])
    op.create_table(
        "notes_corrections",
        sa.Column("id", Id, nullable=False),
        sa.Column("meeting_id", Id, nullable=True),
        sa.Column("call_id", Id, nullable=True),
        sa.Column("kind", exact(8), nullable=False),
        sa.Column("speaker_id", exact(128), nullable=True),
        sa.Column("track_id", exact(64), nullable=True),
        sa.Column("start_s", sa.Double(), nullable=False),
        sa.Column("end_s", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by_user_id", Id, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_notes_corrections_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_notes_corrections_call_id_calls"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["by_user_id"], ["users.id"], name=op.f("fk_notes_corrections_by_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes_corrections")),
    )
    op.create_index("ix_notes_corrections_meeting_id", "notes_corrections", ["meeting_id"])
    op.create_index("ix_notes_corrections_call_id", "notes_corrections", ["call_id"])
    op.create_table(
        "spending",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("month", exact(7), nullable=False),
        sa.Column("meeting_id", Id, nullable=True),
        sa.Column("call_id", Id, nullable=True),
        sa.Column("notes_id", Id, nullable=False),
        sa.Column("stage", exact(16), nullable=False),
        sa.Column("provider", exact(32), nullable=False),
        sa.Column("model", sa.String(100), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("spent_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_spending_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spending")),
    )
    op.create_index("ix_spending_user_id_month", "spending", ["user_id", "month"])


def downgrade() -> None:
    op.drop_table("spending")
    op.drop_table("notes_corrections")
    op.execute("DELETE FROM ai_notes WHERE meeting_id IS NULL")
    with op.batch_alter_table("ai_notes") as notes:
        notes.drop_constraint(op.f("fk_ai_notes_call_id_calls"), type_="foreignkey")
        notes.drop_constraint(op.f("uq_ai_notes_call_id_version"), type_="unique")
        notes.drop_column("transcript_revision")
        notes.drop_column("call_id")
        notes.alter_column("meeting_id", existing_type=exact(36), nullable=False)
    op.drop_table("calls")
