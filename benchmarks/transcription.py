"""A dialogue of two synthetic voices (flite's), as two tracks of Opus with holes where nobody speaks, made ready and
transcribed by the local rung: what that costs, and how much of it is right.

`python -m benchmarks.transcription` prints what was understood, too.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from app.notes.shapes import Segment, Transcript
from app.notes.sounds.apart import prepare_track
from app.notes.sounds.turns import turns_in
from app.notes.transcribers.base import Sound, Speaker, TranscriptionRequest
from app.notes.transcribers.local import LocalTranscriber
from app.recordings.composing.plan import TrackFile
from benchmarks.figure import Figure, Missing, spread
from tests.support import spoken
from tests.support.tracks import SAMPLES_PER_S, Floats, audio_file

ROUNDS = 3  # of the script: two and a half minutes
TIMES = 5
SPEAKERS = {name: Speaker(f"p-{name}", name, f"t-{name}") for name, _ in spoken.SCRIPT}
CPU = "transcribing a dialogue, local rung, CPU per second of a track"
WRONG, RIGHT, APART = "words of it that are wrong", "segments with the right speaker", "starts, from when it was said"
CONFUSED = "time of it, in mono over the telephone, given to the wrong voice"
PAIRS = [("slt", "rms"), ("rms", "awb"), ("slt", "kal16"), ("awb", "kal16"), ("slt", "awb")]


@dataclass(frozen=True)
class Call:
    """What was said, and the files that were recorded of it; a track for each who was there."""

    lines: list[spoken.Line]
    tracks: list[TrackFile]
    lasts_s: float

    def line_at(self, time_s: float) -> spoken.Line | None:
        return next((line for line in self.lines if line.start_s <= time_s <= line.end_s), None)


def measure() -> list[Figure | Missing]:
    if spoken.missing():
        return [Missing(name, "no flite is installed") for name in (CPU, WRONG, RIGHT, APART, CONFUSED)]
    with tempfile.TemporaryDirectory() as name:
        call = recorded(Path(name))
        costs: list[float] = []
        for _ in range(TIMES + 1):
            before = _cpu_s()
            transcript = transcribed(call, Path(name))
            costs.append((_cpu_s() - before) / (call.lasts_s * len(call.tracks)))
        shares = [100 * confused(Path(name), *pair) for pair in PAIRS]
    cost = Figure(CPU, "s", median(costs[1:]), None, "none", 0.10, 0.05, spread(costs[1:]))
    return [
        cost,
        *judged(call, transcript),
        Figure(CONFUSED, "%", median(shares), None, "none", 10, 5, spread(shares)),
    ]


def recorded(folder: Path) -> Call:
    lines, pieces, lasts_s = spoken.turns(spoken.SCRIPT * ROUNDS)
    tracks = []
    for name, said in pieces.items():
        path = audio_file(folder / f"{name}.webm", [(at, _at_48_khz(speech)) for at, speech in said])
        tracks.append(TrackFile(path, "audio", "microphone", SPEAKERS[name].id, name, 0.0))
    return Call(lines, tracks, lasts_s)


def transcribed(call: Call, folder: Path) -> Transcript:
    sounds = []
    for track in call.tracks:
        made = prepare_track(track, call.lasts_s, folder / f"{track.label}.wav", lambda _: None)
        sounds.append(Sound(made.paths[0], SPEAKERS[track.label], "track"))
    request = TranscriptionRequest("m1", "Call", list(SPEAKERS.values()), "en", call.lasts_s, sounds)
    return LocalTranscriber().transcribe(request)


def judged(call: Call, transcript: Transcript) -> list[Figure | Missing]:
    segments = transcript["segments"]
    expected = [word for line in call.lines for word in spoken.words_of(line.text)]
    heard = [word for segment in segments for word in segment["text"].split()]
    wrong = 100 * spoken.word_errors(expected, heard) / len(expected)
    belonging = [(segment, call.line_at((segment["start_s"] + segment["end_s"]) / 2)) for segment in segments]
    right = [line is not None and line.speaker == segment["speaker"]["label"] for segment, line in belonging]
    firsts: dict[float, Segment] = {}
    for segment, line in belonging:
        if line is not None:
            firsts.setdefault(line.start_s, segment)
    apart = [abs(segment["start_s"] - start_s) for start_s, segment in firsts.items()]
    return [
        Figure(WRONG, "%", wrong, None, "none", 25, 12, 0),
        Figure(RIGHT, "%", 100 * sum(right) / len(right), None, "none", 100, 100, 0, at_least=True),
        Figure(APART, "s", median(apart), None, "none", 0.3, 0.1, spread(apart)),
    ]


def confused(folder: Path, one: str, other: str) -> float:
    """The share of the time in which one of two voices speaks that is given to the other."""
    path = folder / "mono.wav"
    lines = spoken.in_mono(path, {"Anna": one, "Rob": other}, spoken.SCRIPT * ROUNDS, telephone=True)
    return spoken.confused(lines, [(turn.start_s, turn.end_s, turn.voice) for turn in turns_in(path, 2)])


def _at_48_khz(speech: spoken.Speech) -> Floats:
    """Three samples for one, between which the way is straight: what that adds lies above 8 kHz."""
    positions = np.arange(len(speech) * 3) / 3
    return np.interp(positions, np.arange(len(speech)), speech / np.float32(32768)).astype(np.float32)


def _cpu_s() -> float:
    """Of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        call = recorded(Path(name))
        transcript = transcribed(call, Path(name))
    assert SAMPLES_PER_S == 3 * spoken.RATE
    for segment in transcript["segments"]:
        confidence = segment["confidence"] or 0
        print(f"{segment['start_s']:7.2f} {segment['speaker']['label']:5} {confidence:.2f} {segment['text']}")
    print(transcript["quality"])
    for figure in judged(call, transcript):
        if isinstance(figure, Figure):
            print(f"{figure.name}: {figure.value:.3g} {figure.unit}")


if __name__ == "__main__":
    main()
