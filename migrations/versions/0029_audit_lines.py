"""what hosts and admins did

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, Json, UtcDateTime, exact

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", exact(64), nullable=False),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("actor_role", exact(16), nullable=False),
        sa.Column("meeting_id", Id, nullable=True),
        sa.Column("subject", exact(32), nullable=True),
        sa.Column("subject_id", Id, nullable=True),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("details", Json, nullable=False),
        sa.Column("address", exact(64), nullable=True),
        sa.Column("request_id", exact(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_lines")),
    )
    op.create_index(op.f("ix_audit_lines_at"), "audit_lines", ["at"])
    op.create_index("ix_audit_lines_meeting_id_id", "audit_lines", ["meeting_id", "id"])
    op.create_index("ix_audit_lines_actor_id_id", "audit_lines", ["actor_id", "id"])


def downgrade() -> None:
    op.drop_table("audit_lines")
