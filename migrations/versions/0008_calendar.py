"""series, calendar feeds, caps on minutes; a person's list of meetings from one index

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime, exact

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meeting_series",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("owner_id", exact(36), nullable=False),
        sa.Column("code", exact(16), nullable=False),
        sa.Column("rule", exact(400), nullable=False),
        sa.Column("wall_start", exact(19), nullable=False),
        sa.Column("time_zone", exact(64), nullable=False),
        sa.Column("template", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_until", UtcDateTime(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("erased_starts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_meeting_series_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_series")),
        sa.UniqueConstraint("code", name=op.f("uq_meeting_series_code")),
    )
    op.create_index(op.f("ix_meeting_series_owner_id"), "meeting_series", ["owner_id"])
    op.create_index("ix_meeting_series_is_complete_made_until", "meeting_series", ["is_complete", "made_until"])
    op.create_table(
        "calendar_feeds",
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("secret_hash", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calendar_feeds_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_calendar_feeds_secret_hash")),
    )

    for column in ("max_duration_min", "ends_by", "ending_told_at"):
        kind = sa.Integer() if column == "max_duration_min" else UtcDateTime()
        op.add_column("meetings", sa.Column(column, kind, nullable=True))
    op.create_index(op.f("ix_meetings_ends_by"), "meetings", ["ends_by"])
    op.create_index("ix_meetings_series_id_original_start", "meetings", ["series_id", "original_start"], unique=True)
    op.drop_index(op.f("ix_meetings_series_id"), "meetings")

    op.add_column("meeting_people", sa.Column("state", exact(16), nullable=True))
    op.add_column("meeting_people", sa.Column("sort_at", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE meeting_people SET"
        " state = (SELECT meetings.state FROM meetings WHERE meetings.id = meeting_people.meeting_id),"
        " sort_at = (SELECT meetings.sort_at FROM meetings WHERE meetings.id = meeting_people.meeting_id)"
    )
    with op.batch_alter_table("meeting_people") as people:
        people.alter_column("state", existing_type=exact(16), nullable=False)
        people.alter_column("sort_at", existing_type=UtcDateTime(), nullable=False)
    op.create_index("ix_meeting_people_user_id_sort_at", "meeting_people", ["user_id", "sort_at", "meeting_id"])
    op.create_index(
        "ix_meeting_people_user_id_state_sort_at", "meeting_people", ["user_id", "state", "sort_at", "meeting_id"]
    )
    op.drop_index(op.f("ix_meeting_people_user_id"), "meeting_people")

    with op.batch_alter_table("invitations") as invitations:
        invitations.alter_column("meeting_id", existing_type=exact(36), nullable=True)
        invitations.add_column(sa.Column("series_id", exact(36), nullable=True))
        invitations.add_column(sa.Column("parent_id", exact(36), nullable=True))
        invitations.create_foreign_key(
            op.f("fk_invitations_series_id_meeting_series"), "meeting_series", ["series_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index(op.f("ix_invitations_parent_id"), "invitations", ["parent_id"])
    op.create_index("ix_invitations_series_id_email", "invitations", ["series_id", "email"], unique=True)
    op.create_index("ix_invitations_series_id_invitee_id", "invitations", ["series_id", "invitee_id"], unique=True)


def downgrade() -> None:
    """Occurrences stay as meetings of their own; who was asked to a series is asked to nothing any more."""
    op.execute("DELETE FROM invitations WHERE meeting_id IS NULL")
    with op.batch_alter_table("invitations") as invitations:
        invitations.drop_constraint(op.f("fk_invitations_series_id_meeting_series"), type_="foreignkey")
    for index in ("ix_invitations_series_id_email", "ix_invitations_series_id_invitee_id", "ix_invitations_parent_id"):
        op.drop_index(index, "invitations")
    with op.batch_alter_table("invitations") as invitations:
        invitations.drop_column("parent_id")
        invitations.drop_column("series_id")
        invitations.alter_column("meeting_id", existing_type=exact(36), nullable=False)

    op.create_index(op.f("ix_meeting_people_user_id"), "meeting_people", ["user_id"])
    op.drop_index("ix_meeting_people_user_id_state_sort_at", "meeting_people")
    op.drop_index("ix_meeting_people_user_id_sort_at", "meeting_people")
    op.drop_column("meeting_people", "sort_at")
    op.drop_column("meeting_people", "state")

    op.create_index(op.f("ix_meetings_series_id"), "meetings", ["series_id"])
    op.drop_index("ix_meetings_series_id_original_start", "meetings")
    op.drop_index(op.f("ix_meetings_ends_by"), "meetings")
    for column in ("ending_told_at", "ends_by", "max_duration_min"):
        op.drop_column("meetings", column)

    op.drop_table("calendar_feeds")
    op.drop_table("meeting_series")
