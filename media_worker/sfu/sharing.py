"""How one subscriber's path is shared: what is wanted and what comes in, layers and pauses out."""

from collections.abc import Sequence

from media_worker.sfu.allocation import Wish, allocate
from media_worker.sfu.bandwidth import BandwidthEstimate
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Track

_SOUND_BITS = 40_000  # a second, of a microphone that is not measured yet
_UNLIMITED = float("inf")
_CONGESTED_S = 3.0  # so long ago at the most
_SHORT_S = 3.0  # so long too little, before a picture is stopped
_MEASURES = 1.15  # of what is wanted, that an estimate has to reach


class Sharing:
    """`lacks` is the bitrate that there is a use for, where that is more than the path is known to carry."""

    def __init__(self, estimate: BandwidthEstimate) -> None:
        self._estimate = estimate
        self.lacks: float | None = None
        self._short_since: float | None = None

    def share(self, subscriptions: Sequence[Subscription], now: float, loudest: Sequence[str]) -> None:
        rank = {who: number for number, who in enumerate(loudest)}
        sound = sum(one.track.bitrate or _SOUND_BITS for one in subscriptions if one.track.kind == "audio")
        videos = [one for one in subscriptions if one.track.kind == "video" and not one.paused]
        videos.sort(key=lambda one: _importance(one, rank))
        wanted = [_wanted(one, now) for one in videos]
        bitrate = self._estimate.bitrate(now)
        wishes = [
            Wish([layer.bitrate for layer in layers], layers.index(one.track) if _has(one, layers) else -1)
            for one, layers in zip(videos, wanted, strict=True)
        ]
        room = _UNLIMITED if bitrate is None else bitrate - sound
        chosen = allocate(wishes, room)
        may_stop = self._may_stop(-1 in chosen, now)
        for one, layers, number in zip(videos, wanted, chosen, strict=True):
            if number >= 0 or not (may_stop or one.held):
                if one.held:
                    one.hold(False)
                if len(one.layers) > 1:
                    one.aim(layers[max(number, 0)])
            elif not one.held:
                one.hold(True)
                may_stop = False  # the next one only where that did not help
                self._short_since = now
        most = sound + sum(wish.rates[-1] for wish in wishes)
        is_short = any(number < len(wish.rates) - 1 for number, wish in zip(chosen, wishes, strict=True))
        self.lacks = most * _MEASURES if is_short and bitrate is not None else None

    def _may_stop(self, short: bool, now: float) -> bool:
        """Whether a picture may be stopped: the last resort, when the path has been full for a while."""
        if not short:
            self._short_since = None
            return False
        if self._short_since is None:
            self._short_since = now
        congested_at = self._estimate.congested_at
        return congested_at is not None and now - congested_at < _CONGESTED_S and now - self._short_since >= _SHORT_S


def _importance(one: Subscription, rank: dict[str, int]) -> tuple[bool, float, int]:
    track = one.track
    return track.source != "screen", -(one.max_height or _UNLIMITED), rank.get(track.participant_id, len(rank))


def _wanted(one: Subscription, now: float) -> list[Track]:
    """The layers that come and are not larger than there is a use for, the smallest first; at least one."""
    if len(one.layers) == 1:
        return one.layers
    coming = [layer for layer in one.layers if layer.comes(now) and layer.bitrate] or one.layers[:1]
    coming.sort(key=lambda layer: (layer.height, layer.place))
    return [layer for layer in coming if one.max_height is None or layer.height <= one.max_height] or coming[:1]


def _has(one: Subscription, layers: list[Track]) -> bool:
    return one.flowing and one.track in layers
