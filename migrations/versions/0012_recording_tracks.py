"""recordings on media workers: tracks, compositions, who consented

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NEW = {
    "epoch": sa.Integer,
    "worker_id": lambda: Id,
    "ordered_at": UtcDateTime,
    "confirmed_at": UtcDateTime,
    "written_at": UtcDateTime,
    "heard_at": UtcDateTime,
    "rendition_id": lambda: Id,
}


def upgrade() -> None:
    for name, kind in NEW.items():
        op.add_column("recordings", sa.Column(name, kind(), nullable=True))
    op.create_index("ix_recordings_state", "recordings", ["state"])
    op.create_table(
        "recording_tracks",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("participant_id", Id, nullable=False),
        sa.Column("track_id", Id, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", exact(8), nullable=False),
        sa.Column("source", exact(16), nullable=False),
        sa.Column("codec", exact(16), nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("reason", sa.String(100), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", exact(64), nullable=True),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("stats", Json, nullable=False),
        sa.Column("gaps", Json, nullable=False),
        sa.Column("mutes", Json, nullable=False),
        sa.Column("upload_id", Id, nullable=True),
        sa.Column("file_path", exact(255), nullable=True),
        sa.Column("uploaded_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_tracks_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_tracks")),
    )
    op.create_index("ix_recording_tracks_recording_id", "recording_tracks", ["recording_id"])
    op.create_table(
        "recording_renditions",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("layout", exact(16), nullable=False),
        sa.Column("audio_only", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=True),
        sa.Column("heard_at", UtcDateTime(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("file_path", exact(255), nullable=True),
        sa.Column("poster_path", exact(255), nullable=True),
        sa.Column("waveform_path", exact(255), nullable=True),
        sa.Column("content_type", sa.String(100), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", exact(64), nullable=True),
        sa.Column("chapters", Json, nullable=False),
        sa.Column("warnings", Json, nullable=False),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_renditions_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_renditions")),
    )
    op.create_index("ix_recording_renditions_recording_id", "recording_renditions", ["recording_id"])
    op.create_table(
        "recording_consents",
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_consents_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recording_consents_user_id_users")),
        sa.PrimaryKeyConstraint("recording_id", "user_id", name=op.f("pk_recording_consents")),
    )


def downgrade() -> None:
    for table in ("recording_consents", "recording_renditions", "recording_tracks"):
        op.drop_table(table)
    op.drop_index("ix_recordings_state", "recordings")
    for name in reversed(NEW):
        op.drop_column("recordings", name)
