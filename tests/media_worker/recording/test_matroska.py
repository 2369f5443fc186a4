from pathlib import Path

import av
import numpy

from media_worker.recording.matroska import Codec, MatroskaFile

OPUS = Codec("A_OPUS", b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00", sample_rate=48_000, channels=2)
SILENCE = b"\xfc\xff\xfe"  # an Opus packet of 20 ms


def written(path: Path, seconds: float, *, close: bool = True) -> MatroskaFile:
    file = MatroskaFile(path, OPUS)
    for number in range(int(seconds * 50)):
        file.add(20 * number, SILENCE, is_key=True)
    if close:
        file.close()
    return file


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.pts is not None]


def test_a_closed_file_tells_its_length_and_can_be_sought_in(tmp_path: Path) -> None:
    written(tmp_path / "a.webm", 10)
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.format.name == "matroska,webm"
        assert abs(container.duration / av.time_base - 9.98) < 0.03
        container.seek(7_000_000)
        first = next(packet for packet in container.demux(audio=0) if packet.pts is not None)
        assert 5 <= first.pts * first.time_base <= 7
    assert len(times(tmp_path / "a.webm")) == 500


def test_a_file_that_was_never_closed_plays_but_for_its_last_second(tmp_path: Path) -> None:
    written(tmp_path / "a.webm", 10, close=False)
    assert 8.9 < times(tmp_path / "a.webm")[-1] < 10


def test_a_file_that_is_cut_off_anywhere_plays_up_to_there(tmp_path: Path) -> None:
    file = written(tmp_path / "a.webm", 10, close=False)
    whole = (tmp_path / "a.webm").read_bytes()
    assert len(whole) == file.bytes
    for at in numpy.linspace(len(whole) // 2, len(whole), 9, dtype=int):
        (tmp_path / "b.webm").write_bytes(whole[:at])
        assert times(tmp_path / "b.webm")[-1] > 10 * at / len(whole) - 1.5


def test_a_hole_in_time_stays_a_hole(tmp_path: Path) -> None:
    file = MatroskaFile(tmp_path / "a.webm", OPUS)
    for at in (0, 20, 40, 50_000, 50_020):
        file.add(at, SILENCE, is_key=True)
    file.close()
    assert times(tmp_path / "a.webm") == [0.0, 0.02, 0.04, 50.0, 50.02]
