from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Id, Json, UtcDateTime, exact

# Who may do what in a meeting, as long as its owner says nothing else: hosts | everyone.
PERMISSIONS = {"share_screen": "everyone", "chat": "everyone", "record": "hosts"}


class Meeting(Base):
    """A meeting and its room: there is one row whether it is to come, live or over."""

    __tablename__ = "meetings"
    __table_args__ = (
        Index("ix_meetings_state_starts_at", "state", "starts_at"),
        # Of a job that runs twice, or at two places, the second finds the occurrence there.
        Index("ix_meetings_series_id_original_start", "series_id", "original_start", unique=True),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(exact(16), default="scheduled")
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duration_min: Mapped[int | None]
    time_zone: Mapped[str] = mapped_column(exact(64), default="UTC")
    sort_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)  # starts_at, else created_at
    code: Mapped[str] = mapped_column(exact(16), unique=True)
    # Whether the code lets people in. (Those that were made before there were guests promised it to nobody.)
    guests_allowed: Mapped[bool] = mapped_column(server_default=text("'0'"))
    media_mode: Mapped[str] = mapped_column(exact(8))  # what was asked for: auto | sfu | p2p | mock
    effective_media_mode: Mapped[str | None] = mapped_column(exact(8))  # what it became when the meeting went live
    config_version: Mapped[int] = mapped_column(default=0)  # raised with every start: peer connections begin anew
    record_automatically: Mapped[bool] = mapped_column(default=False)
    recordings_keep_days: Mapped[int | None] = mapped_column(index=True)  # None: as long as RECORDING_KEEP_DAYS says
    max_participants: Mapped[int | None]
    chat_retention: Mapped[str] = mapped_column(exact(16), default="keep", server_default="keep")  # keep | until_end
    message_head: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")  # of the newest chat message
    max_duration_min: Mapped[int | None]  # after which it ends by itself; at most MEETING_MAX_MIN
    e2ee: Mapped[bool] = mapped_column(default=False)
    lobby: Mapped[str] = mapped_column(exact(8), default="off", server_default="off")  # off | guests | everyone
    locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # since then nobody new comes in
    permissions_said: Mapped[dict[str, str] | None] = mapped_column("permissions", Json)
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", Json, default=dict)
    series_id: Mapped[str | None] = mapped_column(Id)
    # When its series has it, wherever it was moved to. None: the series does not have it any more.
    original_start: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_by: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)  # of a live one: when its time is up
    ending_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    empty_since: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)  # live and nobody is there
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)  # raised by what its owner does, not by comings and goings

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}

    @property
    def locked(self) -> bool:
        return self.locked_at is not None

    @property
    def permissions(self) -> dict[str, str]:
        return {**PERMISSIONS, **(self.permissions_said or {})}

    @permissions.setter
    def permissions(self, said: dict[str, str]) -> None:
        self.permissions_said = said


class MeetingSeries(Base):
    """A meeting that repeats: its rule, and what each occurrence is made with. Occurrences are rows of `meetings`."""

    __tablename__ = "meeting_series"
    __table_args__ = (Index("ix_meeting_series_is_complete_made_until", "is_complete", "made_until"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    code: Mapped[str] = mapped_column(exact(16), unique=True)
    rule: Mapped[str] = mapped_column(exact(400))  # as of `recurrence.Rule`
    wall_start: Mapped[str] = mapped_column(
        exact(19)
    )  # of its first occurrence, without an offset: 2027-03-22T09:00:00
    time_zone: Mapped[str] = mapped_column(exact(64))
    template: Mapped[dict[str, Any]] = mapped_column(Json)  # what its owner set, by column of `meetings`
    made_until: Mapped[datetime] = mapped_column(UtcDateTime)  # occurrences are made until then
    is_complete: Mapped[bool] = mapped_column(default=False)  # no more will be made
    erased_starts: Mapped[list[str]] = mapped_column(Json, default=list)  # of occurrences whose rows are gone
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}


class MeetingPerson(Base):
    """What a person is to a meeting. It is the one place that says who may see it.

    Where the meeting stands and when it is are kept here too, from its own row: so a person's list is read from one
    index, however many meetings there are.
    """

    __tablename__ = "meeting_people"
    __table_args__ = (
        Index("ix_meeting_people_user_id_sort_at", "user_id", "sort_at", "meeting_id"),
        Index("ix_meeting_people_user_id_state_sort_at", "user_id", "state", "sort_at", "meeting_id"),
    )

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    relation: Mapped[str] = mapped_column(exact(16))  # owner | accepted | invited | guest; banned: may see nothing
    role: Mapped[str | None] = mapped_column(exact(16))  # co_host; it outlives stays
    state: Mapped[str] = mapped_column(exact(16))
    sort_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Standing(NamedTuple):
    """What a person is to a meeting: `relation` and `role` as in `MeetingPerson`; both None: it is none of theirs."""

    relation: str | None
    role: str | None

    @property
    def is_host(self) -> bool:
        """The owner, or a co-host. Who is asked anew is one again once they say yes."""
        return self.relation == "owner" or (self.role == "co_host" and self.relation not in ("invited", "banned"))
