"""chat: messages, reactions, read marks

Revision ID: chat
Revises: uploads
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime, exact

revision = "chat"
down_revision = "uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With defaults of the database, for the rows that are there. (To take them away again, SQLite would have to copy
    # the table, and dropping the old one takes along what refers to it.)
    op.add_column("meetings", sa.Column("chat_retention", exact(16), nullable=False, server_default="keep"))
    op.add_column("meetings", sa.Column("message_head", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "chat_messages",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", exact(8), nullable=False),
        sa.Column("sender_id", exact(36), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("client_ref", exact(64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("edited_at", UtcDateTime(), nullable=True),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_chat_messages_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_chat_messages_sender_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_messages")),
        sa.UniqueConstraint("meeting_id", "number", name=op.f("uq_chat_messages_meeting_id_number")),
        sa.UniqueConstraint(
            "meeting_id", "sender_id", "client_ref", name=op.f("uq_chat_messages_meeting_id_sender_id_client_ref")
        ),
    )
    op.create_table(
        "chat_reactions",
        sa.Column("message_id", exact(36), nullable=False),
        sa.Column("emoji", exact(13), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["chat_messages.id"],
            name=op.f("fk_chat_reactions_message_id_chat_messages"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_chat_reactions_user_id_users")),
        sa.PrimaryKeyConstraint("message_id", "emoji", "user_id", name=op.f("pk_chat_reactions")),
    )
    op.create_table(
        "chat_read_marks",
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("up_to", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_chat_read_marks_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_chat_read_marks_user_id_users")),
        sa.PrimaryKeyConstraint("meeting_id", "user_id", name=op.f("pk_chat_read_marks")),
    )


def downgrade() -> None:
    op.drop_table("chat_read_marks")
    op.drop_table("chat_reactions")
    op.drop_table("chat_messages")
    op.drop_column("meetings", "message_head")
    op.drop_column("meetings", "chat_retention")
