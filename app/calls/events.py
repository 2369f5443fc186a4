from typing import NamedTuple


class CallReceived(NamedTuple):
    call_id: str
    user_id: str


class CallDeleted(NamedTuple):
    """Its row and all that was made of it go in this transaction."""

    call_id: str
    user_id: str
