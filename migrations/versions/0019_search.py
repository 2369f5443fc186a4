"""what can be found

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import Id, LongText, UtcDateTime, exact

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# The words, as each database searches them best; rows go with those of search_documents.
WORDS = {
    "sqlite": (
        "CREATE VIRTUAL TABLE search_words USING fts5(words, tokenize='unicode61 remove_diacritics 2')",
        "CREATE TRIGGER search_documents_gone AFTER DELETE ON search_documents "
        "BEGIN DELETE FROM search_words WHERE rowid = old.number; END",
    ),
    "postgresql": (
        "CREATE TABLE search_words (number BIGINT PRIMARY KEY REFERENCES search_documents (number) ON DELETE CASCADE, "
        "words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_search_words_words ON search_words USING gin (words)",
    ),
    "mysql": (
        "CREATE TABLE search_words (number BIGINT PRIMARY KEY, words LONGTEXT NOT NULL, "
        "FULLTEXT ix_search_words_words (words), "
        "FOREIGN KEY (number) REFERENCES search_documents (number) ON DELETE CASCADE)",
    ),
}


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", exact(16), nullable=False),
        sa.Column("source_id", Id, nullable=False),
        sa.Column("meeting_id", Id, nullable=False),
        sa.Column("recording_id", Id, nullable=True),
        sa.Column("person_id", Id, nullable=True),
        sa.Column("person", sa.String(200), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("start_s", sa.Double(), nullable=True),
        sa.Column("text", LongText, nullable=False),
        sa.Column("embedder", exact(64), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name=op.f("fk_search_documents_meeting_id_meetings"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_documents")),
        sqlite_autoincrement=True,
    )
    for name in ("source_id", "meeting_id", "person_id"):
        op.create_index(op.f(f"ix_search_documents_{name}"), "search_documents", [name])
    for statement in WORDS.get(op.get_bind().dialect.name, WORDS["mysql"]):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE search_words")
    op.drop_table("search_documents")
