"""What a transcriber is given to listen to: every sound at the time at which it was made."""

from __future__ import annotations

import subprocess
import sys
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from app.notes.sounds.preparing import prepare_call, prepare_track
from app.notes.sounds.shapes import Prepared, SoundUnreadable
from app.recordings.composing.plan import TrackFile
from tests.support.tracks import GREEN, Floats, audio_file, flat, times, tone, video_file


def microphone(path: Path, offset_s: float = 0.0, **told: Any) -> TrackFile:
    return TrackFile(path, "audio", "microphone", "anna", "Anna", offset_s, **told)


def samples_of(path: Path) -> Floats:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32767


def heard_in(path: Path) -> list[float]:
    """From, until, from, until …: where there is something to hear, in tenths of a second."""
    samples = samples_of(path)
    tenths = np.sqrt(np.square(samples[: len(samples) // 1600 * 1600].reshape(-1, 1600)).mean(axis=1)) > 0.02
    edges = np.flatnonzero(np.diff(np.concatenate([[False], tenths, [False]]).astype(int)))
    return [float(edge) / 10 for edge in edges]


def strongest_hz(path: Path, start_s: float, until_s: float) -> float:
    part = samples_of(path)[round(start_s * 16_000) : round(until_s * 16_000)]
    return float(np.argmax(np.abs(np.fft.rfft(part))) / (until_s - start_s))


def track(tmp_path: Path, pieces: Sequence[tuple[float, Floats]], offset_s: float = 0.0, **told: Any) -> Prepared:
    path = audio_file(tmp_path / "a.webm", pieces)
    return prepare_track(microphone(path, offset_s, **told), 60, tmp_path / "a.wav", lambda _: None)


def call(path: Path, tmp_path: Path) -> Prepared:
    return prepare_call(path, tmp_path, lambda _: None)


def stereo_file(path: Path, left: Floats, right: Floats, codec: str = "pcm_s16le", rate: int = 8000) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="stereo")
        frame: Any = av.AudioFrame.from_ndarray(np.stack([left, right]), format="fltp", layout="stereo")
        frame.sample_rate = rate
        for part in (*stream.encode(frame), *stream.encode(None)):
            container.mux(part)
    return path


def test_a_hole_of_ten_seconds_is_ten_seconds_of_silence(tmp_path: Path) -> None:
    made = track(tmp_path, [(0.0, tone(440, 2)), (12.0, tone(880, 2))])
    assert heard_in(made.paths[0]) == pytest.approx([0.0, 2.0, 12.0, 14.0], abs=0.11)
    assert strongest_hz(made.paths[0], 0.5, 1.5) == pytest.approx(440, abs=2)
    assert strongest_hz(made.paths[0], 12.5, 13.5) == pytest.approx(880, abs=2)
    assert made.duration_s == pytest.approx(14, abs=0.05)
    assert len(samples_of(made.paths[0])) == pytest.approx(made.duration_s * 16_000, abs=2)


def test_such_a_file_is_shorter_by_ten_seconds_to_who_only_strings_frames_together(tmp_path: Path) -> None:
    """Or else the test above could not fail."""
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 2)), (12.0, tone(880, 2))])
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) / 48_000 == pytest.approx(4, abs=0.1)


def test_a_track_lies_where_it_began_in_the_recording(tmp_path: Path) -> None:
    made = track(tmp_path, [(0.0, tone(440, 1))], offset_s=3.5)
    assert heard_in(made.paths[0]) == pytest.approx([3.5, 4.5], abs=0.11)


def test_nobody_is_heard_while_muted(tmp_path: Path) -> None:
    made = track(tmp_path, [(0.0, tone(440, 5))], mutes=[(2.0, 4.0)])
    assert heard_in(made.paths[0]) == pytest.approx([0.0, 2.0, 4.0, 5.0], abs=0.11)


def test_silence_takes_no_room_on_the_disk(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 1))])
    made = prepare_track(microphone(path, 3000.0), 3600, tmp_path / "a.wav", lambda _: None)
    status = made.paths[0].stat()
    assert status.st_size > 96_000_000
    assert status.st_blocks * 512 < 1_000_000


def test_what_lies_behind_the_end_of_the_recording_is_left_out(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 4))])
    made = prepare_track(microphone(path), 2.5, tmp_path / "a.wav", lambda _: None)
    assert made.duration_s == 2.5
    assert len(samples_of(made.paths[0])) == 40_000


