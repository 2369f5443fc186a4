from typing import NamedTuple


class MessageChanged(NamedTuple):
    """A person's message was written, edited or deleted."""

    meeting_id: str
    message_id: str
    is_new: bool


class ChatCleared(NamedTuple):
    meeting_id: str
