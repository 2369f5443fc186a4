"""Messages as they are shown: with names, with reactions, and with words for what the system tells of."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import case, func, select

from app.accounts.service import names_of
from app.chat.models import ChatMessage, Reaction
from app.chat.schemas import MessageOut
from app.core.runtime import Work
from app.participants.models import Participant

_OUT = MessageOut()

SAID = {
    "participant.joined": "{} joined.",
    "participant.left": "{} left.",
    "recording.started": "{} started a recording.",
    "recording.stopped": "The recording was stopped.",
    "recording.ready": "The recording is ready.",
    "meeting.ended": "The meeting ended.",
    "chat.cleared": "{} emptied the chat.",
}
SAID_OF_LEAVING = {"timed_out": "{} lost the connection.", "removed": "{} was taken out of the meeting."}


def dump(shown: dict[str, Any]) -> dict[str, Any]:
    """As it stands in events."""
    dumped: dict[str, Any] = _OUT.dump(shown)
    return dumped


def of_new(work: Work, values: dict[str, Any], sender_name: str) -> dict[str, Any]:
    """A message that was just sent, and that nobody has reacted to."""
    sender = {"user_id": values["sender_id"], "display_name": sender_name}
    file = _file(work, values["id"], values["data"]) if values["type"] == "file" else None
    rest: dict[str, Any] = {"system": None, "reactions": [], "edited_at": None, "deleted_at": None}
    return {**values, "sender": sender, "file": file, **rest}


def view(work: Work, message: ChatMessage, reader_id: str | None) -> dict[str, Any]:
    """For a reader; None: for everybody, as in events."""
    return views(work, [message], reader_id)[0]


def views(work: Work, messages: Sequence[ChatMessage], reader_id: str | None) -> list[dict[str, Any]]:
    told = [message.data for message in messages if message.type == "system" and message.data]
    users = {message.sender_id for message in messages if message.sender_id} | _ids(told, "user_id")
    names = names_of(work, users) if users else {}
    names |= _names_in_the_room(work, _ids(told, "participant_id"))
    reactions = reactions_of(work, [message.id for message in messages], reader_id)
    shown = []
    for message in messages:
        system = _system(message.data, names) if message.type == "system" and message.data else None
        sender = message.sender_id and {"user_id": message.sender_id, "display_name": names[message.sender_id]}
        shown.append(
            {column: getattr(message, column) for column in _SHOWN}
            | {
                "text": _words(system) if system else message.text,
                "sender": sender,
                "system": system,
                "file": _file(work, message.id, message.data) if message.type == "file" and message.data else None,
                "reactions": reactions.get(message.id, []),
            }
        )
    return shown


def searched_text(message: ChatMessage) -> str:
    """What a person's message is found by: what it says, and its file's name. Nothing, where it was taken back."""
    return " ".join(part for part in (message.text, (message.data or {}).get("name")) if part)


_SHOWN = [name for name in MessageOut().fields if name in ChatMessage.__table__.columns]


def reactions_of(work: Work, message_ids: Sequence[str], reader_id: str | None) -> dict[str, list[dict[str, Any]]]:
    """How many put which emoji, by message, in the order in which each came first."""
    columns = (Reaction.message_id, Reaction.emoji, func.count().label("count"))
    query = select(*columns, func.sum(case((Reaction.user_id == reader_id, 1), else_=0)).label("mine"))
    query = query.where(Reaction.message_id.in_(message_ids)).group_by(Reaction.message_id, Reaction.emoji)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in work.execute(query.order_by(func.min(Reaction.created_at), Reaction.emoji)):
        mine = {} if reader_id is None else {"mine": bool(row.mine)}
        found.setdefault(row.message_id, []).append({"emoji": row.emoji, "count": row.count, **mine})
    return found


def _file(work: Work, message_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: data[key] for key in ("name", "media_type", "size", "sha256")},
        "download_url": f"{work.settings.address}/api/v1/messages/{message_id}/file",
    }


def _system(data: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    about = {key: data.get(key) for key in ("participant_id", "user_id", "recording_id", "reason")}
    name = names.get(data.get("participant_id") or "") or names.get(data.get("user_id") or "")
    return {"kind": data["kind"], **about, "display_name": name}


def _words(system: dict[str, Any]) -> str:
    leaving = SAID_OF_LEAVING.get(system["reason"]) if system["kind"] == "participant.left" else None
    return (leaving or SAID[system["kind"]]).format(system["display_name"] or "Somebody")


def _ids(told: Iterable[dict[str, Any]], key: str) -> set[str]:
    return {data[key] for data in told if data.get(key)}


def _names_in_the_room(work: Work, participant_ids: set[str]) -> dict[str, str]:
    if not participant_ids:
        return {}
    rows = work.execute(select(Participant.id, Participant.display_name).where(Participant.id.in_(participant_ids)))
    return {row.id: row.display_name for row in rows}
