"""The life of a recording. `ready` and `failed` are final; a recording that was stopped is one of them within the hour.

The mock recorder has nothing to get ready, so that its recordings begin as `recording`.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "requested": frozenset({"recording", "failed"}),
    "recording": frozenset({"stopping", "failed"}),
    "stopping": frozenset({"processing", "failed"}),
    "processing": frozenset({"ready", "failed"}),
    "ready": frozenset(),
    "failed": frozenset(),
}

RUNNING = ("requested", "recording")  # at most one of a meeting


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
