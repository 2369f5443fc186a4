from typing import NamedTuple


class OwnerReturned(NamedTuple):
    """An inbox is polled again after a silence of PRESENCE_RECONNECTING_S or more."""

    kind: str
    owner_id: str
