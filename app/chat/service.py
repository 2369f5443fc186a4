"""Messages of a meeting's chat, before, during and after it.

Rules, and why they hold:

* A meeting's counter numbers its messages. It is raised under the lock of the meeting's row, in the transaction that
  inserts: commit order and number order are the same, so whoever asks for what is behind the newest number that they
  have misses nothing.
* A deleted message keeps its number and says nothing any more. Only emptying the chat removes rows.
* Lines of the system hold ids, no names: those are looked up, so that a deleted account is forgotten here too. They
  bring no event of their own, since what they tell of has one.
* In the room everybody gets each message. Elsewhere a device is told only that there is something (`chat.activity`,
  latest only), however much is written.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, or_, select

from app.chat import shapes
from app.chat.emoji import is_emoji
from app.chat.events import ChatCleared, MessageChanged
from app.chat.models import ChatMessage, Reaction
from app.core import errors
from app.core.actor import Actor
from app.core.downloads import Download
from app.core.ids import new_id
from app.core.inserts import insert_unless_there
from app.core.prepared import Prepared
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.models import Inbox
from app.inbox.service import Message
from app.meetings import service as meetings
from app.meetings.models import MeetingPerson
from app.participants import service as participants
from app.participants.models import Participant
from app.participants.permissions import require
from app.participants.service import IS_IN_THE_ROOM
from app.uploads import service as uploads

READERS = ("owner", "accepted")

# What every message costs.
_INSERT = Prepared(insert(ChatMessage.__table__))  # type: ignore[arg-type]
_UNCHANGED = {"edited_at": None, "deleted_at": None}
_SENT_BEFORE = Prepared(
    select(ChatMessage.id).where(
        ChatMessage.meeting_id == bindparam("of_meeting"),
        ChatMessage.sender_id == bindparam("of_sender"),
        ChatMessage.client_ref == bindparam("ref"),
    )
)
_INBOXES_ELSEWHERE = Prepared(
    select(Inbox.id)
    .join(MeetingPerson, MeetingPerson.user_id == Inbox.user_id)
    .where(
        MeetingPerson.meeting_id == bindparam("of_meeting"),
        or_(*(MeetingPerson.relation == relation for relation in READERS)),
        Inbox.closed_at.is_(None),
        ~exists().where(
            Participant.meeting_id == bindparam("of_meeting"), Participant.user_id == Inbox.user_id, IS_IN_THE_ROOM
        ),
    )
)


def get(work: Work, message_id: str) -> ChatMessage:
    message = work.get(ChatMessage, message_id)
    if message is None:
        raise errors.NotFound()
    return message


def hold(work: Work, message_id: str) -> ChatMessage:
    """A message as it is now, its meeting held (see `meetings.service.hold`)."""
    meetings.hold(work, get(work, message_id).meeting_id)
    held = work.get(ChatMessage, message_id, populate_existing=True)
    if held is None:
        raise errors.NotFound()
    return held


def check_may_write(meeting: Any) -> None:
    """Whether those who may read a meeting's chat may write there now: before, during and after it.

    :param meeting: a meeting, or a row with `state` and `chat_retention`.
    :raises MeetingCancelled: :raises ChatClosed: what is written would stay, although it was to be deleted at the end.
    """
    if meeting.state == "cancelled":
        raise errors.MeetingCancelled()
    if meeting.state == "ended" and meeting.chat_retention == "until_end":
        raise errors.ChatClosed("The meeting has ended, and its chat was deleted at the end.")


def send(
    work: Work, actor: Actor, meeting_id: str, *, text: str | None, upload_id: str | None, client_ref: str | None
) -> dict[str, Any]:
    """Write a message, send a file, or both. One whose `client_ref` was sent before is answered as it is now, and
    nothing is sent.

    :raises MeetingCancelled: :raises ChatClosed: :raises NotPermitted: here only hosts may write.
    :raises NotFound: :raises UploadStateConflict: from `uploads.take`.
    """
    _check_length(work, text or "")
    held = meetings.next_message_number(work, meeting_id)
    if client_ref is not None:  # asked under the lock: a repeat may have overtaken the first one
        asked = {"of_meeting": meeting_id, "of_sender": actor.user_id, "ref": client_ref}
        before = work.run(_SENT_BEFORE, asked)
        if before:
            meetings.give_back_message_number(work, meeting_id)
            return shapes.view(work, get(work, before[0].id), actor.user_id)
    check_may_write(held)
    require(work, actor, meeting_id, "chat", meeting=held)
    values = {
        "id": new_id(),
        "meeting_id": meeting_id,
        "number": held.message_head,
        "type": "text" if upload_id is None else "file",
        "sender_id": actor.user_id,
        "text": text,
        "data": None if upload_id is None else asdict(uploads.take(work, actor, upload_id, "chat_file")),
        "client_ref": client_ref,
        "created_at": work.now(),
        **_UNCHANGED,
    }
    work.flush()
    work.run(_INSERT, values)
    shown = shapes.of_new(work, values, actor.display_name)
    _tell(work, "chat.message", shown, is_first=True)
    work.emit(MessageChanged(meeting_id, shown["id"], is_new=True))
    return shown


def edit(work: Work, actor: Actor, message_id: str, text: str) -> dict[str, Any]:
    """Change what one's own message says. The last word counts: only its sender has it.

    :raises MessageDeleted: :raises MeetingCancelled: :raises ChatClosed: :raises NotPermitted:
    """
    _check_length(work, text)
    message = _hold_undeleted(work, message_id)
    require(work, actor, message.meeting_id, "chat")
    if message.text != text:
        message.text, message.edited_at = text, work.now()
        work.flush()
        _tell(work, "chat.updated", shapes.view(work, message, None))
        work.emit(MessageChanged(message.meeting_id, message.id, is_new=False))
    return shapes.view(work, message, actor.user_id)


def remove(work: Work, message_id: str) -> None:
    """Take one's own message back: its number stays, nothing else. Repeating that changes nothing."""
    message = hold(work, message_id)
    if message.deleted_at is None:
        _release_file(work, message.data)
        message.text, message.data, message.deleted_at = None, None, work.now()
        work.execute(delete(Reaction).where(Reaction.message_id == message_id))
        work.flush()
        _tell(work, "chat.updated", shapes.view(work, message, None))
        work.emit(MessageChanged(message.meeting_id, message.id, is_new=False))


