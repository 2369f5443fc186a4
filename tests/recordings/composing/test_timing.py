"""Everything is placed by its timestamps, whatever state the files are in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from app.recordings.composing.compose import compose
from app.recordings.composing.pictures import Pictures
from app.recordings.composing.plan import Plan, TrackFile
from app.recordings.composing.probe import probe
from app.recordings.composing.voices import SAMPLES_PER_S, Voice
from tests.support.tracks import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    YELLOW,
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
from tests.support.tracks import (
    SAMPLES_PER_S as WRITTEN_PER_S,
)

TILE = (36, 38, 46)  # behind a name
PICTURE = (slice(60, 110), slice(120, 200))  # the middle of the only tile; between initials and plate
CORNER = (slice(10, 40), slice(20, 80))


def video(path: Path, who: str = "anna", offset_s: float = 0.0, source: str = "camera", **more: Any) -> TrackFile:
    return TrackFile(path, "video", source, who, who.title(), offset_s, **more)


def audio(path: Path, who: str = "anna", offset_s: float = 0.0, source: str = "microphone", **more: Any) -> TrackFile:
    return TrackFile(path, "audio", source, who, who.title(), offset_s, **more)


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Watched]:
    def watched(*tracks: TrackFile, duration_s: float, layout: str = "grid", **more: Any) -> Watched:
        plan = Plan(tracks, duration_s, layout, **({"audio_only": False, "width": 320, "height": 180} | more))
        return Watched(compose(plan, tmp_path / "made", lambda _: None).path)

    return watched


Watch = Callable[..., Watched]


def test_a_flash_and_a_beep_stay_together_though_their_files_began_apart(tmp_path: Path, watched: Watch) -> None:
    flash = [(t, flat(WHITE if 1.2 <= t < 1.5 else BLACK)) for t in times(0, 2.5, rate=20)]
    file = watched(
        video(video_file(tmp_path / "v.webm", flash), offset_s=0.35),
        audio(audio_file(tmp_path / "a.webm", [(1.8, tone(1000, 0.3))]), offset_s=-0.25),
        duration_s=3.0,
    )
    bright = [at for at, mean in file.pictures(lambda picture: picture[PICTURE].mean()) if mean > 120]
    loud = np.flatnonzero(np.abs(file.sound()) > 0.1) / WRITTEN_PER_S
    assert bright[0] == pytest.approx(1.55, abs=0.06)
    assert loud[0] == pytest.approx(1.55, abs=0.03)
    assert bright[-1] == pytest.approx(1.85, abs=0.08)
    assert loud[-1] == pytest.approx(1.85, abs=0.03)


def test_what_was_recorded_before_the_start_is_not_in_it(tmp_path: Path, watched: Watch) -> None:
    file = watched(
        video(
            video_file(tmp_path / "v.webm", [(t, flat(RED if t < 1 else GREEN)) for t in times(0, 2)]), offset_s=-1.0
        ),
        audio(audio_file(tmp_path / "a.webm", [(0.0, tone(440, 1)), (1.0, tone(1000, 1))]), offset_s=-1.0),
        duration_s=1.0,
    )
    assert looks_like(file.picture(0.0)[PICTURE], GREEN)
    assert strongest_hz(file.sound(), 0.0, 0.3) == pytest.approx(1000, abs=10)


def test_a_camera_that_freezes_gives_way_to_the_name_and_comes_back(tmp_path: Path, watched: Watch) -> None:
    frames = [(t, flat(RED)) for t in times(0, 1)] + [(t, flat(GREEN)) for t in times(4, 5)]
    file = watched(video(video_file(tmp_path / "v.webm", frames)), duration_s=5.0)
    assert looks_like(file.picture(2.5)[CORNER], RED)
    assert looks_like(file.picture(3.5)[CORNER], TILE)
    assert looks_like(file.picture(4.5)[CORNER], GREEN)


def test_a_screen_that_stands_still_is_seen_on(tmp_path: Path, watched: Watch) -> None:
    frames = [(t, flat(RED)) for t in times(0, 1)] + [(t, flat(GREEN)) for t in times(6, 7)]
    file = watched(
        video(video_file(tmp_path / "v.webm", frames), source="screen"), duration_s=7.0, present=[("anna", "A", 0, 7)]
    )
    assert looks_like(file.picture(5.0)[CORNER], RED)
    assert looks_like(file.picture(6.5)[CORNER], GREEN)


def test_nothing_of_what_was_muted_is_seen_or_heard(tmp_path: Path, watched: Watch) -> None:
    file = watched(
        video(video_file(tmp_path / "v.webm", [(t, flat(RED)) for t in times(0, 3)]), mutes=[(1.0, 2.0)]),
        audio(audio_file(tmp_path / "a.webm", [(0.0, tone(440, 3))]), mutes=[(1.0, 2.0)]),
        duration_s=3.0,
        present=[("anna", "Anna", 0.0, 3.0)],
    )
    assert [looks_like(file.picture(at)[CORNER], RED) for at in (0.5, 1.5, 2.5)] == [True, False, True]
    sound = file.sound()
    assert level(sound, 0.2, 0.9) > 0.1
    assert level(sound, 1.05, 1.95) < 0.001
    assert level(sound, 2.1, 2.8) > 0.1


def test_a_picture_that_changes_its_size_goes_on_in_its_own_aspect_ratio(tmp_path: Path, watched: Watch) -> None:
    frames = [(t, flat(RED, 160, 90)) for t in times(0, 1)] + [(t, flat(BLUE, 90, 160)) for t in times(1, 2)]
    file = watched(video(video_file(tmp_path / "v.webm", frames)), duration_s=2.0)
    wide, tall = file.picture(0.5), file.picture(1.5)
    assert looks_like(wide[CORNER], RED)
    assert looks_like(tall[CORNER], TILE)
    blue = np.flatnonzero((tall[90].astype(int) - BLUE[0])[:, 2] > 100)
    assert blue[-1] - blue[0] == pytest.approx(180 * 90 / 160, abs=4)


def test_colours_stay_what_they_are_whatever_matrix_they_came_in(tmp_path: Path, watched: Watch) -> None:
    frames = [(t, flat(GREEN)) for t in times(0, 1)]
    path = video_file(tmp_path / "v.mkv", frames, "libx264", matrix=Colorspace.ITU709)
    assert looks_like(watched(video(path), duration_s=1.0).picture(0.5)[PICTURE], GREEN, tolerance=12)


def test_a_phone_that_was_held_upright_is_seen_upright(tmp_path: Path, watched: Watch) -> None:
    """Red is on the left of what the camera sent, and has to be turned to the top."""
    half = np.concatenate([flat(RED, 80, 90), flat(BLUE, 80, 90)], axis=1)
    path = video_file(tmp_path / "v.mp4", [(t, half) for t in times(0, 1)], "libx264")
    content = path.read_bytes()
    straight, clockwise = (
        b"".join(number.to_bytes(4, "big", signed=True) for number in matrix)
        for matrix in (
            (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000),
            (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000),
        )
    )
    at = content.index(straight, content.index(b"tkhd"))
    path.write_bytes(content[:at] + clockwise + content[at + len(clockwise) :])
    picture = watched(video(path), duration_s=1.0).picture(0.5)
    assert looks_like(picture[20:70, 130:190], RED)
    assert looks_like(picture[100:140, 130:190], BLUE)
    assert looks_like(picture[CORNER], TILE)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("v.mkv", "libx264", {"bf": "3", "preset": "medium"}),
        ("v.webm", "libvpx-vp9", {}),
        ("v.mp4", "libx264", {"bf": "2", "preset": "medium"}),
    ],
)
def test_pictures_of_other_codecs_with_odd_sizes_and_reordered_frames_come_in_order(
    tmp_path: Path, watched: Watch, name: str, codec: str, options: dict[str, str]
) -> None:
    size = (161, 91) if codec == "libvpx-vp9" else (162, 90)
    colours = {0: RED, 1: GREEN, 2: BLUE, 3: YELLOW}
    frames = [(t, flat(colours[int(t * 2)], *size)) for t in times(0, 2)]
    file = watched(video(video_file(tmp_path / name, frames, codec, options)), duration_s=2.0)
    for at, colour in ((0.25, RED), (0.75, GREEN), (1.25, BLUE), (1.75, YELLOW)):
        assert looks_like(file.picture(at)[CORNER], colour)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("a.mkv", "pcm_mulaw", 8000, "mono"),
        ("a.webm", "libopus", 48_000, "stereo"),
        ("a.webm", "libopus", 16_000, "mono"),
    ],
)
def test_sound_of_any_rate_is_heard_at_its_pitch_and_time(
    tmp_path: Path, watched: Watch, name: str, codec: str, rate: int, layout: str
) -> None:
    pieces = [(0.5, tone(440, 1, rate=rate)), (2.5, tone(880, 1, rate=rate))]
    file = watched(audio(audio_file(tmp_path / name, pieces, codec, rate, layout)), duration_s=4.0, audio_only=True)
    sound = file.sound()
    assert level(sound, 0.0, 0.45) < 0.005
    assert strongest_hz(sound, 0.6, 1.4) == pytest.approx(440, abs=5)
    assert level(sound, 0.6, 1.4) == pytest.approx(0.2 / 2**0.5, rel=0.15)
    assert level(sound, 1.6, 2.4) < 0.005
    assert strongest_hz(sound, 2.6, 3.4) == pytest.approx(880, abs=5)


def test_the_ends_of_a_hole_do_not_click(tmp_path: Path) -> None:
    quarter = 1 / 440 / 4  # a wave's peak: the worst place to cut
    pieces = [(0.0, tone(440, 0.5 + quarter, 0.5, 8000)), (1.0, -tone(440, 0.5, 0.5, 8000)[5:])]
    file = audio(audio_file(tmp_path / "a.mkv", pieces, "pcm_mulaw", 8000))
    sound = Voice(file, 2.0).read(2 * SAMPLES_PER_S)
    assert sound is not None
    assert np.abs(sound[0]).max() > 0.4
    steepest = 2 * np.pi * 440 / SAMPLES_PER_S * 0.5
    assert np.abs(np.diff(sound[0])).max() < 2 * steepest


def test_lost_packets_do_not_add_up_to_a_delay(tmp_path: Path, watched: Watch) -> None:
    """Each tenth packet of 20 ms is missing."""
    whole = tone(440, 0.18)
    pieces = [(number * 0.2, whole) for number in range(15)] + [(3.5, tone(1000, 0.3))]
    sound = watched(audio(audio_file(tmp_path / "a.webm", pieces)), duration_s=4.0, audio_only=True).sound()
    assert level(sound, 3.05, 3.45) < 0.005
    assert strongest_hz(sound, 3.52, 3.78) == pytest.approx(1000, abs=10)


def test_a_clock_that_steps_back_delays_nothing_that_follows(tmp_path: Path, watched: Watch) -> None:
    """The second piece overlaps with the first by half a second."""
    pieces = [(at, tone(hz, length, rate=8000)) for at, hz, length in ((0.0, 440, 1), (0.5, 440, 1), (2.0, 1000, 0.5))]
    path = audio_file(tmp_path / "a.mkv", pieces, "pcm_mulaw", 8000)
    sound = watched(audio(path), duration_s=3.0, audio_only=True).sound()
    assert level(sound, 1.0, 1.4) > 0.1
    assert level(sound, 1.55, 1.95) < 0.005
    assert strongest_hz(sound, 2.05, 2.45) == pytest.approx(1000, abs=10)


def test_one_wrong_timestamp_does_not_silence_what_follows(tmp_path: Path, watched: Watch) -> None:
    pieces = [(at, tone(440, length, rate=8000)) for at, length in ((0.0, 1), (9000.0, 0.02), (1.0, 1))]
    path = audio_file(tmp_path / "a.mkv", pieces, "pcm_mulaw", 8000)
    sound = watched(audio(path), duration_s=2.0, audio_only=True).sound()
    assert level(sound, 1.1, 1.9) > 0.1


def test_what_nobody_sees_is_not_decoded_and_is_right_when_it_is_seen_again(tmp_path: Path) -> None:
    colours = [RED, GREEN, BLUE, YELLOW, WHITE, RED]
    frames = [(t, flat(colours[int(t)])) for t in times(0, 6)]
    probed = probe(video(video_file(tmp_path / "v.webm", frames, options={"g": "10", "keyint_min": "10"})))
    pictures = Pictures(probed, [(0.0, 1.0), (4.2, 5.0)])
    decoded: list[float] = []
    decode = pictures._of_packet

    def counted(packet: Any, stream: Any, offset_s: float) -> Any:
        if packet:
            decoded.append(float(packet.pts * packet.time_base))
        return decode(packet, stream, offset_s)

    pictures._of_packet = counted  # type: ignore[method-assign]
    first, again = pictures.at(0.5), pictures.at(4.5)
    assert first
    assert again
    assert looks_like(first.to_ndarray(format="rgb24")[40:50, 70:90], RED)
    assert looks_like(again.to_ndarray(format="rgb24")[40:50, 70:90], WHITE)
    assert not [at for at in decoded if 2.1 < at < 3.9]
    pictures.close()
    late = Pictures(probed, [(3.5, 4.0)])
    picture = late.at(3.5)
    assert picture
    assert looks_like(picture.to_ndarray(format="rgb24")[40:50, 70:90], YELLOW)
    late.close()


@pytest.mark.parametrize(
    "live", ["0", "1"]
)  # 1: no sizes, no duration, no index, as a recorder writes that may be killed
def test_a_file_that_was_cut_off_is_used_up_to_there(tmp_path: Path, watched: Watch, live: str) -> None:
    whole = video_file(tmp_path / "whole.webm", [(t, flat(RED if t < 2 else GREEN)) for t in times(0, 4)])
    path = tmp_path / "cut.webm"
    with av.open(str(whole)) as source, av.open(str(path), "w", container_options={"live": live}) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 5])
    file = watched(video(path), duration_s=4.0, present=[("anna", "Anna", 0, 4)])
    assert looks_like(file.picture(0.5)[CORNER], RED)
    assert file.duration_s == pytest.approx(4.0, abs=0.2)


def test_noise_in_the_middle_of_a_file_costs_no_more_than_that(tmp_path: Path, watched: Watch) -> None:
    path = audio_file(tmp_path / "a.webm", [(0.0, tone(440, 4))])
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 400] = bytes(range(100)) * 4
    path.write_bytes(content)
    sound = watched(audio(path), duration_s=4.0, audio_only=True).sound()
    assert strongest_hz(sound, 0.2, 1.0) == pytest.approx(440, abs=5)
    assert len(sound) / WRITTEN_PER_S == pytest.approx(4.0, abs=0.2)


def test_many_loud_voices_stay_within_the_scale(tmp_path: Path, watched: Watch) -> None:
    voices = [
        audio(audio_file(tmp_path / f"a{hz}.webm", [(0.0, tone(hz, 1, amplitude=0.8))]), who=str(hz))
        for hz in (300, 500, 700, 1100)
    ]
    sound = watched(*voices, duration_s=1.0, audio_only=True).sound()
    assert level(sound, 0.2, 0.8) > 0.4
    assert (np.abs(sound[4800:-4800]) > 1.05).mean() < 0.001


def test_a_soft_voice_is_made_loud_where_that_is_wanted(tmp_path: Path, watched: Watch) -> None:
    soft = [audio(audio_file(tmp_path / "a.webm", [(0.5, tone(440, 2, 0.03)), (4.0, tone(440, 2, 0.03))]))]
    as_it_is = watched(*soft, duration_s=6.0, audio_only=True).sound()
    louder = watched(*soft, duration_s=6.0, audio_only=True, normalise_loudness=True).sound()
    assert level(louder, 4.5, 5.5) > 3 * level(as_it_is, 4.5, 5.5)
    assert onsets(louder) == pytest.approx([0.5, 4.0], abs=0.02)


def test_steady_noise_is_taken_out_where_that_is_wanted(tmp_path: Path, watched: Watch) -> None:
    sound = 0.005 * np.random.default_rng(1).standard_normal(6 * 48_000).astype(np.float32)
    sound[3 * 48_000 : 5 * 48_000] += tone(440, 2, 0.3)
    noisy = [audio(audio_file(tmp_path / "a.webm", [(0.0, sound)]))]
    as_it_is = watched(*noisy, duration_s=6.0, audio_only=True).sound()
    cleaner = watched(*noisy, duration_s=6.0, audio_only=True, reduce_noise=True).sound()
    assert level(cleaner, 1.5, 2.9) < 0.4 * level(as_it_is, 1.5, 2.9)
    assert level(cleaner, 3.5, 4.5) == pytest.approx(level(as_it_is, 3.5, 4.5), rel=0.1)
    assert onsets(cleaner) == pytest.approx([3.0], abs=0.02)


def onsets(sound: Any) -> list[float]:
    """When it grows loud, having been soft for half a second."""
    loud = np.flatnonzero(np.abs(sound) > 0.4 * np.abs(sound).max()) / WRITTEN_PER_S
    return [float(at) for at, before in zip(loud, [-1.0, *loud[:-1]], strict=True) if at - before > 0.4]


def test_key_frames_come_every_two_seconds_at_least(tmp_path: Path, watched: Watch) -> None:
    file = watched(video(video_file(tmp_path / "v.webm", [(t, flat(RED)) for t in times(0, 5)])), duration_s=5.0)
    with av.open(str(file.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.pix_fmt, stream.frames) == ("yuv420p", 125)
        keys = [float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.is_keyframe]
    assert np.diff([*keys, 5.0]).max() <= 2.0
