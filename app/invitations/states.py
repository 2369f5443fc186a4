"""The life of an invitation.

`accepted` and `rejected` are answers: repeating one's own is no error, contradicting it is. Who accepted may still
propose another time. The owner's `resend` asks again, and so does moving the meeting.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset({"accepted", "rejected", "proposed", "revoked"}),
    "proposed": frozenset({"accepted", "rejected", "proposed", "pending", "revoked"}),
    "accepted": frozenset({"proposed", "pending", "revoked"}),
    "rejected": frozenset({"pending", "revoked"}),
    "revoked": frozenset({"pending"}),
}


def may_become(status: str, new: str) -> bool:
    return new in TRANSITIONS[status]
