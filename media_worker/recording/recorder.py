"""One recording of one meeting, as long as it is placed here: which tracks there are, what Parley is told of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import structlog
import uuid_utils

from media_worker.recording import frames
from media_worker.recording.reorder import Received
from media_worker.recording.shipping import Shipping
from media_worker.recording.track_file import Manifest, TrackFile
from media_worker.recording.writer import Writer, Writing
from media_worker.rtp.packet import Forwarded
from media_worker.sfu.best_layer import BestLayer
from media_worker.sfu.reports import Timeline
from media_worker.sfu.track import Format, Tap, Track

log = structlog.get_logger()


@dataclass(eq=False)
class _Recorded:
    """A track and the file that it goes to at present; there is none before its first packet."""

    track: Track | BestLayer
    writing: Writing | None = None
    timeline: Timeline | None = None
    tap: Tap | None = None


@dataclass(eq=False)
class Recorder:
    """`wall_s`: Parley's time when the packets' clock was zero. `failure` says why nothing more can be recorded."""

    id: str
    meeting_id: str
    epoch: int
    audio_only: bool
    writer: Writer
    shipping: Shipping
    wall_s: Callable[[], float]
    failure: str | None = None
    _tracks: dict[str, _Recorded] = field(default_factory=dict)

    def follow(self, tracks: Iterable[Track | BestLayer]) -> None:
        """Record these from now on, and none that is not among them."""
        now_there = {track.id: track for track in tracks if not (self.audio_only and track.kind == "video")}
        for track_id in list(self._tracks):
            if track_id not in now_there:
                self._let_go(self._tracks.pop(track_id))
        for track in now_there.values():
            if track.id not in self._tracks:
                recorded = self._tracks[track.id] = _Recorded(track)
                recorded.tap = partial(self._take, recorded)
                track.taps.append(recorded.tap)
                track.key_frames.request()

    def tick(self) -> None:
        """Ask for the key frames that files need, pass on sender reports, see what has failed. Every 20 ms or so."""
        for recorded in self._tracks.values():
            writing, source = recorded.writing, recorded.track.current
            if writing is None:
                continue
            self.failure = self.failure or writing.failure
            if writing.file.wants_key_frame and recorded.track.kind == "video":
                writing.file.wants_key_frame = False
                recorded.track.key_frames.request()
            if source is not None and source.timeline is not None and source.timeline is not recorded.timeline:
                recorded.timeline = source.timeline
                self.writer.add(writing, source.timeline)

    def close(self) -> None:
        """Nothing more is recorded; files are completed by the writer's thread."""
        self.follow(())

    # ------------------------------------------------------------------------------------------------------------------

    def _take(self, recorded: _Recorded, packet: Forwarded, format_: Format, now: float) -> None:
        """In the loop over packets."""
        codec = format_.codec.lower()
        payload = None if recorded.track.muted else _media(packet)
        if codec == "red":
            codec, payload = "opus", _primary(payload)
        elif codec not in frames.READERS:
            payload = payload and b""  # comfort noise, telephone events: a number, and nothing to keep
        writing = recorded.writing
        if codec in frames.READERS and (writing is None or writing.file.manifest.codec != codec):
            if writing is not None:
                self.writer.close(writing)
            recorded.writing = writing = self._open(recorded.track, codec, format_.clock_rate)
            recorded.timeline = None
        if writing is not None:
            marker = packet.marker != 0
            self.writer.add(writing, Received(packet.sequence, packet.timestamp & 0xFFFFFFFF, marker, payload, now))

    def _open(self, track: Track | BestLayer, codec: str, clock_rate: int) -> Writing:
        manifest = Manifest(
            recording_id=self.id,
            meeting_id=self.meeting_id,
            epoch=self.epoch,
            id=str(uuid_utils.uuid7()),
            participant_id=track.participant_id,
            track_id=track.id,
            kind=track.kind,
            source=track.source,
            codec=codec,
        )
        channels = 2 if codec == "opus" else 1
        file = TrackFile(self.shipping.folder, manifest, clock_rate, channels, self.wall_s())
        writing = self.writer.open(file)
        self.shipping.begun(self.id, writing)
        return writing

    def _let_go(self, recorded: _Recorded) -> None:
        recorded.track.taps = [tap for tap in recorded.track.taps if tap is not recorded.tap]
        if recorded.writing is not None:
            self.writer.close(recorded.writing)


def _media(packet: Forwarded) -> bytes:
    """The payload without padding."""
    payload = packet.rest[packet.extension_end :]
    if not packet.first_byte & 0x20:
        return payload
    return payload[: -payload[-1]] if payload and 0 < payload[-1] <= len(payload) else b""


def _primary(payload: bytes | None) -> bytes | None:
    if not payload:
        return payload
    try:
        return frames.red([payload])
    except ValueError:
        return b""
