"""deliveries that try a webhook are found among many that wait

Revision ID: 0030
Revises: 0029
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_webhook_deliveries_kind_state", "webhook_deliveries", ["kind", "state"])


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_kind_state", "webhook_deliveries")
