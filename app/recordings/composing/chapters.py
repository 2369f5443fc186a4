"""Where a reader may want to jump to: to who speaks, and to what was shown."""

from __future__ import annotations

from collections.abc import Sequence

from app.recordings.composing.plan import Chapter
from app.recordings.composing.timeline import Person, Share, Turn

# No chapter is shorter than a twentieth of the recording, within these.
SHORTEST_S, LONGEST_MINIMUM_S = 5.0, 30.0


def chapters(
    duration_s: float, title: str, found: dict[str, Person], spoken: Sequence[Turn], shared: Sequence[Share]
) -> list[Chapter]:
    """In order, the first at 0. A shared screen is a chapter, and so is who has the word for long."""
    minimum_s = min(max(duration_s / 20, SHORTEST_S), LONGEST_MINIMUM_S)
    made: list[Chapter] = []
    for start_s, name in _candidates(duration_s, title, found, spoken, shared, minimum_s):
        if made and start_s - made[-1].start_s < minimum_s:
            # What begins so soon lasts longer than what there was: it gives the chapter its name.
            start_s = made.pop().start_s
        if not made or made[-1].title != name:
            made.append(Chapter(round(start_s, 3), name))
    return made or [Chapter(0.0, title or "Recording")]


def _candidates(
    duration_s: float,
    title: str,
    found: dict[str, Person],
    spoken: Sequence[Turn],
    shared: Sequence[Share],
    minimum_s: float,
) -> list[tuple[float, str]]:
    def shown_at(time_s: float) -> Share | None:
        return next((s for s in reversed(shared) if s.span[0] <= time_s < s.span[1]), None)

    def named(time_s: float) -> str:
        if share := shown_at(time_s):
            return f"{found[share.participant_id].label} shares a screen"
        turn = next((turn for turn in reversed(spoken) if turn.start_s <= time_s), None)
        return found[turn.participant_id].label if turn else title or "Recording"

    times = {0.0}
    for share in shared:
        times.update(edge for edge in share.span if share.span[1] - share.span[0] >= minimum_s)
    ends = [*(turn.start_s for turn in spoken[1:]), duration_s][: len(spoken)]
    times.update(turn.start_s for turn, end in zip(spoken, ends, strict=True) if end - turn.start_s >= minimum_s)
    return [(time_s, named(time_s)) for time_s in sorted(times) if duration_s - time_s >= minimum_s or not time_s]
