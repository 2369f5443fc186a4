"""The history, in pages both ways, and how far each person has read it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, func, select, update

from app.chat import shapes
from app.chat.models import ChatMessage, ReadMark
from app.core import errors
from app.core.actor import Actor
from app.core.inserts import insert_unless_there
from app.core.runtime import Work
from app.inbox.service import Message, deliver_to_person
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.participants.permissions import check_let_in


def page(
    work: Work, actor: Actor, meeting_id: str, *, before: int | None, after: int | None, limit: int
) -> dict[str, Any]:
    """Messages in the order of their numbers: behind `after`, or else the newest ones, before `before` if given."""
    check_let_in(work, actor, meeting_id)
    query = select(ChatMessage).where(ChatMessage.meeting_id == meeting_id)
    if after is not None:
        query = query.where(ChatMessage.number > after).order_by(ChatMessage.number)
    else:
        query = query.order_by(ChatMessage.number.desc())
        if before is not None:
            query = query.where(ChatMessage.number < before)
    found = list(work.scalars(query.limit(limit + 1)))
    more, found = len(found) > limit, found[:limit]
    next_cursor = str(found[-1].number) if more else None
    shown = shapes.views(work, found if after is not None else found[::-1], actor.user_id)
    return {"items": shown, "next_cursor": next_cursor, **state(work, actor.user_id, meeting_id)}


def state(work: Work, user_id: str, meeting_id: str) -> dict[str, int]:
    """The shape of `ReadState`."""
    mark = select(ReadMark.up_to).where(ReadMark.meeting_id == meeting_id, ReadMark.user_id == user_id)
    meeting = meetings.get(work, meeting_id)
    unread = ChatUnread().count(work, user_id, [meeting]).get(meeting_id, 0)
    return {"head": meeting.message_head, "read_up_to": work.scalar(mark) or 0, "unread": unread}


class ChatUnread:
    """See `meetings.unread.UnreadMessages`."""

    def count(self, work: Work, user_id: str, meetings: Sequence[Meeting]) -> dict[str, int]:
        """What a person may have missed: neither lines of the system, nor their own, nor what was deleted."""
        written_to = [meeting.id for meeting in meetings if meeting.message_head]
        if not written_to:
            return {}
        theirs = and_(ReadMark.meeting_id == ChatMessage.meeting_id, ReadMark.user_id == user_id)
        missed = (
            select(ChatMessage.meeting_id, func.count().label("missed"))
            .outerjoin(ReadMark, theirs)
            .where(
                ChatMessage.meeting_id.in_(written_to),
                ChatMessage.number > func.coalesce(ReadMark.up_to, 0),
                ChatMessage.type != "system",
                ChatMessage.sender_id != user_id,
                ChatMessage.deleted_at.is_(None),
            )
            .group_by(ChatMessage.meeting_id)
        )
        return {row.meeting_id: row.missed for row in work.execute(missed)}

    def close(self) -> None:
        """Nothing is held."""


def mark(work: Work, actor: Actor, meeting_id: str, up_to: int) -> dict[str, int]:
    """Note how far somebody has read, and tell their other devices. It never goes back.

    :raises CursorAhead: `up_to` is past the newest message; with the extra `head`.
    """
    head = meetings.get(work, meeting_id).message_head
    if up_to > head:
        raise errors.CursorAhead(head=head)
    whose = {"meeting_id": meeting_id, "user_id": actor.user_id}
    now = work.now()
    insert_unless_there(work, ReadMark, **whose, up_to=0, updated_at=now)
    own = update(ReadMark).where(ReadMark.meeting_id == meeting_id, ReadMark.user_id == actor.user_id)
    moved = work.connection().execute(own.where(ReadMark.up_to < up_to).values(up_to=up_to, updated_at=now))
    read = state(work, actor.user_id, meeting_id)
    if moved.rowcount:
        told = Message("chat.read", {"meeting_id": meeting_id, **read}, meeting_id, subject=f"chat.read:{meeting_id}")
        deliver_to_person(work, actor.user_id, told)
    return read
