"""The life of a job.

A task that runs by the clock is one row that goes queued → running → queued for ever.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset({"done", "queued", "failed"}),  # queued: to be tried again, given back, or its runner died
    "done": frozenset(),
    "failed": frozenset({"queued"}),  # `flask jobs retry`
    "cancelled": frozenset({"queued"}),  # by an admin, who may take that back
}


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
