"""tracks that participants record themselves

Revision ID: 0015
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import exact

revision = "0015"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("local_tracks", sa.Boolean(), nullable=False, server_default=sa.text("'0'")))
    op.add_column("recording_tracks", sa.Column("origin", exact(8), nullable=False, server_default="server"))
    op.add_column("recording_tracks", sa.Column("clock_offset_ms", sa.Double(), nullable=True))
    op.add_column("recording_tracks", sa.Column("clock_uncertainty_ms", sa.Double(), nullable=True))
    op.create_index("ix_recording_tracks_upload_id", "recording_tracks", ["upload_id"])
    with op.batch_alter_table("uploads") as uploads:
        uploads.alter_column("size", existing_type=sa.BigInteger(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM uploads WHERE size IS NULL")
    with op.batch_alter_table("uploads") as uploads:
        uploads.alter_column("size", existing_type=sa.BigInteger(), nullable=False)
    op.drop_index("ix_recording_tracks_upload_id", "recording_tracks")
    op.drop_column("recording_tracks", "clock_uncertainty_ms")
    op.drop_column("recording_tracks", "clock_offset_ms")
    op.drop_column("recording_tracks", "origin")
    op.drop_column("recordings", "local_tracks")
