"""the search index follows what is written

It is made anew of everything that is there: what is older than the index is found too, and calls.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, exact

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SOURCES = (
    "INSERT INTO search_pending (kind, source_id) SELECT 'title', id FROM meetings",
    "INSERT INTO search_pending (kind, source_id) "
    "SELECT 'notes', COALESCE(meeting_id, call_id) FROM ai_notes WHERE version = 1",
    "INSERT INTO search_pending (kind, source_id) "
    "SELECT 'chat', id FROM chat_messages WHERE sender_id IS NOT NULL AND deleted_at IS NULL",
)


def upgrade() -> None:
    op.create_table(
        "search_pending",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("kind", exact(16), nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_pending")),
    )
    op.create_index("ix_search_pending_kind_source_id", "search_pending", ["kind", "source_id"])
    op.execute("DELETE FROM search_documents")
    with op.batch_alter_table("search_documents", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_column("embedding")
        table.alter_column("meeting_id", existing_type=Id, nullable=True)
        table.add_column(sa.Column("scope_id", Id, nullable=False))
        table.add_column(sa.Column("call_id", Id, nullable=True))
        table.create_foreign_key(
            op.f("fk_search_documents_call_id_calls"), "calls", ["call_id"], ["id"], ondelete="CASCADE"
        )
        for name in ("scope_id", "call_id", "embedder"):
            table.create_index(op.f(f"ix_search_documents_{name}"), [name])
    _words_go_with_documents()
    op.create_table(
        "search_vectors",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("document_number", NUMBER, nullable=False),
        sa.Column("embedder", exact(64), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_number"],
            ["search_documents.number"],
            name=op.f("fk_search_vectors_document_number_search_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_vectors")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_search_vectors_document_number"), "search_vectors", ["document_number"])
    for statement in SOURCES:
        op.execute(statement)
    with op.batch_alter_table("spending") as table:
        table.alter_column("notes_id", existing_type=Id, nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM spending WHERE notes_id IS NULL")
    with op.batch_alter_table("spending") as table:
        table.alter_column("notes_id", existing_type=Id, nullable=False)
    op.drop_table("search_vectors")
    op.execute("DELETE FROM search_documents WHERE call_id IS NOT NULL")
    with op.batch_alter_table("search_documents", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.drop_constraint(op.f("fk_search_documents_call_id_calls"), type_="foreignkey")
        for name in ("scope_id", "call_id", "embedder"):
            table.drop_index(op.f(f"ix_search_documents_{name}"))
        table.drop_column("call_id")
        table.drop_column("scope_id")
        table.alter_column("meeting_id", existing_type=Id, nullable=False)
        table.add_column(sa.Column("embedding", sa.LargeBinary(), nullable=True))
    _words_go_with_documents()
    op.drop_table("search_pending")


def _words_go_with_documents() -> None:
    """SQLite makes an altered table anew, and forgets what was triggered by the old one."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER IF NOT EXISTS search_documents_gone AFTER DELETE ON search_documents "
            "BEGIN DELETE FROM search_words WHERE rowid = old.number; END"
        )
