"""One file that is being written: a track in one codec, from its first frame that can be played."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from media_worker.recording import formats, frames
from media_worker.recording.matroska import Codec, MatroskaFile
from media_worker.recording.reorder import Received, Reorder
from media_worker.recording.timing import Timing
from media_worker.rtp import codecs
from media_worker.sfu.reports import Timeline

MOST_SPANS = 1000  # gaps, mutes; the last one grows
_NTP_UNIX_S = 2_208_988_800  # from 1900 to 1970

Span = list[float]  # from, until, in seconds of the file


@dataclass
class Manifest:
    """What is known of a file beside its bytes. Stands beside it as JSON lines, of which the last holds."""

    recording_id: str
    meeting_id: str
    epoch: int
    id: str
    participant_id: str
    track_id: str
    kind: str
    source: str
    codec: str
    file_name: str = ""
    content_type: str = ""
    origin: float | None = None  # Parley's time of the file's zero, in seconds since 1970
    sender_origin: float | None = None  # the same by the sender's clock, as its reports tell
    duration_s: float = 0.0
    packets: int = 0
    lost: int = 0
    frames: int = 0
    width: int | None = None
    height: int | None = None
    gaps: list[Span] = field(default_factory=list)
    mutes: list[Span] = field(default_factory=list)
    is_complete: bool = False  # it was closed, and not cut off


class TrackFile:
    """Written to by one thread. `wants_key_frame` is read, and answered, by another."""

    def __init__(self, folder: Path, manifest: Manifest, clock_rate: int, channels: int, wall_s: float) -> None:
        """`wall_s` is Parley's time when the clock of arrivals was zero."""
        self.manifest = manifest
        self.wants_key_frame = manifest.kind == "video"
        self.is_begun = False
        self._folder, self._wall_s, self._channels = folder, wall_s, channels
        self._read = frames.READERS[manifest.codec]
        self._reorder = Reorder()
        self._timing = Timing(clock_rate)
        self._file: MatroskaFile | None = None
        self.manifest_path = folder / f"{manifest.id}.jsonl"
        self._log = self.manifest_path.open("w")
        self._noted = 0.0
        self._frame: list[Received] = []
        self._is_whole = True  # as far as the present frame goes
        self._is_playable = manifest.kind == "audio"  # until a key frame, and after a loss, a picture is not
        self._gap_from: float | None = None
        self._mute_from: float | None = None

    @property
    def path(self) -> Path:
        return self._folder / self.manifest.file_name

    def add(self, packet: Received) -> None:
        """:raises OSError: the disk is full, or worse"""
        self.manifest.packets += 1
        self._take(self._reorder.add(packet))

    def reported(self, timeline: Timeline) -> None:
        """A sender report (RFC 3550 §6.4.1): what the sender's clock showed at a timestamp."""
        if self._timing.origin is not None:
            sent = timeline.ntp / (1 << 32) - _NTP_UNIX_S
            self.manifest.sender_origin = sent - self._timing.seconds(timeline.timestamp & 0xFFFFFFFF)

    def due(self, now: float) -> None:
        """Write what has waited long enough, and every second what is known. :raises OSError:"""
        self._take(self._reorder.due(now))
        self._write(self._timing.due(now))
        if now - self._noted >= 1.0:
            self._noted = now
            if self._file is not None:
                self._file.flush()
            self.note()

    def close(self) -> None:
        """:raises OSError: what was written until then plays all the same"""
        try:
            self._take(self._reorder.rest())
            self._write(self._timing.rest())
            for spans, begun in ((self.manifest.gaps, self._gap_from), (self.manifest.mutes, self._mute_from)):
                if begun is not None and begun < self.manifest.duration_s:
                    _span(spans, begun, self.manifest.duration_s)
            if self._file is not None:
                self._file.close()
            self.manifest.is_complete = True
        finally:
            with suppress(OSError):
                self.note()
            self._log.close()

    def abandon(self) -> None:
        """Close it without another byte."""
        if self._file is not None:
            self._file.abandon()
        with suppress(OSError):
            self._log.close()

    def note(self) -> None:
        """A line of the manifest, a new one each time: what a crash cuts off is the newest at most."""
        self.manifest.lost = self._reorder.lost
        if self._timing.origin is not None:
            self.manifest.origin = self._wall_s + self._timing.origin
        if self._file is not None:
            self._log.write(json.dumps(asdict(self.manifest)) + "\n")
            self._log.flush()

    # ------------------------------------------------------------------------------------------------------------------

    def _take(self, packets: list[tuple[Received, bool]]) -> None:
        for packet, follows in packets:
            if not follows:
                self._hole(packet)
            if packet.payload is None:
                self._mute(packet)
            elif self.manifest.kind == "audio":
                self._unmute(packet)
                self._put_together([packet])
            else:
                self._unmute(packet)
                self._picture(packet)

    def _picture(self, packet: Received) -> None:
        if self._frame and self._frame[-1].timestamp != packet.timestamp:
            self._end_frame()  # its marker got lost, or its sender sets none
        self._frame.append(packet)
        if packet.marker:
            self._end_frame()

    def _end_frame(self) -> None:
        packets, self._frame = self._frame, []
        whole, self._is_whole = self._is_whole, True
        if whole and packets:
            self._put_together(packets)
        elif packets:
            self._break()

    def _put_together(self, packets: list[Received]) -> None:
        payloads = [packet.payload for packet in packets if packet.payload]
        if not payloads:
            return  # padding, to probe the path
        is_key = self.manifest.kind == "audio" or any(
            codecs.is_key_frame(self.manifest.codec, payload) for payload in payloads
        )
        if not self._is_playable and not is_key:
            self.wants_key_frame = True
            return
        try:
            data = self._read(payloads)
            if self._file is None:
                self._begin(payloads)
            elif is_key and self.manifest.kind == "video":
                self._note_size(formats.of_picture(self.manifest.codec, payloads))
        except ValueError:
            self._break()
            return
        if is_key:
            self._is_playable, self.wants_key_frame = True, False
        self._write(self._timing.place(packets[0], data, is_key))
        if not self.is_begun:
            self.note()
            self.is_begun = True

    def _begin(self, payloads: list[bytes]) -> None:
        kind, codec = self.manifest.kind, self.manifest.codec
        format_ = formats.of_sound(codec, self._channels) if kind == "audio" else formats.of_picture(codec, payloads)
        suffix, family = ("webm", "webm") if format_.is_webm else ("mkv", "x-matroska")
        self.manifest.file_name = f"{self.manifest.id}.{suffix}"
        self.manifest.content_type = f"{kind}/{family}"
        if kind == "video":
            self._note_size(format_)
        self._file = MatroskaFile(self.path, format_)

    def _note_size(self, format_: Codec) -> None:
        """The largest that there was: cameras begin small, and a window that is shared changes."""
        if format_.width * format_.height > (self.manifest.width or 0) * (self.manifest.height or 0):
            self.manifest.width, self.manifest.height = format_.width, format_.height

    def _write(self, placed: list[tuple[float, bytes, bool]]) -> None:
        for at, data, is_key in placed:
            if self._file is None:
                return
            if self._gap_from is not None:
                _span(self.manifest.gaps, self._gap_from, at)
                self._gap_from = None
            self._file.add(round(at * 1000), data, is_key=is_key)
            self.manifest.frames += 1
            self.manifest.duration_s = max(self.manifest.duration_s, round(at, 3))

    def _hole(self, packet: Received) -> None:
        """Before `packet`, something never came."""
        if self.manifest.kind == "video":
            # The head of the packet's own frame, or whole frames: then readers see that it begins here.
            self._is_whole = not (self._frame and self._frame[-1].timestamp == packet.timestamp)
            self._frame.clear()
            self._is_playable, self.wants_key_frame = False, True
        self._begin_gap()

    def _break(self) -> None:
        """A picture that can't be shown, and with it those that build upon it."""
        if self.manifest.kind == "video":
            self._is_playable, self.wants_key_frame = False, True
        self._begin_gap()

    def _begin_gap(self) -> None:
        if self._gap_from is None and self._file is not None:
            self._gap_from = self.manifest.duration_s

    def _mute(self, packet: Received) -> None:
        self._frame.clear()
        if self.manifest.kind == "video":
            self._is_playable = False
        if self._mute_from is None and self._file is not None:
            self._mute_from = self._timing.seconds(packet.timestamp)

    def _unmute(self, packet: Received) -> None:
        if self._mute_from is not None:
            _span(self.manifest.mutes, self._mute_from, self._timing.seconds(packet.timestamp))
            self._mute_from = None


def _span(spans: list[Span], begun: float, ended: float) -> None:
    if ended <= begun:
        return
    if len(spans) >= MOST_SPANS:
        spans[-1][1] = round(ended, 3)
    else:
        spans.append([round(begun, 3), round(ended, 3)])
