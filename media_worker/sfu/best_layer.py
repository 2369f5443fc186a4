"""The best of a track's layers, as one stream: for who wants a track whole, and has no path that it has to fit."""

from dataclasses import dataclass
from functools import partial

from media_worker.rtp.packet import Forwarded
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.sfu.keyframes import KeyFrameRequests
from media_worker.sfu.reports import Timeline
from media_worker.sfu.subscription import Subscription
from media_worker.sfu.track import Format, Tap, Track

_CHOOSE_EVERY_S = 1.0


@dataclass(frozen=True)
class _Told:
    timeline: Timeline | None


class BestLayer(Subscription):
    """A subscriber that is sent nothing, and shows its taps what it would be sent. As a track, to who taps it."""

    def __init__(self, layers: list[Track]) -> None:
        super().__init__(layers[-1], Route(None, 0, Numbering(0, 0)), "", layers=layers)
        self.taps: list[Tap] = []
        self._nowhere: list[Route] = []
        self._chosen_at = 0.0
        self._told: tuple[Timeline, int, _Told] | None = None
        for layer in layers:
            layer.taps.append(partial(self._show, layer))

    @property
    def id(self) -> str:
        return self.track.id

    @property
    def participant_id(self) -> str:
        return self.track.participant_id

    @property
    def kind(self) -> str:
        return self.track.kind

    @property
    def source(self) -> str:
        return self.track.source

    @property
    def muted(self) -> bool:
        return self.track.muted

    @property
    def key_frames(self) -> KeyFrameRequests:
        return self.track.key_frames

    @property
    def current(self) -> _Told | None:
        """Where the timestamps stand, in those that the taps are shown."""
        timeline = self.track.current.timeline if self.track.current else None
        if timeline is None or not self.flowing:
            return None
        offset = self.route.numbering.timestamp_offset
        if self._told is None or self._told[0] is not timeline or self._told[1] != offset:
            shown = Timeline(timeline.ntp, timeline.timestamp + offset, timeline.at)
            self._told = (timeline, offset, _Told(shown))
        return self._told[2]

    def choose(self, now: float) -> None:
        """Go over to the largest layer that comes. To be called every second or oftener."""
        if not self.taps:
            self.stop()
        elif now - self._chosen_at >= _CHOOSE_EVERY_S or not self.flowing:
            self._chosen_at = now
            coming = [layer for layer in self.layers if layer.comes(now)]
            if coming:
                self.aim(max(coming, key=lambda layer: (layer.height, layer.place)))

    def _ways(self, track: Track) -> list[Route]:
        return self._nowhere

    def _show(self, layer: Track, packet: Forwarded, format_: Format, now: float) -> None:
        if not self.flowing or layer is not self.track or not self.taps:
            return
        numbering = self.route.numbering
        number = numbering.outgoing(packet.sequence)
        if number is not None:
            timestamp = (packet.timestamp + numbering.timestamp_offset) & 0xFFFFFFFF
            for tap in self.taps:
                tap(packet._replace(sequence=number, timestamp=timestamp), format_, now)
