"""pocketsphinx at work, in a process of its own: it holds Python's lock for as long as it listens to something, so
that no other thread would run beside it, and it is 115 MB that are given back when it ends.

Told in: `{"path": a WAV, "names": [["anneke", ["AH N EH K AH", …]], …]}`. Told out, after each stretch of speech:
`{"words": [[text, start_s, end_s, confidence], …]}`; at the end `{"done": true}`. Memory is constant.
"""

from __future__ import annotations

import re
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pocketsphinx import Decoder, Endpointer, Vad

from app.recordings.composing.process import Told, answer

SILENT = b"\0\0"  # a sample; what ends a stream must not be empty
FRAMES_PER_S = 100  # in which pocketsphinx counts time
BYTES_PER_S = 32_000
# Who speaks without a pause is cut: at the next frame without a voice after so many seconds, and at last anyway.
CUT_AFTER_S, CUT_AT_S = 20.0, 30.0


@dataclass(frozen=True)
class Piece:
    """A part of a stretch of speech. `ends`: the stretch ends with it."""

    start_s: float
    content: bytes
    ends: bool


def listen(asked: Told, tell: Callable[..., None]) -> None:
    # The second pass over each stretch (fwdflat) took a tenth more time, and found no more words in synthetic speech.
    decoder = Decoder(loglevel="FATAL", fwdflat=False)
    _teach(decoder, asked["names"])
    start_s: float | None = None
    for piece in _speech(asked["path"]):
        if start_s is None:
            start_s = piece.start_s
            decoder.start_utt()
        if piece.content:
            decoder.process_raw(piece.content)
        if piece.ends:
            decoder.end_utt()
            if words := list(_words(decoder, start_s)):
                tell(words=words)
            start_s = None
    tell(done=True)


def _teach(decoder: Decoder, names: list[tuple[str, list[str]]]) -> None:
    """Words that the dictionary has keep the sound that it gives them."""
    unknown = [(name, spoken) for name, spoken in names if spoken and decoder.lookup_word(name) is None]
    for name, spoken in unknown:
        for number, phones in enumerate(spoken, start=1):
            decoder.add_word(name if number == 1 else f"{name}({number})", phones, update=False)
    if unknown:  # the last one again: with it all are taken over
        name, spoken = unknown[-1]
        decoder.add_word(f"{name}({len(spoken) + 1})", spoken[0], update=True)


def _speech(path: str) -> Iterator[Piece]:
    """Where somebody may be speaking, a frame of 30 ms at a time."""
    endpointer, voice = Endpointer(), Vad()
    with wave.open(path, "rb") as sound:
        if (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) != (1, 2, 16_000):
            raise ValueError("only WAVs of 16 kHz, mono, 16 bits are listened to")
        given = begun = 0  # bytes of the whole stretch, and of what was cut off it
        at_end = False
        while not at_end:
            frame = sound.readframes(endpointer.frame_bytes // 2)
            at_end = len(frame) < endpointer.frame_bytes
            speech = endpointer.end_stream(frame or SILENT) if at_end else endpointer.process(frame)
            if speech is None and not (at_end and given > begun):
                continue
            speech = speech or b""
            start_s = endpointer.speech_start + begun / BYTES_PER_S
            given += len(speech)
            length_s = (given - begun) / BYTES_PER_S
            ends = at_end or not endpointer.in_speech
            silent = len(speech) == voice.frame_bytes and not voice.is_speech(speech)
            cut = length_s > CUT_AT_S or (length_s > CUT_AFTER_S and silent)
            yield Piece(start_s, speech, ends or cut)
            if cut:
                begun = given
            if ends:
                given = begun = 0


def _words(decoder: Decoder, start_s: float) -> Iterator[tuple[str, float, float, float]]:
    for part in decoder.seg():
        if not part.word.startswith(("<", "[", "+")):  # silence, breath, noise
            begun, ended = part.start_frame / FRAMES_PER_S, (part.end_frame + 1) / FRAMES_PER_S
            text = re.sub(r"\(\d+\)$", "", part.word)  # one of several ways to say it
            yield text, round(start_s + begun, 3), round(start_s + ended, 3), part.prob


if __name__ == "__main__":
    answer(listen)
