"""The life of an upload. `completing`: its parts are put together and verified, in the background; parts that turn out
to be missing make it `uploading` again. One that is never finished, or that nobody takes, is swept, and so is a failed
one.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "uploading": frozenset({"completing"}),
    "completing": frozenset({"uploading", "complete", "failed"}),
    "complete": frozenset({"taken"}),
    "taken": frozenset(),
    "failed": frozenset(),
}

OPEN = ("uploading", "completing", "complete")  # nothing refers to them: these count for UPLOADS_OPEN_MAX


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
