"""The life of a recording. A recording that was stopped becomes `ready` or `failed`. `ready` is final; a `failed` one
comes back if tracks of it arrive after all, or it is composed again. The mock recorder has nothing to get ready, so
that its recordings begin as `recording`.
"""

TRANSITIONS: dict[str, frozenset[str]] = {
    "requested": frozenset({"recording", "stopping", "failed"}),
    "recording": frozenset({"stopping", "failed"}),
    "stopping": frozenset({"processing", "ready", "failed"}),  # ready: only its tracks were asked for
    "processing": frozenset({"ready", "failed"}),
    "ready": frozenset(),
    "failed": frozenset({"processing"}),
}

RUNNING = ("requested", "recording")  # at most one of a meeting

# Why a recording ended: by somebody or with its meeting, or before that, because it could not go on.
END_REASONS = (
    *("stopped", "meeting_ended"),
    *("worker_lost", "not_confirmed", "disk_full", "disk_too_slow", "disk_error", "worker_failed"),
)

# Of a track's file, in the order in which they may follow.
TRACKS = ("recording", "spooled", "uploaded", "lost")
TRACKS_SETTLED = ("uploaded", "lost")

# Of a composition. A `failed` one stays: composing again makes another.
RENDITIONS = ("queued", "processing", "ready", "failed")


def may_become(state: str, new: str) -> bool:
    return new in TRANSITIONS[state]