def react(work: Work, actor: Actor, message_id: str, emoji: str) -> dict[str, Any]:
    """Put an emoji to a message. Repeating that changes nothing.

    :raises MessageDeleted: :raises TooManyReactions: :raises MeetingCancelled: :raises ChatClosed:
    :raises NotPermitted:
    """
    _check_emoji(emoji)
    message = _hold_undeleted(work, message_id)
    require(work, actor, message.meeting_id, "chat")
    before = shapes.reactions_of(work, [message_id], actor.user_id).get(message_id, [])
    own = next((one for one in before if one["emoji"] == emoji), None)
    if own is None and len(before) >= work.settings.chat_reactions_max:
        most = work.settings.chat_reactions_max
        raise errors.TooManyReactions(f"A message has at most {most} different reactions.")
    if own is None or not own["mine"]:
        mine = {"message_id": message_id, "emoji": emoji, "user_id": actor.user_id}
        insert_unless_there(work, Reaction, **mine, created_at=work.now())
        _tell_reaction(work, actor, message, emoji, added=True)
    return shapes.view(work, message, actor.user_id)


def unreact(work: Work, actor: Actor, message_id: str, emoji: str) -> dict[str, Any]:
    """Take one's emoji away again. Repeating that changes nothing."""
    _check_emoji(emoji)
    message = hold(work, message_id)
    mine = work.get(Reaction, (message_id, emoji, actor.user_id))
    if mine is not None:
        work.delete(mine)
        work.flush()
        _tell_reaction(work, actor, message, emoji, added=False)
    return shapes.view(work, message, actor.user_id)


def clear(work: Work, meeting_id: str, by_user_id: str | None = None) -> None:
    """Remove every message, also from inboxes where it is not read yet. Numbers go on.

    :param by_user_id: whose wish it was, for a line that says so; None: it was to happen at the end.
    """
    meeting = meetings.hold(work, meeting_id)
    up_to = meeting.message_head
    release_files(work, meeting_id)
    work.execute(delete(ChatMessage).where(ChatMessage.meeting_id == meeting_id))
    work.emit(ChatCleared(meeting_id))
    whose = select(MeetingPerson.user_id).where(MeetingPerson.meeting_id == meeting_id)
    stays = select(Participant.inbox_id).where(Participant.meeting_id == meeting_id)
    told = work.scalars(select(Inbox.id).where(Inbox.user_id.in_(whose) | Inbox.id.in_(stays))).all()
    inbox.forget(work, meeting_id, "chat.", told)
    if by_user_id is not None:
        add_line(work, meeting_id, "chat.cleared", user_id=by_user_id)
    people = inbox.open_inboxes_of(work, meetings.people_of(work, meeting_id, *READERS))
    there = participants.inboxes_in_the_room(work, meeting_id)
    inbox.deliver(
        work, Message("chat.cleared", {"meeting_id": meeting_id, "up_to": up_to}, meeting_id), {*people, *there}
    )


