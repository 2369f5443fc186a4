"""What a player is shown that asks for nobody in particular: a meeting on a screen."""

from collections.abc import Sequence

from media_worker.session.publishing import Published
from media_worker.sfu.track import Track

_GONE_DARK_S = 3.0  # without a packet a camera counts as covered; a shared screen may stand still


def choose(
    kind: str, able: Sequence[Published], loudest: Sequence[str], shown: Sequence[Published | None], now: float
) -> list[Published | None]:
    """What plays on each of as many m-lines as `shown` has, which says what plays there now.

    Pictures: a shared screen first, the newest; then who spoke last; then who is shown already; then in the order in
    which they came. Sound the same, without screens. What goes on playing keeps its m-line.

    :param able: what can be played, in the order in which it came. :param loudest: who spoke last, the newest first.
    """
    rank = {who: number for number, who in enumerate(loudest)}
    on_now = {one.track.id for one in shown if one is not None}

    def importance(place: int, one: Published) -> tuple[object, ...]:
        track = one.track
        is_screen = track.source == "screen"
        spoke = rank.get(track.participant_id, len(rank))
        order = -place if is_screen else place
        return _is_dark(track, now), not is_screen, spoke, track.id not in on_now, order

    wanted = sorted((one for one in enumerate(able) if one[1].track.kind == kind), key=lambda one: importance(*one))[
        : len(shown)
    ]
    best = {one.track.id: one for _, one in wanted}
    lines = [best.pop(one.track.id, None) if one is not None else None for one in shown]
    rest = iter(best.values())
    return [one if one is not None else next(rest, None) for one in lines]


def _is_dark(track: Track, now: float) -> bool:
    if track.kind == "audio" or track.source == "screen":
        return False
    return track.last is None or now - track.last[1] > _GONE_DARK_S
