from datetime import datetime

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, LongText, UtcDateTime, exact

_NUMBER = BigInteger().with_variant(Integer, "sqlite")


class SearchPending(Base):
    """A source that has changed since it was last put into the index. It may stand here more than once."""

    __tablename__ = "search_pending"
    __table_args__ = (Index("ix_search_pending_kind_source_id", "kind", "source_id"),)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    kind: Mapped[str] = mapped_column(exact(16))  # title | chat | notes
    source_id: Mapped[str] = mapped_column(Id)  # of the meeting, the message; of notes their meeting's or call's


class SearchDocument(Base):
    """One thing that can be found: a segment of a transcript, a claim of notes, a chat message, a title.

    It goes with its meeting or call. The full text of it stands in `search_words`, which has no model: each database
    has another kind of table for it, and only its rung (`base.py`) knows how to ask it.
    """

    __tablename__ = "search_documents"
    # A number is never given twice, so that memory of a row that is gone can't be taken for another.
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    kind: Mapped[str] = mapped_column(exact(16))  # transcript | notes | chat | title
    source_id: Mapped[str] = mapped_column(Id, index=True)  # of the message, the notes; of a title the meeting or call
    scope_id: Mapped[str] = mapped_column(Id, index=True)  # who finds it: its meeting's people; or the user of the call
    meeting_id: Mapped[str | None] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    call_id: Mapped[str | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    recording_id: Mapped[str | None] = mapped_column(Id)
    person_id: Mapped[str | None] = mapped_column(Id, index=True)  # who said or wrote it, if they have an account
    person: Mapped[str | None] = mapped_column(String(200))  # what they were called
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    start_s: Mapped[float | None] = mapped_column(Double)  # into the recording, or the call
    text: Mapped[str] = mapped_column(LongText)
    embedder: Mapped[str | None] = mapped_column(exact(64), index=True)  # who has seen to its vector; None: nobody yet


class SearchVector(Base):
    """What a document is like. One that is made anew gets a new number, so that memory notices."""

    __tablename__ = "search_vectors"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(_NUMBER, primary_key=True)
    document_number: Mapped[int] = mapped_column(
        _NUMBER, ForeignKey("search_documents.number", ondelete="CASCADE"), index=True
    )
    embedder: Mapped[str] = mapped_column(exact(64))
    embedding: Mapped[bytes] = mapped_column(LargeBinary)
