"""recordings have titles, shared links, exports, and days that they are kept

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recordings", sa.Column("title", sa.String(200), nullable=False, server_default=sa.text("''")))
    op.add_column("recordings", sa.Column("title_folded", exact(600), nullable=False, server_default=sa.text("''")))
    _name_after_meetings()
    op.add_column(
        "recording_renditions", sa.Column("clean", exact(16), nullable=False, server_default=sa.text("'none'"))
    )
    op.add_column("meetings", sa.Column("recordings_keep_days", sa.Integer(), nullable=True))
    op.create_index("ix_meetings_recordings_keep_days", "meetings", ["recordings_keep_days"])
    op.create_table(
        "recording_shares",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("created_by", Id, nullable=False),
        sa.Column("secret_hash", exact(64), nullable=False),
        sa.Column("passcode_hash", sa.String(255), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_shares_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_recording_shares_created_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_shares")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_recording_shares_secret_hash")),
    )
    op.create_index("ix_recording_shares_recording_id", "recording_shares", ["recording_id"])
    op.create_index("ix_recording_shares_expires_at", "recording_shares", ["expires_at"])
    op.create_table(
        "recording_exports",
        sa.Column("id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=False),
        sa.Column("format", exact(16), nullable=False),
        sa.Column("clean", exact(16), nullable=False),
        sa.Column("made_of", exact(64), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("heard_at", UtcDateTime(), nullable=True),
        sa.Column("file_path", exact(255), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", exact(64), nullable=True),
        sa.Column("warnings", Json, nullable=False),
        sa.Column("error", sa.String(500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_recording_exports_recording_id_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_exports")),
    )
    op.create_index("ix_recording_exports_recording_id", "recording_exports", ["recording_id"])


def downgrade() -> None:
    op.drop_table("recording_exports")
    op.drop_table("recording_shares")
    op.drop_index("ix_meetings_recordings_keep_days", "meetings")
    op.drop_column("meetings", "recordings_keep_days")
    op.drop_column("recording_renditions", "clean")
    op.drop_column("recordings", "title_folded")
    op.drop_column("recordings", "title")


def _name_after_meetings() -> None:
    """Those that are there are called as their meetings are. (SQLite's lower() leaves what is not ASCII as it is:
    such an old recording is found by its letters as they stand.)
    """
    of_meeting = "(SELECT {} FROM meetings WHERE meetings.id = recordings.meeting_id)"
    titles = of_meeting.format("title"), of_meeting.format("lower(title)")
    op.execute(f"UPDATE recordings SET title = {titles[0]}, title_folded = {titles[1]}")  # noqa: S608
