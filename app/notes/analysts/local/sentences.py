"""What was said, sentence by sentence, with the segments that each rests on.

Transcribers differ: some give whole sentences, some cut them at every breath, and pocketsphinx gives neither capitals
nor full stops. So what one speaker says without a pause is joined first, then cut at full stops; where there are none,
before the words with which people begin to promise, to ask and to agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from app.notes.analysts.local.spelling import spelled
from app.notes.shapes import Segment, Transcript

JOIN_S = 0.8  # a shorter pause is a breath
LONGEST_RUN = 60  # words that are joined
LONGEST_TEXT = 300  # characters of a claim

WORD = re.compile(r"[^\W_]+(?:['’‘ʼ´`.,-][^\W_]+)*")
_STOP = re.compile(r"[.?!…]")
_AFTER_STOP = re.compile(r"(?<=[.?!…])[\"”')]*\s+")
_BEGINS = re.compile(
    r"\b(?:i'll|i will|i'm going to|i am going to|let's|we decided|we agreed|we have decided|"
    r"(?:can|could|would) you|(?:should|shall|do) we)\b"
)
_FILLERS = frozenset("okay ok so well um uh hm hmm mm yeah yes and but then right alright great now also oh".split())
_TRAILING = re.compile(r"(?: (?:and|but|so|then|because|or))+$")  # left where a sentence was cut
_SHORTEST_PART = 3  # words


@dataclass(frozen=True)
class Sentence:
    """`text` as it was said; `words` in small letters, without stops, with the apostrophes that belong to them; `spans`
    where each stands in the text; `ids` the segments that the words are of.
    """

    speaker: str
    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    ids: tuple[str, ...]

    @property
    def said(self) -> str:
        return " ".join(self.words)

    @property
    def evidence(self) -> list[str]:
        return list(dict.fromkeys(self.ids))

    @property
    def content(self) -> tuple[str, ...]:
        """The words behind `okay`, `so`, `well`."""
        return self.words[self._begin :]

    @property
    def claim(self) -> str:
        """The text, from where it comes to the point."""
        text = _TRAILING.sub("", self.text[self.spans[self._begin][0] :].strip())
        text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 2].rsplit(" ", 1)[0] + " …"
        return text[:1].upper() + text[1:]

    @property
    def asks(self) -> bool:
        """It ends in a question mark."""
        return self.text.rstrip("\"”') ").endswith("?")

    def quote(self, begin: int, end: int) -> str:
        """The words from `begin` up to `end`, as they were said."""
        return self.text[self.spans[begin][0] : self.spans[end - 1][1]]

    def at(self, offset: int) -> int:
        """The number of the word at a place of `said`."""
        return self.said.count(" ", 0, offset)

    @property
    def _begin(self) -> int:
        begin = 0
        while begin < len(self.words) - 1 and self.words[begin] in _FILLERS:
            begin += 1
        return begin


def sentences_of(transcript: Transcript, names: frozenset[str]) -> list[Sentence]:
    """In the order in which they were begun. `names`: small first names of those who spoke; being addressed begins a
    sentence.
    """
    return [sentence for run in _runs(transcript) for sentence in _cut(run, names)]


def _runs(transcript: Transcript) -> list[list[Segment]]:
    """Segments that one speaker went on in. Others may have said something meanwhile."""
    runs: list[list[Segment]] = []
    latest: dict[str, list[Segment]] = {}
    for segment in transcript["segments"]:
        run = latest.get(segment["speaker"]["id"])
        if run and _goes_on(run, segment):
            run.append(segment)
        else:
            latest[segment["speaker"]["id"]] = run = [segment]
            runs.append(run)
    return runs


def _goes_on(run: list[Segment], segment: Segment) -> bool:
    last = run[-1]
    if segment["start_s"] - last["end_s"] > JOIN_S or _STOP.search(last["text"].rstrip()[-2:]):
        return False
    return sum(len(one["text"].split()) for one in (*run, segment)) <= LONGEST_RUN


def _cut(run: list[Segment], names: frozenset[str]) -> list[Sentence]:
    speaker = run[0]["speaker"]["label"]
    text, starts = "", []
    for segment in run:
        text += " " if text else ""
        starts.append((len(text), segment["id"]))
        text += " ".join(segment["text"].split())
    bounds = [0, *(found.end() for found in _AFTER_STOP.finditer(text)), len(text)]
    if not _STOP.search(text):
        bounds = [0, *_beginnings(text, names), len(text)]
    cut = []
    for begin, end in pairwise(bounds):
        part = text[begin:end].strip()
        found = list(WORD.finditer(text, begin, end))
        if not found:
            continue
        ids = tuple(next(id_ for start, id_ in reversed(starts) if start <= one.start()) for one in found)
        words = spelled([one.group() for one in found])
        spans = tuple((one.start() - begin, one.end() - begin) for one in found)
        cut.append(Sentence(speaker, part, words, spans, ids))
    return cut


def _beginnings(text: str, names: frozenset[str]) -> list[int]:
    """Where sentences seem to begin in a text that has no stops."""
    found = list(WORD.finditer(text))
    words = spelled([one.group() for one in found])
    said = " ".join(words)
    places, last = [], 0
    for match in _BEGINS.finditer(said):
        number = said.count(" ", 0, match.start())
        if number and words[number - 1] in names:
            number -= 1
        if number - last >= _SHORTEST_PART and len(found) - number >= _SHORTEST_PART:
            places.append(found[number].start())
            last = number
    return places
