"""What a process leaves behind when it is killed, the next one hands over."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from media_worker.recording.recordings import Recordings
from media_worker.recording.spool import Spool, in_step
from media_worker.recording.track_file import Manifest
from tests.media_worker.recording.parley import FakeParley
from tests.media_worker.recording.test_matroska import times
from tests.media_worker.room import eventually

# Records five seconds of sound as fast as it can, tells so, and then a frame every 20 ms until it is killed.
RECORDING = """
import itertools, sys, time
from pathlib import Path
from media_worker.recording.reorder import Received
from media_worker.recording.spool import Spool
from media_worker.recording.track_file import Manifest, TrackFile
from media_worker.recording.writer import Writer

spool = Spool(Path(sys.argv[1]))
writer = Writer(spool.folder, 1, time.monotonic)
manifest = Manifest("r1", "m1", 1, "f1", "anna", "t1", "audio", "microphone", "opus")
writing = writer.open(TrackFile(spool.folder, manifest, 48_000, 2, time.time() - time.monotonic()))
began = time.monotonic() - 5
for number in itertools.count():
    at = began + number * 0.02
    writer.add(writing, Received(number, number * 960, True, b"\\xfc\\xff\\xfe", at))
    if number == 260:
        print("five seconds", flush=True)
    if number > 250:
        time.sleep(max(0, at - time.monotonic()))
"""


def killed_while_recording(root: Path, seconds: float) -> None:
    process = subprocess.Popen([sys.executable, "-c", RECORDING, str(root)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"five seconds\n"
    (path,) = root.glob("*/f1.jsonl")
    while f'"duration_s": {5 + seconds:.0f}' not in path.read_text():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def handed_over(root: Path) -> FakeParley:
    parley = FakeParley()

    async def sweep() -> None:
        recordings = Recordings(root, 1, parley)
        recordings.start()
        await eventually(lambda: parley.files, "what was left behind arrives")
        await recordings.stop()

    asyncio.run(sweep())
    return parley


@pytest.mark.slow
def test_of_a_recording_that_was_killed_no_more_than_two_seconds_are_missing(tmp_path: Path) -> None:
    killed_while_recording(tmp_path / "spool", seconds=3)
    parley = handed_over(tmp_path / "spool")
    ((said, data),) = parley.of("audio")
    (tmp_path / "a.webm").write_bytes(data)
    assert times(tmp_path / "a.webm")[-1] > 8 - 2
    assert (said["state"], said["recovered"], said["participant_id"]) == ("uploaded", True, "anna")
    assert abs(said["duration_s"] - times(tmp_path / "a.webm")[-1]) < 2
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_process_that_lives_keeps_what_is_its_own(tmp_path: Path) -> None:
    first, second = Spool(tmp_path), Spool(tmp_path)
    (first.folder / "f1.jsonl").write_text("{}")
    assert second.left_behind() == []
    assert (first.folder / "f1.jsonl").exists()
    first.close()
    second.close()


def test_what_was_never_begun_is_swept_away(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    (first.folder / "f1.jsonl").write_text("")
    (first.folder / "f2.jsonl").write_text('{"recording_id": "r1", "cut o')
    first.close()
    second = Spool(tmp_path)
    assert second.left_behind() == []
    second.close()
    assert list(tmp_path.iterdir()) == []


def manifest(**told: object) -> Manifest:
    plain = Manifest("r1", "m1", 1, "f1", "anna", "t1", "audio", "microphone", "opus", origin=100.0)
    return replace(plain, **told)


class TestInStep:
    """Two files of one device begin as far apart as its own clock says."""

    def test_picture_that_came_later_than_its_sound_is_put_beside_it(self) -> None:
        sound, picture = manifest(sender_origin=900.0), manifest(origin=100.25, sender_origin=900.05)
        assert in_step(sound, [sound, picture]) == pytest.approx(100.0)
        assert in_step(picture, [sound, picture]) == pytest.approx(100.05)

    def test_nobody_is_put_in_step_with_somebody_else(self) -> None:
        sound, other = manifest(sender_origin=900.0), manifest(participant_id="bert", origin=90.0, sender_origin=900.0)
        assert in_step(sound, [sound, other]) == pytest.approx(100.0)

    def test_another_device_of_the_same_person_has_another_clock(self) -> None:
        phone, laptop = manifest(sender_origin=5.0), manifest(origin=160.0, sender_origin=900.0)
        assert in_step(laptop, [phone, laptop]) == pytest.approx(160.0)

    def test_without_reports_the_arrival_counts(self) -> None:
        assert in_step(manifest(), [manifest()]) == 100.0
