"""The life of one version of a meeting's notes. Asking again makes the next version; what failed can be tried again,
and the analysis made anew.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset({"ready", "failed"}),
    "ready": frozenset({"pending"}),
    "failed": frozenset({"pending"}),
}

# Of a stage. `skipped`: there is nothing to do, or its track can't be read; the others go on without it.
STAGES = ("waiting", "queued", "running", "done", "skipped", "failed")
STAGES_OPEN = ("queued", "running")
STAGES_PASSED = ("done", "skipped")


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
