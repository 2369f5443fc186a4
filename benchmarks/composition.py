"""Four cameras of 640 × 360 (VP8) and four microphones (Opus) composed into 720p, against the ffmpeg command line doing
the same with the same x264 and AAC settings; and the memory of a long composition against a short one.

ffmpeg lays the pictures side by side and adds the sound; it writes no names, looks for no speaker, fills no holes and
draws no poster. Also draws composition_memory.svg.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure, Missing, measure_in_turn, spread
from benchmarks.plot import Points, line_chart

LENGTH_S = 20
SHORT_S, LONG_S = 60, 600
PEOPLE = 4
PAIRS = 5
SAMPLE_EVERY_S = 1.0
PICTURE = Path(__file__).with_name("composition_memory.svg")
ROW = f"composing {PEOPLE} × 640×360 VP8 + Opus into 720p, CPU per second of recording"

COMPOSE = """
import os, sys
from pathlib import Path
from app.recordings.composing.compose import compose
from app.recordings.composing.plan import Plan, TrackFile

folder, length_s, width, height = Path(sys.argv[1]), *map(int, sys.argv[2:])
tracks = [
    TrackFile(folder / f"{kind}{n}.webm", kind, source, f"p{n}", f"Person {n}", 0.0)
    for n in range(4)
    for kind, source in (("video", "camera"), ("audio", "microphone"))
]
plan = Plan(tracks, length_s, "grid", audio_only=False, width=width, height=height, threads=os.cpu_count())
compose(plan, folder / "made", lambda part: None)
"""


def measure() -> list[Figure | Missing]:
    if not shutil.which("ffmpeg"):
        return [Missing(ROW, "no ffmpeg is installed")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _recorded(folder)
        composed, by_ffmpeg = measure_in_turn(
            lambda: _cpu_s(_composing(folder, LENGTH_S, 1280, 720)), lambda: _cpu_s(_ffmpeg(folder)), PAIRS
        )
        long = folder / "long"
        long.mkdir()
        rounds = str(LONG_S // LENGTH_S)
        for file in folder.glob("*.webm"):
            _run("ffmpeg", "-v", "error", "-stream_loop", rounds, "-i", file, "-c", "copy", long / file.name)
        curves = {
            f"{length_s // 60} min": _memory_mb(_composing(long, length_s, 320, 180)) for length_s in (SHORT_S, LONG_S)
        }
    line_chart(PICTURE, "Memory while 4 cameras are composed", "seconds since the start", "MB", curves)
    short_mb, long_mb = (max(mb for _, mb in curve) for curve in curves.values())
    return [
        Figure(
            name=ROW,
            unit="s",
            value=median(composed) / LENGTH_S,
            yardstick=median(by_ffmpeg) / LENGTH_S,
            yardstick_name="ffmpeg",
            must=1.15,
            aim=0.9,
            spread=spread(composed),
        ),
        Figure(
            name=f"most memory while {LONG_S // 60} minutes are composed",
            unit="MB",
            value=long_mb,
            yardstick=short_mb,
            yardstick_name=f"while {SHORT_S // 60} minute is",
            must=1.2,
            aim=1.05,
            spread=0,
        ),
    ]


def _recorded(folder: Path) -> None:
    """Moving pictures with the noise of a camera, and tones."""
    vp8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", 8, "-b:v", "1M", "-g", 300)
    for number in range(PEOPLE):
        picture = f"testsrc2=size=640x360:rate=30,hue=h={80 * number},noise=alls=6:allf=t"
        _make(picture, folder / f"video{number}.webm", *vp8)
        tone = f"sine=frequency={300 + 200 * number}:sample_rate=48000"
        _make(tone, folder / f"audio{number}.webm", "-c:a", "libopus", "-b:a", "32k")


def _make(what: str, path: Path, *codec: object) -> None:
    _run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", what, "-t", LENGTH_S, *codec, path)


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True)


def _composing(folder: Path, length_s: int, width: int, height: int) -> list[str]:
    return [sys.executable, "-c", COMPOSE, str(folder), str(length_s), str(width), str(height)]


def _ffmpeg(folder: Path) -> list[str]:
    videos = [f"[{n}:v]fps=25[v{n}]" for n in range(PEOPLE)]
    side_by_side = "".join(f"[v{n}]" for n in range(PEOPLE)) + "xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0[v]"
    sounds = "".join(f"[{PEOPLE + n}:a]" for n in range(PEOPLE))
    mixed = f"{sounds}amix=inputs={PEOPLE}:normalize=0,aformat=channel_layouts=stereo[a]"
    command = ["ffmpeg", "-v", "error", "-y"]
    for kind in ("video", "audio"):
        for number in range(PEOPLE):
            command += ["-i", str(folder / f"{kind}{number}.webm")]
    command += ["-filter_complex", ";".join([*videos, side_by_side, mixed]), "-map", "[v]", "-map", "[a]"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-g", "50", "-pix_fmt", "yuv420p"]
    command += ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(folder / "made.mp4")]
    return command


def _cpu_s(command: list[str]) -> float:
    """Of the whole process with all of its threads, its start included."""
    before = os.times()
    subprocess.run(command, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _memory_mb(command: list[str]) -> Points:
    """(seconds, MB), every now and then."""
    begun = time.monotonic()
    curve: Points = []
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            if resident := [line for line in status.splitlines() if line.startswith("VmRSS")]:
                curve.append((time.monotonic() - begun, int(resident[0].split()[1]) / 1000))
            time.sleep(SAMPLE_EVERY_S)
    if process.returncode:
        raise RuntimeError("the composition failed")
    return curve
