"""Tracks for an editor: what is in the ZIP, judged by its content."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tracemalloc
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.recordings.composing.export import export_files, export_sound
from app.recordings.composing.plan import TrackFile
from app.recordings.recorders.base import RecordingFailed
from tests.support.tracks import RED, Floats, audio_file, flat, level, strongest_hz, times, tone, video_file


def microphone(path: Path, who: str, label: str, offset_s: float = 0.0, source: str = "microphone") -> TrackFile:
    return TrackFile(path, "audio", source, who, label, offset_s)


def wavs(path: Path) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            with wave.open(io.BytesIO(archive.read(name))) as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
                content = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                found[name] = content.astype(np.float32) / 32768
    return found


def test_everybody_has_a_wav_that_begins_at_zero_and_is_as_long_as_the_recording(tmp_path: Path) -> None:
    first = audio_file(tmp_path / "first.webm", [(0.0, tone(440, 1)), (3.0, tone(440, 1))])
    again = audio_file(tmp_path / "again.webm", [(0.0, tone(700, 1))])
    other = audio_file(tmp_path / "other.webm", [(0.0, tone(1000, 1))])
    tracks = [
        microphone(first, "anna", "Anna"),
        microphone(again, "anna", "Anna", offset_s=5.0),  # came back: another file
        microphone(other, "bob", "Bob", offset_s=2.0),
    ]
    told: list[float] = []
    assert export_sound(tracks, 7.0, tmp_path / "sound.zip", told.append) == []
    found = wavs(tmp_path / "sound.zip")
    assert list(found) == ["Anna.wav", "Bob.wav"]
    assert [len(sound) for sound in found.values()] == [7 * 48_000] * 2
    anna, bob = found.values()
    assert strongest_hz(anna, 0.2, 0.8) == pytest.approx(440, abs=5)
    assert level(anna, 1.1, 2.9) < 0.001
    assert strongest_hz(anna, 3.2, 3.8) == pytest.approx(440, abs=5)
    assert strongest_hz(anna, 5.2, 5.8) == pytest.approx(700, abs=5)
    assert level(bob, 0.0, 1.9) < 0.001
    assert strongest_hz(bob, 2.2, 2.8) == pytest.approx(1000, abs=5)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_loudness_is_brought_to_one_level_and_whoever_came_late_is_silent_before(tmp_path: Path) -> None:
    soft = microphone(audio_file(tmp_path / "a.webm", [(0.0, tone(1000, 12, 0.02))]), "anna", "Anna")
    loud = microphone(audio_file(tmp_path / "b.webm", [(0.0, tone(1000, 8, 0.6))]), "bob", "Bob", offset_s=4.0)
    export_sound([soft, loud], 12.0, tmp_path / "as_it_is.zip", lambda _: None)
    export_sound([soft, loud], 12.0, tmp_path / "even.zip", lambda _: None, normalise_loudness=True)
    before, after = wavs(tmp_path / "as_it_is.zip"), wavs(tmp_path / "even.zip")
    assert [decibels(level(before[name], 6, 11)) for name in ("Anna.wav", "Bob.wav")] == pytest.approx(
        [-37.0, -7.4], abs=1
    )
    # −16 LUFS from two loudspeakers: −19 dB in each, as a tone of 1 kHz is weighted by nothing (ITU-R BS.1770-5).
    assert [decibels(level(after[name], 6, 11)) for name in ("Anna.wav", "Bob.wav")] == pytest.approx(
        [-19.0, -19.0], abs=0.5
    )
    assert {len(sound) for sound in after.values()} == {12 * 48_000}
    assert decibels(level(after["Bob.wav"], 0.0, 3.9)) < -80
    assert decibels(level(after["Bob.wav"], 4.1, 4.5)) > -30  # it begins when it began
    assert strongest_hz(after["Bob.wav"], 6, 11) == pytest.approx(1000, abs=5)


def test_noise_is_taken_out_of_microphones_and_the_tone_stays(tmp_path: Path) -> None:
    hiss = (0.004 * np.random.default_rng(1).standard_normal(8 * 48_000)).astype(np.float32)
    sound = hiss + np.concatenate([np.zeros(4 * 48_000, np.float32), tone(1000, 4)])
    file = audio_file(tmp_path / "a.webm", [(0.0, sound)])
    tracks = [microphone(file, "anna", "Anna"), microphone(file, "anna", "Anna", source="screen")]
    export_sound(tracks, 8.0, tmp_path / "clean.zip", lambda _: None, reduce_noise=True)
    found = wavs(tmp_path / "clean.zip")
    clean, as_it_was = found["Anna.wav"], found["Anna (screen).wav"]
    assert decibels(level(as_it_was, 1, 3.8)) == pytest.approx(-48, abs=1)
    assert decibels(level(clean, 1, 3.8)) < -57
    assert decibels(level(clean, 5, 7.5)) == pytest.approx(decibels(level(as_it_was, 5, 7.5)), abs=0.5)


def decibels(level: float) -> float:
    """Under full scale."""
    return float(20 * np.log10(max(level, 1e-9)))


def test_names_of_files_are_safe_and_none_stands_twice(tmp_path: Path) -> None:
    file = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 0.2))])
    labels = ["../../etc/passwd", "Zoë", "zoë", "", 'a"b,c:*?']
    tracks = [microphone(file, str(number), label) for number, label in enumerate(labels)]
    tracks.append(microphone(file, "1", "Zoë", source="screen"))
    export_sound(tracks, 0.2, tmp_path / "sound.zip", lambda _: None)
    names = [".._.._etc_passwd.wav".lstrip("."), "Zoë.wav", "zoë 2.wav", "participant.wav", "a_b_c___.wav"]
    assert list(wavs(tmp_path / "sound.zip")) == [*names, "Zoë (screen).wav"]


def test_the_files_as_they_are_come_with_a_table_of_where_each_begins(tmp_path: Path) -> None:
    sound = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 1))])
    picture = video_file(tmp_path / "v.webm", [(t, flat(RED)) for t in times(0, 1)])
    tracks = [microphone(sound, "anna", "Anna", 1.5), TrackFile(picture, "video", "camera", "anna", "Anna", -0.25)]
    export_files(tracks, tmp_path / "files.zip", lambda _: None)
    with zipfile.ZipFile(tmp_path / "files.zip") as archive:
        assert archive.read("Anna (microphone).webm") == sound.read_bytes()
        assert archive.read("Anna (camera).webm") == picture.read_bytes()
        table = list(csv.DictReader(io.StringIO(archive.read("tracks.csv").decode())))
    assert [(row["file"], float(row["offset_s"])) for row in table] == [
        ("Anna (microphone).webm", 1.5),
        ("Anna (camera).webm", -0.25),
    ]


def test_a_long_recording_needs_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    tracks = [microphone(audio_file(tmp_path / "a.webm", [(0.0, tone(440, 1))]), "anna", "Anna")]

    def most_memory(duration_s: float) -> int:
        tracemalloc.start()
        export_sound(tracks, duration_s, tmp_path / "sound.zip", lambda _: None)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    most_memory(2)
    assert most_memory(120) < 1.5 * most_memory(4)


def test_broken_files_are_named_and_nothing_at_all_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.webm").write_bytes(b"no sound " * 100)
    broken = microphone(tmp_path / "broken.webm", "bob", "Bob")
    whole = microphone(audio_file(tmp_path / "a.webm", [(0.0, tone(440, 0.2))]), "anna", "Anna")
    (warning,) = export_sound([broken, whole], 0.2, tmp_path / "sound.zip", lambda _: None)
    assert warning.startswith("audio of Bob (microphone) was left out: ")
    assert list(wavs(tmp_path / "sound.zip")) == ["Anna.wav"]
    with pytest.raises(RecordingFailed, match="no sound"):
        export_sound([broken], 0.2, tmp_path / "none.zip", lambda _: None)
    with pytest.raises(RecordingFailed, match="no tracks"):
        export_files([], tmp_path / "none.zip", lambda _: None)


# A limit on the size of files makes a write fail half-way, without being root and a disk to fill.
CUT_SHORT = """
import resource, signal, sys
from pathlib import Path
from app.recordings.composing.compose import compose
from app.recordings.composing.export import export_files, export_sound
from app.recordings.composing.plan import Plan, TrackFile
from app.recordings.recorders.base import RecordingFailed

