"""first tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from app.core.db import UtcDateTime, exact

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_heads",
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("meeting_id", name=op.f("pk_event_heads")),
    )
    op.create_table(
        "events",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("name", exact(64), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("meeting_id", "seq", name=op.f("uq_events_meeting_id_seq")),
        sa.UniqueConstraint("position", name=op.f("uq_events_position")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_created_at"), ["created_at"], unique=False)

    op.create_table(
        "idempotency_keys",
        sa.Column("scope", exact(64), nullable=False),
        sa.Column("fingerprint", exact(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mariadb").with_variant(mysql.MEDIUMBLOB(), "mysql"),
            nullable=False,
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_idempotency_keys")),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_keys_created_at"), ["created_at"], unique=False)

    op.create_table(
        "inboxes",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("kind", exact(16), nullable=False),
        sa.Column("owner_id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=True),
        sa.Column("address", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("acked_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("poll_id", exact(36), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_reason", exact(32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inboxes")),
        sa.UniqueConstraint("owner_id", "kind", name=op.f("uq_inboxes_owner_id_kind")),
    )
    with op.batch_alter_table("inboxes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inboxes_closed_at"), ["closed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_inboxes_user_id"), ["user_id"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("task", exact(64), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("key", exact(200), nullable=True),
        sa.Column("every_s", sa.Double(), nullable=True),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("run_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("lease_owner", exact(36), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_finished_at"), ["finished_at"], unique=False)
        batch_op.create_index("ix_jobs_state_run_at", ["state", "run_at"], unique=False)

    op.create_table(
        "processes",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("role", exact(16), nullable=False),
        sa.Column("host", exact(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "users",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("email", exact(320), nullable=True),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("locale", exact(35), nullable=False),
        sa.Column("role", exact(16), nullable=False),
        sa.Column("password_hash", exact(255), nullable=True),
        sa.Column("email_verified_at", UtcDateTime(), nullable=True),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "acquaintances",
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("other_id", exact(36), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["users.id"], name=op.f("fk_acquaintances_other_id_users")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_acquaintances_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "other_id", name=op.f("pk_acquaintances")),
    )
    with op.batch_alter_table("acquaintances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_acquaintances_other_id"), ["other_id"], unique=False)

    op.create_table(
        "email_tokens",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("purpose", exact(16), nullable=False),
        sa.Column("token_hash", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_email_tokens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_email_tokens_token_hash")),
    )
    with op.batch_alter_table("email_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_email_tokens_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_email_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "meetings",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("owner_id", exact(36), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("duration_min", sa.Integer(), nullable=True),
        sa.Column("time_zone", exact(64), nullable=False),
        sa.Column("sort_at", UtcDateTime(), nullable=False),
        sa.Column("code", exact(16), nullable=False),
        sa.Column("media_mode", exact(8), nullable=False),
        sa.Column("effective_media_mode", exact(8), nullable=True),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("record_automatically", sa.Boolean(), nullable=False),
        sa.Column("max_participants", sa.Integer(), nullable=True),
        sa.Column("e2ee", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("series_id", exact(36), nullable=True),
        sa.Column("original_start", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("empty_since", UtcDateTime(), nullable=True),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_meetings_owner_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meetings")),
        sa.UniqueConstraint("code", name=op.f("uq_meetings_code")),
    )
    with op.batch_alter_table("meetings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meetings_empty_since"), ["empty_since"], unique=False)
        batch_op.create_index(batch_op.f("ix_meetings_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meetings_series_id"), ["series_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meetings_sort_at"), ["sort_at"], unique=False)
        batch_op.create_index("ix_meetings_state_starts_at", ["state", "starts_at"], unique=False)

    op.create_table(
        "rtc_signals",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("inbox_id", exact(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=True),
        sa.Column("from_participant_id", exact(36), nullable=True),
        sa.Column("sender", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("event_id", exact(36), nullable=False),
        sa.Column("subject", exact(100), nullable=True),
        sa.Column("client_ref", exact(64), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inboxes.id"], name=op.f("fk_rtc_signals_inbox_id_inboxes"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rtc_signals")),
        sa.UniqueConstraint(
            "from_participant_id", "client_ref", name=op.f("uq_rtc_signals_from_participant_id_client_ref")
        ),
        sa.UniqueConstraint("inbox_id", "seq", name=op.f("uq_rtc_signals_inbox_id_seq")),
    )
    with op.batch_alter_table("rtc_signals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rtc_signals_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_rtc_signals_inbox_id_subject", ["inbox_id", "subject"], unique=False)

    op.create_table(
        "service_keys",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("key_hash", exact(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_service_keys_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_service_keys_key_hash")),
    )
    with op.batch_alter_table("service_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_keys_user_id"), ["user_id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=True),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.Column("refresh_jti", exact(36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_reason", exact(32), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_ended_at_expires_at", ["ended_at", "expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "ai_notes",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("provider", exact(32), nullable=False),
        sa.Column(
            "transcript_text",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=True,
        ),
        sa.Column("key_points", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sentiment", exact(16), nullable=True),
        sa.Column("transcript", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("analysis", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_ai_notes_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_notes")),
        sa.UniqueConstraint("meeting_id", "version", name=op.f("uq_ai_notes_meeting_id_version")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("inviter_id", exact(36), nullable=False),
        sa.Column("invitee_id", exact(36), nullable=True),
        sa.Column("email", exact(320), nullable=True),
        sa.Column("status", exact(16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("proposed_starts_at", UtcDateTime(), nullable=True),
        sa.Column("proposed_duration_min", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("responded_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["invitee_id"], ["users.id"], name=op.f("fk_invitations_invitee_id_users")),
        sa.ForeignKeyConstraint(["inviter_id"], ["users.id"], name=op.f("fk_invitations_inviter_id_users")),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_invitations_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("meeting_id", "email", name=op.f("uq_invitations_meeting_id_email")),
        sa.UniqueConstraint("meeting_id", "invitee_id", name=op.f("uq_invitations_meeting_id_invitee_id")),
    )
    with op.batch_alter_table("invitations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitations_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitations_invitee_id"), ["invitee_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitations_inviter_id"), ["inviter_id"], unique=False)

    op.create_table(
        "meeting_participants",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("kind", exact(8), nullable=False),
        sa.Column("user_id", exact(36), nullable=True),
        sa.Column("session_id", exact(36), nullable=True),
        sa.Column("inbox_id", exact(36), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("device", exact(64), nullable=True),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("camera", sa.Boolean(), nullable=False),
        sa.Column("screen", sa.Boolean(), nullable=False),
        sa.Column("hand", sa.Boolean(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.Column("left_at", UtcDateTime(), nullable=True),
        sa.Column("left_reason", exact(16), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"],
            ["meetings.id"],
            name=op.f("fk_meeting_participants_meeting_id_meetings"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_meeting_participants_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_participants")),
    )
    with op.batch_alter_table("meeting_participants", schema=None) as batch_op:
        batch_op.create_index("ix_meeting_participants_meeting_id_state", ["meeting_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_meeting_participants_session_id"), ["session_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_meeting_participants_user_id"), ["user_id"], unique=False)

    op.create_table(
        "meeting_people",
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("relation", exact(16), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_meeting_people_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_meeting_people_user_id_users")),
        sa.PrimaryKeyConstraint("meeting_id", "user_id", name=op.f("pk_meeting_people")),
    )
    with op.batch_alter_table("meeting_people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_meeting_people_user_id"), ["user_id"], unique=False)

    op.create_table(
        "recordings",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("started_by", exact(36), nullable=False),
        sa.Column("mode", exact(16), nullable=False),
        sa.Column("audio_only", sa.Boolean(), nullable=False),
        sa.Column("driver", exact(16), nullable=False),
        sa.Column("state", exact(16), nullable=False),
        sa.Column("outcome", exact(16), nullable=True),
        sa.Column("participants", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("processing_at", UtcDateTime(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("file_path", exact(255), nullable=True),
        sa.Column("content_type", sa.String(length=100), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", exact(64), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_recordings_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["started_by"], ["users.id"], name=op.f("fk_recordings_started_by_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    with op.batch_alter_table("recordings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recordings_meeting_id"), ["meeting_id"], unique=False)

    op.create_table(
        "rtc_tracks",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("meeting_id", exact(36), nullable=False),
        sa.Column("participant_id", exact(36), nullable=False),
        sa.Column("kind", exact(8), nullable=False),
        sa.Column("mid", exact(32), nullable=False),
        sa.Column("source", exact(16), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("unpublished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_rtc_tracks_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["meeting_participants.id"],
            name=op.f("fk_rtc_tracks_participant_id_meeting_participants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rtc_tracks")),
    )
    with op.batch_alter_table("rtc_tracks", schema=None) as batch_op:
        batch_op.create_index("ix_rtc_tracks_meeting_id_unpublished_at", ["meeting_id", "unpublished_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_rtc_tracks_participant_id"), ["participant_id"], unique=False)


def downgrade() -> None:
    op.drop_table("rtc_tracks")
    op.drop_table("recordings")
    op.drop_table("meeting_people")
    op.drop_table("meeting_participants")
    op.drop_table("invitations")
    op.drop_table("ai_notes")
    op.drop_table("sessions")
    op.drop_table("service_keys")
    op.drop_table("rtc_signals")
    op.drop_table("meetings")
    op.drop_table("email_tokens")
    op.drop_table("acquaintances")
    op.drop_table("users")
    op.drop_table("processes")
    op.drop_table("jobs")
    op.drop_table("inboxes")
    op.drop_table("idempotency_keys")
    op.drop_table("events")
    op.drop_table("event_heads")
