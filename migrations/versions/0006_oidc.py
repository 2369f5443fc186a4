"""accounts at providers that sign in to accounts here

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import UtcDateTime, exact

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oidc_identities",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("user_id", exact(36), nullable=False),
        sa.Column("provider", exact(32), nullable=False),
        sa.Column("issuer", exact(255), nullable=False),
        sa.Column("subject", exact(255), nullable=False),
        sa.Column("email", exact(320), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_oidc_identities_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oidc_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_oidc_identities_issuer_subject")),
    )
    op.create_index(op.f("ix_oidc_identities_user_id"), "oidc_identities", ["user_id"])
    op.create_table(
        "oidc_handoffs",
        sa.Column("id", exact(36), nullable=False),
        sa.Column("state_hash", exact(64), nullable=False),
        sa.Column("code_hash", exact(64), nullable=False),
        sa.Column("code_challenge", exact(43), nullable=False),
        sa.Column("provider", exact(32), nullable=False),
        sa.Column("proven", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oidc_handoffs")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_oidc_handoffs_code_hash")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_oidc_handoffs_state_hash")),
    )
    op.create_index(op.f("ix_oidc_handoffs_expires_at"), "oidc_handoffs", ["expires_at"])
    op.create_table(
        "oidc_used_tokens",
        sa.Column("token_hash", exact(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_oidc_used_tokens")),
    )
    op.create_index(op.f("ix_oidc_used_tokens_expires_at"), "oidc_used_tokens", ["expires_at"])


def downgrade() -> None:
    for table in ("oidc_used_tokens", "oidc_handoffs", "oidc_identities"):
        op.drop_table(table)
