"""The part of a text in which words were found, and where they stand in it: who shows it marks them as they like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.notes.search.base import folded

LONGEST = 240  # characters
BEFORE = 60  # of them before the first word that was found
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Snippet:
    """`marks`: the found words, from a character up to another of `text`."""

    text: str
    marks: tuple[tuple[int, int], ...]


def snippet_of(text: str, words: Sequence[str]) -> Snippet:
    """`words` as of `base.words_of`."""
    text = " ".join(text.split())
    wanted = tuple(words)
    found = [(one.start(), one.end()) for one in _WORD.finditer(text) if folded(one.group()).startswith(wanted)]
    begin = _from(text, found[0][0] if found else 0)
    end = _up_to(text, begin)
    lead, tail = "… " if begin else "", " …" if end < len(text) else ""
    shift = len(lead) - begin
    marks = tuple((start + shift, stop + shift) for start, stop in found if start >= begin and stop <= end)
    return Snippet(lead + text[begin:end].rstrip() + tail, marks)


def _from(text: str, first: int) -> int:
    if len(text) <= LONGEST or first <= BEFORE:
        return 0
    return text.rfind(" ", 0, first - BEFORE) + 1 or first - BEFORE


def _up_to(text: str, begin: int) -> int:
    if len(text) - begin <= LONGEST:
        return len(text)
    space = text.rfind(" ", begin + LONGEST // 2, begin + LONGEST)
    return space if space > 0 else begin + LONGEST
