"""uploads

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime, exact

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("purpose", exact(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("client_ref", exact(100), nullable=True),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("object_key", exact(255), nullable=False),
        sa.Column("store_id", exact(1024), nullable=True),
        sa.Column("sha256", exact(64), nullable=True),
        sa.Column("error_code", exact(64), nullable=True),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_uploads_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_user_id_state", "uploads", ["user_id", "state"])
    op.create_index("ix_uploads_state_expires_at", "uploads", ["state", "expires_at"])


def downgrade() -> None:
    op.drop_table("uploads")