def release_files(work: Work, meeting_id: str) -> None:
    """Have every file of a chat deleted: its messages are about to go."""
    sent = select(ChatMessage.data).where(ChatMessage.meeting_id == meeting_id, ChatMessage.type == "file")
    for data in work.scalars(sent).all():
        _release_file(work, data)


def _release_file(work: Work, data: dict[str, Any] | None) -> None:
    if data is not None and "upload_id" in data:
        uploads.release(work, data["upload_id"])


def file_of(work: Work, message_id: str) -> Download:
    """:raises NotFound: it brought no file, or is deleted."""
    message = get(work, message_id)
    if message.type != "file" or message.data is None:
        raise errors.NotFound("The message has no file.")
    data = message.data
    return Download(data["key"], data["media_type"], data["size"], data["sha256"], data["name"])


def add_line(work: Work, meeting_id: str, kind: str, **about: str | None) -> None:
    """Let the system say what happened. `about`: ids that the line tells of, and a reason."""
    held = meetings.next_message_number(work, meeting_id)
    values = {
        "id": new_id(),
        "meeting_id": meeting_id,
        "number": held.message_head,
        "type": "system",
        "sender_id": None,
        "text": None,
        "data": {"kind": kind, **about},
        "client_ref": None,
        "created_at": work.now(),
        **_UNCHANGED,
    }
    work.run(_INSERT, values)


def _hold_undeleted(work: Work, message_id: str) -> ChatMessage:
    message = hold(work, message_id)
    check_may_write(meetings.get(work, message.meeting_id))
    if message.deleted_at is not None:
        raise errors.MessageDeleted()
    return message


def _check_length(work: Work, text: str) -> None:
    most = work.settings.chat_text_max
    if len(text) > most:
        wrong = {"location": "body", "field": "text", "message": f"At most {most} characters."}
        raise errors.ValidationFailed(errors=[wrong])


def _tell(work: Work, event_type: str, shown: dict[str, Any], *, is_first: bool = False) -> None:
    """The message as it is now to the room, in place of what is not read of it yet; to devices elsewhere that there is
    something."""
    meeting_id = shown["meeting_id"]
    told = Message(
        event_type,
        {"message": shapes.dump(shown)},
        meeting_id,
        subject=f"chat:{shown['id']}",
        is_first=is_first,
    )
    activity = {"meeting_id": meeting_id, "head": shown["number"], "sender": shown["sender"]}
    there = participants.inboxes_in_the_room(work, meeting_id)
    elsewhere = [row.id for row in work.run(_INBOXES_ELSEWHERE, {"of_meeting": meeting_id})]
    inbox.deliver_each(
        work,
        (told, there),
        (Message("chat.activity", activity, meeting_id, subject=f"chat.activity:{meeting_id}"), elsewhere),
    )


def _check_emoji(text: str) -> None:
    if not is_emoji(text):
        raise errors.ValidationFailed(errors=[{"location": "path", "field": "emoji", "message": "Not one emoji."}])


def _tell_reaction(work: Work, actor: Actor, message: ChatMessage, emoji: str, *, added: bool) -> None:
    counts = {one["emoji"]: one["count"] for one in shapes.reactions_of(work, [message.id], None).get(message.id, [])}
    payload = {
        "meeting_id": message.meeting_id,
        "message_id": message.id,
        "emoji": emoji,
        "count": counts.get(emoji, 0),
        "added": added,
        "by": {"user_id": actor.user_id, "display_name": actor.display_name},
    }
    subject = f"chat.reaction:{message.id}:{actor.user_id}:{emoji}"
    told = Message("chat.reaction", payload, message.meeting_id, subject=subject)
    inbox.deliver(work, told, participants.inboxes_in_the_room(work, message.meeting_id))
