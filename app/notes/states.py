"""The life of one version of a meeting's notes. Asking again makes the next version."""

TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset({"ready", "failed"}),
    "ready": frozenset(),
    "failed": frozenset(),
}


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
