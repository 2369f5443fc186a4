"""What a composed recording shows and sounds like, judged by its content."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.recordings.composing.compose import compose
from app.recordings.composing.plan import Composition, Plan, TrackFile
from app.recordings.composing.preferring import preferred
from app.recordings.recorders.base import RecordingFailed
from tests.support.tracks import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    Watched,
    audio_file,
    flat,
    level,
    looks_like,
    strongest_hz,
    times,
    tone,
    video_file,
)

WIDTH, HEIGHT = 320, 180


def track(path: Path, who: str, offset_s: float = 0.0, source: str = "", **more: Any) -> TrackFile:
    kind = "audio" if source == "microphone" or "audio" in path.name else "video"
    source = source or ("microphone" if kind == "audio" else "camera")
    return TrackFile(path, kind, source, who, f"Name of {who}", offset_s, **more)


def plan(*tracks: TrackFile, duration_s: float, layout: str = "grid", **more: Any) -> Plan:
    size = {"width": WIDTH, "height": HEIGHT, "frames_per_s": 25}
    return Plan(tracks, duration_s, layout, **({"audio_only": False} | size | more))


@pytest.fixture
def composed(tmp_path: Path) -> Callable[..., tuple[Composition, Watched]]:
    def composed(*tracks: TrackFile, **settings: Any) -> tuple[Composition, Watched]:
        made = compose(plan(*tracks, **settings), tmp_path / "made", lambda _: None)
        return made, Watched(made.path)

    return composed


Composed = Callable[..., tuple[Composition, Watched]]


def middle(picture: np.ndarray[Any, Any], x: float, y: float) -> np.ndarray[Any, Any]:
    """What lies around a point, told as fractions of width and height."""
    height, width = picture.shape[:2]
    row, column = round(y * height), round(x * width)
    return picture[row - 5 : row + 5, column - 5 : column + 5]


def test_two_cameras_stand_side_by_side_and_both_microphones_are_heard(tmp_path: Path, composed: Composed) -> None:
    made, file = composed(
        track(video_file(tmp_path / "red.webm", [(t, flat(RED)) for t in times(0, 2)]), "anna"),
        track(video_file(tmp_path / "green.webm", [(t, flat(GREEN)) for t in times(0, 2)]), "bob"),
        track(audio_file(tmp_path / "audio-anna.webm", [(0.0, tone(440, 1))]), "anna"),
        track(audio_file(tmp_path / "audio-bob.webm", [(1.0, tone(1000, 1))]), "bob"),
        duration_s=2.0,
        title="Weekly",
    )
    picture = file.picture(1.0)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert looks_like(middle(picture, 0.25, 0.5), RED)
    assert looks_like(middle(picture, 0.75, 0.5), GREEN)
    sound = file.sound()
    assert strongest_hz(sound, 0.2, 0.8) == pytest.approx(440, abs=5)
    assert strongest_hz(sound, 1.2, 1.8) == pytest.approx(1000, abs=5)
    assert file.codecs == ["h264", "aac"]
    assert file.duration_s == pytest.approx(2.0, abs=0.2)
    assert (made.width, made.height, made.bytes) == (WIDTH, HEIGHT, made.path.stat().st_size)
    assert made.warnings == []


def test_a_hole_of_three_seconds_in_a_file_stays_three_seconds(tmp_path: Path, composed: Composed) -> None:
    _, file = composed(
        track(audio_file(tmp_path / "audio.webm", [(0.0, tone(440, 1)), (4.0, tone(1000, 1))]), "anna"),
        duration_s=5.0,
    )
    sound = file.sound()
    assert strongest_hz(sound, 0.2, 0.8) == pytest.approx(440, abs=5)
    assert level(sound, 1.1, 3.9) < 0.001
    assert strongest_hz(sound, 4.2, 4.8) == pytest.approx(1000, abs=5)


def test_the_file_begins_to_play_before_it_is_whole(tmp_path: Path, composed: Composed) -> None:
    made, _ = composed(track(audio_file(tmp_path / "audio.webm", [(0.0, tone(440, 1))]), "anna"), duration_s=1.0)
    content = made.path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_only_sound_makes_an_m4a_without_a_poster(tmp_path: Path, composed: Composed) -> None:
    made, file = composed(
        track(video_file(tmp_path / "red.webm", [(t, flat(RED)) for t in times(0, 1)]), "anna"),
        track(audio_file(tmp_path / "audio.webm", [(0.0, tone(440, 1))]), "anna"),
        duration_s=1.0,
        audio_only=True,
    )
    assert (made.path.name, made.content_type, file.codecs) == ("recording.m4a", "audio/mp4", ["aac"])
    assert (made.poster, made.width, made.height) == (None, None, None)
    assert strongest_hz(file.sound(), 0.2, 0.8) == pytest.approx(440, abs=5)


def test_the_waveform_has_a_peak_for_each_tenth_of_a_second(tmp_path: Path, composed: Composed) -> None:
    made, _ = composed(
        track(audio_file(tmp_path / "audio.webm", [(1.0, tone(440, 1, amplitude=0.5))]), "anna"), duration_s=3.0
    )
    waveform = json.loads(made.waveform.read_text())
    assert (waveform["version"], waveform["duration_s"], waveform["interval_s"]) == (1, 3.0, 0.1)
    peaks = waveform["peaks"]
    assert len(peaks) == 30
    assert max(peaks[:9]) < 0.05
    assert min(peaks[11:19]) == pytest.approx(0.5, abs=0.1)
    assert max(peaks[21:]) < 0.05


def test_the_poster_is_no_picture_of_darkness(tmp_path: Path, composed: Composed) -> None:
    dark = [(t, flat((0, 0, 0))) for t in times(0, 1)]
    made, _ = composed(
        track(video_file(tmp_path / "video.webm", [*dark, *((t, flat(WHITE)) for t in times(1, 2))]), "anna"),
        duration_s=2.0,
    )
    assert made.poster
    with Image.open(made.poster) as poster:
        assert poster.size == (WIDTH, HEIGHT)
        assert looks_like(middle(np.asarray(poster), 0.5, 0.5), WHITE)


def test_a_file_that_is_no_media_is_left_out_and_named(tmp_path: Path, composed: Composed) -> None:
    broken, empty = tmp_path / "broken.webm", tmp_path / "audio-empty.webm"
    broken.write_bytes(b"no video " * 1000)
    empty.touch()
    made, file = composed(
        track(broken, "anna"),
        track(empty, "anna"),
        track(video_file(tmp_path / "blue.webm", [(t, flat(BLUE)) for t in times(0, 1)]), "bob"),
        duration_s=1.0,
    )
    assert [warning.split(" was left out: ")[0] for warning in made.warnings] == [
        "video of Name of anna (camera)",
        "audio of Name of anna (microphone)",
    ]
    assert looks_like(middle(file.picture(0.5), 0.5, 0.5), BLUE)


def test_a_file_that_names_other_files_is_not_followed(tmp_path: Path) -> None:
    video_file(tmp_path / "secret.mp4", [(t, flat(RED)) for t in times(0, 1)], "libx264")
    playlist, script = tmp_path / "list.webm", tmp_path / "script.webm"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    script.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    tracks = [track(playlist, "anna"), track(script, "bob")]
    with pytest.raises(RecordingFailed, match="no track could be read"):
        compose(plan(*tracks, duration_s=1.0), tmp_path / "made", lambda _: None)


def test_a_picture_of_absurd_size_is_not_decoded(tmp_path: Path, composed: Composed) -> None:
    huge = np.zeros((4200, 4200, 3), np.uint8)
    huge[:] = RED
    made, file = composed(track(video_file(tmp_path / "v.webm", [(0.0, huge)]), "anna"), duration_s=0.5)
    assert not looks_like(middle(file.picture(0.2), 0.5, 0.2), RED)
    assert made.warnings == ["video of Name of anna (camera): packets that couldn't be decoded: 1"]


def test_nothing_that_can_be_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.webm").write_bytes(b"no video " * 1000)
    with pytest.raises(RecordingFailed, match="no track could be read"):
        compose(plan(track(tmp_path / "broken.webm", "anna"), duration_s=1.0), tmp_path / "made", lambda _: None)
    assert list((tmp_path / "made").iterdir()) == []


def test_progress_rises_to_one_and_what_it_raises_ends_the_work(tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    tracks = [track(video_file(tmp_path / "red.webm", [(t, flat(RED)) for t in times(0, 3)]), "anna")]
    told: list[float] = []
    compose(plan(*tracks, duration_s=3.0), tmp_path / "made", told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert len(told) > 5

    def cancel(part: float) -> None:
        if part > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        compose(plan(*tracks, duration_s=3.0), tmp_path / "cancelled", cancel)
    assert list((tmp_path / "cancelled").iterdir()) == []


def test_what_somebody_recorded_themselves_is_seen_and_heard_in_place_of_what_reached_the_server(
    tmp_path: Path, composed: Composed
) -> None:
    own = {"is_local": True}
    tracks = [
        track(audio_file(tmp_path / "audio-sent.webm", [(0.0, tone(440, 8))]), "anna"),
        track(video_file(tmp_path / "sent.webm", [(t, flat(RED)) for t in times(0, 8)]), "anna"),
        # of their own, sound has a hole of 3 s in the middle, and pictures end early
        track(audio_file(tmp_path / "audio-own.webm", [(0.0, tone(1000, 2)), (5.0, tone(1000, 3))]), "anna", **own),
        track(video_file(tmp_path / "own.webm", [(t, flat(GREEN)) for t in times(0, 4)]), "anna", **own),
        track(tmp_path / "broken-audio.webm", "bob", **own),
        track(audio_file(tmp_path / "audio-of-bob.webm", [(5.5, tone(2000, 2))]), "bob"),
    ]
    (tmp_path / "broken-audio.webm").write_bytes(b"\x1aE\xdf\xa3 cut off")
    _, file = composed(*preferred(tracks), duration_s=8.0)
    sound = file.sound()
    assert strongest_hz(sound, 0.2, 1.8) == pytest.approx(1000, abs=5)
    assert loudness_at(sound, 440, 0.2, 1.8) < 0.01 * loudness_at(sound, 1000, 0.2, 1.8)
    assert strongest_hz(sound, 2.3, 4.7) == pytest.approx(440, abs=5)
    assert loudness_at(sound, 440, 5.6, 7.2) < 0.01 * loudness_at(sound, 1000, 5.6, 7.2)
    assert loudness_at(sound, 2000, 5.6, 7.2) > 0.5 * loudness_at(sound, 1000, 5.6, 7.2)
    assert looks_like(middle(file.picture(2.0), 0.25, 0.5), GREEN)
    assert looks_like(middle(file.picture(5.0), 0.25, 0.5), RED)


def loudness_at(sound: np.ndarray[Any, Any], hz: float, start_s: float, until_s: float) -> float:
    part = sound[round(start_s * 48_000) : round(until_s * 48_000)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(spectrum[round(hz * len(part) / 48_000)])
