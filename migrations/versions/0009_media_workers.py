"""media workers and their leases

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "media_workers",
        sa.Column("id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("inbox_id", Id, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("engine", sa.String(32), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("load", sa.Double(), nullable=False),
        sa.Column("participants", sa.Integer(), nullable=False),
        sa.Column("tracks", sa.Integer(), nullable=False),
        sa.Column("stats", Json, nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("renewed_at", UtcDateTime(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("gone_reason", exact(16), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_workers_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_workers")),
    )
    op.create_index("ix_media_workers_user_id", "media_workers", ["user_id"])
    op.create_index("ix_media_workers_gone_at", "media_workers", ["gone_at"])


def downgrade() -> None:
    op.drop_table("media_workers")