def test_progress_is_told_and_what_it_raises_leaves_nothing_behind(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 4))])
    told: list[float] = []
    prepare_track(microphone(path), 4, tmp_path / "a.wav", told.append)
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1

    def refuse(_: float) -> None:
        raise KeyError("not wanted")

    with pytest.raises(KeyError):
        prepare_track(microphone(path), 4, tmp_path / "b.wav", refuse)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["a.wav", "a.webm"]


@pytest.mark.parametrize("suffix", ["wav", "mp3", "flac", "m4a", "mov", "avi", "wma", "ts", "flv", "ac3", "aiff"])
def test_a_call_comes_in_any_container(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"call.{suffix}"
    with av.open(str(path), "w") as container:
        rate = 44_100
        stream: Any = container.add_stream(str(container.default_audio_codec), rate=rate, layout="mono")
        stream.bit_rate = 64_000
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        for number in range(30):
            part = tone(440, 3, rate=rate)[number * rate // 10 : (number + 1) * rate // 10]
            frame: Any = av.AudioFrame.from_ndarray(part[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, number * rate // 10
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    unnamed = path.rename(tmp_path / "call")  # what it is stands in it, not in its name
    made = call(unnamed, tmp_path)
    [wav] = made.paths
    assert made.duration_s == pytest.approx(3, abs=0.2)
    assert strongest_hz(wav, 0.5, 2.5) == pytest.approx(440, abs=2)
    assert made.container
    assert made.codec


def test_a_call_in_stereo_becomes_a_wav_for_each_channel(tmp_path: Path) -> None:
    silence = np.zeros(16_000, np.float32)
    left = np.concatenate([tone(440, 2, rate=8000), silence])
    right = np.concatenate([silence, tone(880, 2, rate=8000)])
    made = call(stereo_file(tmp_path / "call.wav", left, right), tmp_path)
    assert [path.name for path in made.paths] == ["left.wav", "right.wav"]
    assert heard_in(made.paths[0]) == pytest.approx([0.0, 2.0], abs=0.11)
    assert heard_in(made.paths[1]) == pytest.approx([2.0, 4.0], abs=0.11)
    assert strongest_hz(made.paths[1], 2.5, 3.5) == pytest.approx(880, abs=2)


def test_two_channels_that_are_the_same_are_one(tmp_path: Path) -> None:
    same = tone(440, 2, rate=8000)
    made = call(stereo_file(tmp_path / "call.wav", same, same * np.float32(0.97)), tmp_path)
    assert [path.name for path in made.paths] == ["sound.wav"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["call.wav", "sound.wav"]


def test_a_call_begins_with_its_first_sound_whatever_its_clock_says(tmp_path: Path) -> None:
    path = audio_file(tmp_path / "call.webm", [(100.0, tone(440, 1)), (111.0, tone(440, 1))])
    made = call(path, tmp_path)
    assert heard_in(made.paths[0]) == pytest.approx([0.0, 1.0, 11.0, 12.0], abs=0.11)


def test_what_is_no_sound_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"This is no sound at all. " * 400)
    with pytest.raises(SoundUnreadable, match="can't be read as sound"):
        call(tmp_path / "a.mp3", tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(SoundUnreadable, match="can't be read as sound"):
        call(tmp_path / "empty", tmp_path)
    with pytest.raises(SoundUnreadable, match="it has no audio"):
        call(video_file(tmp_path / "silent.webm", [(at, flat(GREEN)) for at in times(0, 1)]), tmp_path)


def test_a_playlist_or_a_script_reads_no_other_file(tmp_path: Path) -> None:
    audio_file(tmp_path / "secret.webm", [(0.0, tone(440, 1))])
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.webm\n#EXT-X-ENDLIST\n")
    (tmp_path / "script.ffconcat").write_text("ffconcat version 1.0\nfile secret.webm\n")
    for name in ("list.m3u8", "script.ffconcat"):
        with pytest.raises(SoundUnreadable, match="can't be read as sound"):
            call(tmp_path / name, tmp_path)


MEASURING = """
import resource, sys
from pathlib import Path
from app.notes.sounds.preparing import prepare_call
prepare_call(Path(sys.argv[1]), Path(sys.argv[2]), lambda part: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_long_call_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    kb = []
    for minutes in (1, 30):
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            for _ in range(minutes):
                file.writeframes((tone(440, 60, rate=8000) * 32767).astype("<i2").tobytes())
        command = [sys.executable, "-c", MEASURING, str(path), str(tmp_path)]
        kb.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert kb[1] < kb[0] * 1.2