folder, size = Path(sys.argv[1]), int(sys.argv[2])
tracks = [TrackFile(folder / "v.webm", "video", "camera", "anna", "Anna", 0.0),
          TrackFile(folder / "a.webm", "audio", "microphone", "anna", "Anna", 0.0)]
made = folder / "made"
made.mkdir()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
for action in (
    lambda: compose(Plan(tracks, 4.0, "grid", audio_only=False, width=640, height=360), made, lambda _: None),
    lambda: export_sound(tracks, 4.0, made / "sound.zip", lambda _: None),
    lambda: export_files(tracks, made / "files.zip", lambda _: None),
):
    try:
        action()
    except RecordingFailed as error:
        print(error, len(list(made.iterdir())))
"""


@pytest.mark.parametrize("size", [2_000, 20_000])
def test_a_full_disk_is_told_in_clear_words_and_leaves_nothing_behind(tmp_path: Path, size: int) -> None:
    noise = np.random.default_rng(1)
    frames = [(t, noise.integers(0, 255, (180, 320, 3), np.uint8)) for t in times(0, 4)]
    video_file(tmp_path / "v.webm", frames)
    hiss = (0.3 * noise.standard_normal(4 * 48_000)).clip(-1, 1).astype(np.float32)
    audio_file(tmp_path / "a.webm", [(0.0, hiss)])
    command = [sys.executable, "-c", CUT_SHORT, str(tmp_path), str(size)]
    cut = subprocess.run(command, check=True, capture_output=True, text=True)
    assert cut.stdout.splitlines() == [
        "there is no room left on the disk to compose the recording 0",
        "there is no room left on the disk to export the recording 0",
        "there is no room left on the disk to export the recording 0",
    ]
