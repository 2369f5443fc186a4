"""Whether an analysis can be right, as far as that can be told without understanding it. What looks wrong is said
beside it, in its `warnings`; nothing is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from app.notes.shapes import CLAIM_KINDS, Analysis, Transcript

LONG = 150  # words: of less, nothing may be worth noting
MOST_SHARE = 0.2  # of the talk, from which on a person is missed
FEWEST_CLAIMS = 5  # that may come from one person by chance
STEM = 5  # letters: "releases" and "released" are one word

DRAFT = "The transcript is a draft: what is quoted from it may have been misheard."
NO_SUMMARY = "The summary is empty although much was said."
NOTHING_NOTED = "Nothing was noted although much was said."
STRANGE_SUMMARY = "The summary shares no word with the transcript."
ONE_VOICE = "Everything that was noted was said by one person, although others talked, too."
ONE_OWNER = "All tasks are given to one person, although others talked, too."

_WORD = re.compile(r"[^\W_]{3,}")


def inspected(analysis: Analysis, transcript: Transcript) -> Analysis:
    """The analysis with a warning for each thing about it that looks wrong."""
    found = [warning for warning in _warnings(analysis, transcript) if warning not in analysis["warnings"]]
    return {**analysis, "warnings": [*analysis["warnings"], *found]} if found else analysis


def _warnings(analysis: Analysis, transcript: Transcript) -> Iterator[str]:
    segments = transcript["segments"]
    if not segments:
        return
    claims: list[dict[str, Any]] = [one for kind in CLAIM_KINDS for one in cast(dict[str, Any], analysis)[kind]]
    said = {segment["id"]: _stems(segment["text"]) for segment in segments}
    is_long = sum(len(segment["text"].split()) for segment in segments) >= LONG
    if transcript["quality"]["grade"] == "draft":
        yield DRAFT
    if is_long and not analysis["summary"].strip():
        yield NO_SUMMARY
    if is_long and not claims:
        yield NOTHING_NOTED
    summary = _stems(analysis["summary"])
    if summary and not summary & set().union(*said.values()):
        yield STRANGE_SUMMARY
    strange = sum(not _rests_on(claim, said, transcript) for claim in claims)
    if strange:
        yield f"Claims that share no word with what they cite: {strange}."
    unsaid = sum(not _was_said(item["due_text"], item["evidence"], said) for item in analysis["action_items"])
    if unsaid:
        yield f"Due dates in words that were not said: {unsaid}."
    if sum(talk["ratio"] >= MOST_SHARE for talk in analysis["talk"]) > 1:
        speakers = {segment["id"]: segment["speaker"]["id"] for segment in segments}
        voices = {speakers[one] for claim in claims for one in claim["evidence"] if one in speakers}
        if len(claims) >= FEWEST_CLAIMS and len(voices) == 1:
            yield ONE_VOICE
        owners = {item["owner"] for item in analysis["action_items"]}
        if len(analysis["action_items"]) >= FEWEST_CLAIMS and len(owners) == 1 and owners != {None}:
            yield ONE_OWNER


def _rests_on(claim: dict[str, Any], said: dict[str, set[str]], transcript: Transcript) -> bool:
    """A word of it was said there; or by somebody whom it names."""
    stems = _stems(claim["text"])
    cited = [segment for segment in transcript["segments"] if segment["id"] in claim["evidence"]]
    words = set().union(*(said[one["id"]] | _stems(one["speaker"]["label"]) for one in cited))
    return not stems or bool(stems & words)


def _was_said(due_text: str | None, evidence: list[str], said: dict[str, set[str]]) -> bool:
    stems = _stems(due_text or "")
    return not stems or bool(stems & set().union(*(said.get(one, set()) for one in evidence)))


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(text.casefold())}
