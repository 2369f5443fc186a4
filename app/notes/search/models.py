from datetime import datetime

from sqlalchemy import BigInteger, Double, ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, LongText, UtcDateTime, exact


class SearchDocument(Base):
    """One thing that can be found: a segment of a transcript, a claim of notes, a chat message, a meeting's title.

    It goes with its meeting. The full text of it stands in `search_words`, which has no model: each database has
    another kind of table for it, and only its rung (`base.py`) knows how to ask it.
    """

    __tablename__ = "search_documents"
    # A number is never given twice, so that memory of a row that is gone can't be taken for another.
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(exact(16))  # transcript | notes | chat | title
    source_id: Mapped[str] = mapped_column(Id, index=True)  # of the message, the notes, the meeting
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)
    recording_id: Mapped[str | None] = mapped_column(Id)
    person_id: Mapped[str | None] = mapped_column(Id, index=True)  # who said or wrote it, if they have an account
    person: Mapped[str | None] = mapped_column(String(200))  # what they were called
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    start_s: Mapped[float | None] = mapped_column(Double)  # into the recording
    text: Mapped[str] = mapped_column(LongText)
    embedder: Mapped[str | None] = mapped_column(exact(64))  # by whom `embedding` was made
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
