from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, UtcDateTime, exact


class Participant(Base):
    """One stay of one device in one meeting; or, of kind `sfu`, the media server's."""

    __tablename__ = "meeting_participants"
    __table_args__ = (Index("ix_meeting_participants_meeting_id_state", "meeting_id", "state"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(exact(8))  # user | sfu
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(
        Id, index=True
    )  # whose end ends this stay; of an SFU, the worker's id
    inbox_id: Mapped[str] = mapped_column(Id)
    display_name: Mapped[str] = mapped_column(String(100))
    device: Mapped[str | None] = mapped_column(exact(64))
    state: Mapped[str] = mapped_column(exact(16))
    epoch: Mapped[int] = mapped_column(default=1)  # raised when another connection takes this one's place
    is_owner: Mapped[bool] = mapped_column(default=False)
    is_guest: Mapped[bool] = mapped_column(default=False, server_default=text("'0'"))  # has no account
    given_role: Mapped[str | None] = mapped_column(exact(16))  # co_host: the person's, as long as this stay lasts
    ai_transcribe: Mapped[bool] = mapped_column(default=True, server_default=text("'1'"))  # the person's, in all stays
    ai_analyse: Mapped[bool] = mapped_column(default=True, server_default=text("'1'"))
    muted: Mapped[bool] = mapped_column(default=True)
    camera: Mapped[bool] = mapped_column(default=False)
    screen: Mapped[bool] = mapped_column(default=False)
    hand: Mapped[bool] = mapped_column(default=False)
    hand_raised_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # There as long as its media connection is: Parley signals for it, and nobody polls.
    kept_by_media: Mapped[bool] = mapped_column(default=False, server_default=text("'0'"))
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime)  # of who waited: when they were let in
    admitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: waits, or left without having been in
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    left_reason: Mapped[str | None] = mapped_column(exact(16))

    @property
    def role(self) -> str:
        return "owner" if self.is_owner else self.given_role or "participant"

    @property
    def ai(self) -> dict[str, bool]:
        return {"transcribe": self.ai_transcribe, "analyse": self.ai_analyse}
