from datetime import datetime
from typing import NamedTuple


class MessageChanged(NamedTuple):
    """A person's message was written, edited or deleted. `text`: what it says now, or its file's name; None: nothing
    any more."""

    meeting_id: str
    message_id: str
    sender_id: str | None
    sender_name: str | None
    text: str | None
    at: datetime
    is_new: bool


class ChatCleared(NamedTuple):
    meeting_id: str
