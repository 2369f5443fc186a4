"""The life of a meeting. A room that was left empty ends by itself, and may be started again."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "scheduled": frozenset({"live", "cancelled"}),
    "live": frozenset({"ended"}),
    "ended": frozenset({"live"}),
    "cancelled": frozenset(),
}

ERASABLE = frozenset({"ended", "cancelled"})


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
