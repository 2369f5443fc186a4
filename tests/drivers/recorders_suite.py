"""What every recorder must do: a rung's test class inherits this and makes the recorder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import av
import pytest

from app.recordings.recorders.base import Recorder, RecordingFailed

PARTICIPANTS = ["Anna", "Bob Ødegård"]


class RecorderSuite:
    def make_recorder(self) -> Recorder:
        raise NotImplementedError

    @pytest.fixture
    def recorder(self) -> Recorder:
        return self.make_recorder()

    def test_a_recorder_has_a_name_and_says_whether_it_is_a_mock(self, recorder: Recorder) -> None:
        assert recorder.name
        assert isinstance(recorder.is_mock, bool)

    def test_the_file_is_in_the_folder_and_is_as_large_as_told(self, recorder: Recorder, tmp_path: Path) -> None:
        produced = recorder.produce("r1", PARTICIPANTS, 2, False, tmp_path / "not/yet/there")
        assert produced.path.parent == tmp_path / "not/yet/there"
        assert produced.path.stat().st_size == produced.bytes
        assert list(produced.path.parent.iterdir()) == [produced.path]

    def test_a_recording_is_h264_and_aac_as_large_as_told(self, recorder: Recorder, tmp_path: Path) -> None:
        produced = recorder.produce("r1", PARTICIPANTS, 2, False, tmp_path)
        assert produced.content_type == "video/mp4"
        assert produced.path.suffix == ".mp4"
        with av.open(str(produced.path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.codec.canonical_name, audio.codec.canonical_name) == ("h264", "aac")
            assert video.pix_fmt == "yuv420p"  # the one format that every browser and phone plays
            assert (video.width, video.height) == (produced.width, produced.height)

    def test_an_audio_recording_holds_sound_alone(self, recorder: Recorder, tmp_path: Path) -> None:
        produced = recorder.produce("r1", PARTICIPANTS, 2, True, tmp_path)
        assert produced.content_type == "audio/mp4"
        assert produced.path.suffix == ".m4a"
        assert (produced.width, produced.height) == (None, None)
        with av.open(str(produced.path)) as container:
            assert [stream.codec_context.name for stream in container.streams] == ["aac"]

    @pytest.mark.parametrize("audio_only", [False, True])
    def test_every_stream_decodes_for_as_long_as_told(
        self, recorder: Recorder, tmp_path: Path, audio_only: bool
    ) -> None:
        produced = recorder.produce("r1", PARTICIPANTS, 2.5, audio_only, tmp_path)
        lasted = decoded_seconds(produced.path)
        assert set(lasted) == ({"audio"} if audio_only else {"audio", "video"})
        for kind, seconds in lasted.items():
            # An AAC frame (1024 samples) or a picture more or less.
            assert seconds == pytest.approx(produced.duration_s, abs=0.1), kind

    @pytest.mark.parametrize("audio_only", [False, True])
    def test_the_file_plays_while_it_still_loads(self, recorder: Recorder, tmp_path: Path, audio_only: bool) -> None:
        produced = recorder.produce("r1", PARTICIPANTS, 2, audio_only, tmp_path)
        boxes = top_level_boxes(produced.path.read_bytes())
        assert boxes[0] == "ftyp"
        assert boxes.index("moov") < boxes.index("mdat")

    def test_making_it_again_replaces_the_first(self, recorder: Recorder, tmp_path: Path) -> None:
        first = recorder.produce("r1", PARTICIPANTS, 2, False, tmp_path)
        second = recorder.produce("r1", PARTICIPANTS, 2, False, tmp_path)
        assert second.path == first.path
        assert list(tmp_path.iterdir()) == [first.path]

    def test_a_folder_that_can_not_be_made_fails_and_leaves_nothing(self, recorder: Recorder, tmp_path: Path) -> None:
        (tmp_path / "in-the-way").write_text("a file")
        with pytest.raises(RecordingFailed):
            recorder.produce("r1", PARTICIPANTS, 2, False, tmp_path / "in-the-way")
        assert [path.name for path in tmp_path.iterdir()] == ["in-the-way"]

    def test_a_good_recorder_is_usable(self, recorder: Recorder) -> None:
        recorder.usable()

    def test_closing_twice_is_fine(self, recorder: Recorder) -> None:
        with closing(recorder):
            recorder.close()


def decoded_seconds(path: Path) -> dict[str, float]:
    """What is really there, frame by frame: headers can claim anything."""
    lasted: dict[str, float] = {}
    with av.open(str(path)) as container:
        for sound in container.decode(audio=0):
            lasted["audio"] = lasted.get("audio", 0) + sound.samples / sound.sample_rate
    with av.open(str(path)) as container:
        for stream in container.streams.video:
            lasted["video"] = sum(1 for _ in container.decode(stream)) / float(stream.average_rate or 1)
    return lasted


def top_level_boxes(content: bytes) -> list[str]:
    """Names of the boxes of an MP4 (ISO/IEC 14496-12 §4.2, without the sizes 0 and 1)."""
    names, position = [], 0
    while position < len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        assert size >= 8
        names.append(content[position + 4 : position + 8].decode("ascii"))
        position += size
    return names
