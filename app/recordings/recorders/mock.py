"""The mock rung: a real, small MP4 that plays everywhere and says in picture, tone and title that it is a
mock.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from app.recordings.recorders.base import ProducedFile, RecorderUnusable, RecordingFailed

if TYPE_CHECKING:
    from av import AudioFrame
    from av.container import OutputContainer

    from app.recordings.recorders.card import Card

# Long enough to see that it plays and that seeking works; made in well under a second, of well under 300 kB.
MOCK_MAX_S = 6.0
# A recording stopped at once still gives a file that a player shows.
MOCK_MIN_S = 1.0

FRAMES_PER_S = 12
SAMPLES_PER_S = 48_000
SAMPLES_PER_FRAME = SAMPLES_PER_S // FRAMES_PER_S
# 100 samples a period and so 40 periods a frame: one frame of sound repeats for ever without a click.
TONE_HZ = 480
TONE_AMPLITUDE = 0.1  # of full scale: −20 dBFS, to be heard and not to be startled by

TITLE = "MOCK RECORDING"


class MockRecorder:
    """A Recorder whose file shows a moving test card with the participants' names, over a soft tone.

    The same arguments give the same bytes (on one machine with one version of its libraries). The file lasts
    as long as the recording did, but at least MOCK_MIN_S and at most MOCK_MAX_S seconds.
    """

    name = "mock"
    is_mock = True

    def produce(
        self,
        recording_id: str,
        participants: Sequence[str],
        duration_s: float,
        audio_only: bool,
        destination: Path,
    ) -> ProducedFile:
        self.usable()
        from av.error import FFmpegError

        path = destination / ("recording.m4a" if audio_only else "recording.mp4")
        frames = round(min(max(duration_s, MOCK_MIN_S), MOCK_MAX_S) * FRAMES_PER_S)
        card = None if audio_only else _card(recording_id, participants)
        try:
            destination.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=destination, prefix=".making-") as folder:
                partial = Path(folder) / path.name
                _write(partial, recording_id, frames, card)
                partial.replace(path)
        except (OSError, FFmpegError) as error:
            raise RecordingFailed(f"the mock recording couldn't be written: {error}") from error
        return ProducedFile(
            path=path,
            content_type="audio/mp4" if audio_only else "video/mp4",
            duration_s=frames / FRAMES_PER_S,
            bytes=path.stat().st_size,
            width=card.width if card else None,
            height=card.height if card else None,
        )

    def usable(self) -> None:
        try:
            import av.codec
            import PIL.ImageFont  # noqa: F401 – only whether it is there

            for codec in ("libx264", "aac"):
                av.codec.Codec(codec, "w")
        except (ImportError, ValueError) as error:
            raise RecorderUnusable(f"the mock recorder lacks a part: {error}") from error

    def close(self) -> None:
        """Nothing is held between calls."""


def _card(recording_id: str, participants: Sequence[str]) -> Card:
    # Here and not above: pictures and FFmpeg take long to import, and most processes never record.
    from app.recordings.recorders.card import Card

    return Card(TITLE, "Nothing of the meeting was recorded.", participants, seed=recording_id)


def _write(path: Path, recording_id: str, frames: int, card: Card | None) -> None:
    import av

    # bitexact: no version of a library and no time of day in the file. faststart: moov before mdat.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4" if card else "ipod", container_options=options) as container:
        container.metadata["title"] = f"{TITLE}: nothing of the meeting was recorded"
        container.metadata["comment"] = f"mock of recording {recording_id}"
        _encode(container, frames, card)


def _encode(container: OutputContainer, frames: int, card: Card | None) -> None:
    video = None
    if card:
        # One thread: x264's choices depend on their number. A key frame a second, so that seeking works.
        settings = {"preset": "veryfast", "crf": "26", "threads": "1", "g": str(FRAMES_PER_S)}
        video = container.add_stream("libx264", rate=FRAMES_PER_S, options=settings)
        video.width, video.height, video.pix_fmt = card.width, card.height, "yuv420p"
    audio = container.add_stream("aac", rate=SAMPLES_PER_S, layout="mono", bit_rate=64_000)
    tone = _tone()
    for number in range(frames):
        if card and video:
            container.mux(video.encode(card.frame(number, FRAMES_PER_S)))
        tone.pts = number * SAMPLES_PER_FRAME
        container.mux(audio.encode(tone))
    for stream in (video, audio):
        if stream:
            container.mux(stream.encode(None))


def _tone() -> AudioFrame:
    """As much sound as lasts one picture."""
    import av

    radians = 2 * math.pi * TONE_HZ / SAMPLES_PER_S
    samples = array("f", (TONE_AMPLITUDE * math.sin(radians * n) for n in range(SAMPLES_PER_FRAME)))
    frame = av.AudioFrame(format="fltp", layout="mono", samples=SAMPLES_PER_FRAME)
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = SAMPLES_PER_S
    return frame
