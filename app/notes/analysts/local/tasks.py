"""Who is to do what until when: promises, requests, and what somebody is said to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.notes.analysts.local.dates import due_in
from app.notes.analysts.local.sentences import Sentence
from app.notes.shapes import ActionItem

_VERB = r"(?: (?:also|then|just|try to|definitely|certainly|personally|please|go and|make sure to))* (?P<verb>[a-z']+)"
_PROMISES = re.compile(rf"\b(?:i'll|i will|i'm going to|i am going to|i'm gonna|i shall|i promise to|i can){_VERB}")
_DELIVERIES = re.compile(r"\b(?:you(?:'ll| will) (?P<verb>get|have|receive)|let me (?P<other>[a-z']+))\b")
_DUTIES = re.compile(rf"\b(?:i|we|somebody|someone) (?:have to|need to|must|should|has to|needs to){_VERB}")
_WE_WILL = re.compile(rf"\b(?:we'll|we will|let's){_VERB}")
_REQUESTS = re.compile(rf"\b(?:can|could|would|will) (?:you|somebody|someone|anybody|anyone){_VERB}")
_PLEASE = re.compile(r"\bplease (?P<verb>[a-z']+)")
_ASSIGNED = (
    r"\b(?P<name>{names})(?:'ll| will| should| has to| needs to| must| is going to| is to| to|"
    r" takes care of| takes over)" + _VERB
)

# What is said to be polite, or about this very talk, and is no task.
_NEVER = frozenset("be not never n't say admit see guess agree assume miss imagine believe only also".split())
_HERE_AND_NOW = frozenset(
    "hear see say have tell repeat explain mute unmute speak wait hold go know need do think remember share show stop "
    "talk discuss decide look start begin leave ask understand imagine remind come feel get".split()
)
_CONSENTS = frozenset("yes yeah sure okay ok absolutely certainly gladly alright fine will i'll i of".split())
_POINTS_BACK = frozenset({"it", "that", "them", "this"})


@dataclass(frozen=True)
class Names:
    """What the speakers are called: small first names and whole ones, with the label; None: two share it."""

    labels: dict[str, str | None]

    @classmethod
    def of(cls, labels: Sequence[str]) -> Names:
        called: dict[str, str | None] = {}
        for label in labels:
            for name in {label.lower(), label.lower().split()[0]} if label.split() else ():
                called[name] = None if name in called else label
        return cls(called)

    @property
    def pattern(self) -> str:
        return "|".join(re.escape(name) for name in sorted(self.labels, key=len, reverse=True)) or r"(?!)"

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.labels)

    def in_address(self, said: str, at: int) -> str | None:
        """Whose name stands at the beginning, right before `at`, or at the end; a whole one before a first one."""
        for name in sorted(self.labels, key=len, reverse=True):
            whole = re.escape(name)
            before = re.search(rf"^(?:\w+ ){{0,2}}{whole}\b|\b{whole} (?:\w+ )?$", said[:at])
            if before or re.search(rf"\b{whole}$", said):
                return self.labels[name]
        return None


def action_items(
    sentences: Sequence[Sentence], names: Names, held_on: date | None
) -> list[tuple[Sentence, ActionItem]]:
    found: list[tuple[Sentence, ActionItem]] = []
    for number, sentence in enumerate(sentences):
        due = due_in(sentence.words, held_on)
        task = _task(sentence, names, has_day=due is not None)
        if task is None:
            continue
        item: ActionItem = {
            "text": sentence.claim,
            "evidence": sentence.evidence,
            "owner": task.owner,
            "due": due.on.isoformat() if due and due.on else None,
            "due_text": sentence.quote(due.begin, due.end) if due else None,
        }
        if task.is_open and (answer := _consent(sentences, number)):
            item["owner"], item["evidence"] = answer.speaker, _both(sentence.evidence, answer.evidence)
        if found and _is_echo(item, sentence, *found[-1]):
            said_before = found[-1][1]
            said_before["evidence"] = _both(said_before["evidence"], item["evidence"])
            if said_before["due"] is None:
                said_before["due"], said_before["due_text"] = item["due"], item["due_text"]
            found[-1:] = [(found[-1][0], said_before), (sentence, said_before)]
        else:
            found.append((sentence, item))
    return found


def _is_echo(item: ActionItem, sentence: Sentence, before: Sentence, said_before: ActionItem) -> bool:
    """Whether somebody only says yes to what they were asked: "Sure, I'll send it by Friday." """
    same = item["owner"] == said_before["owner"] == sentence.speaker != before.speaker
    no_news = item["due"] is None or said_before["due"] in (None, item["due"])
    return same and no_news and (sentence.words[0] in _CONSENTS or not _POINTS_BACK.isdisjoint(sentence.words))


def _both(first: list[str], second: list[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


@dataclass(frozen=True)
class _Task:
    owner: str | None
    is_open: bool = False  # whoever says yes to it has it


def _task(sentence: Sentence, names: Names, *, has_day: bool) -> _Task | None:
    said = sentence.said
    # A thing that everybody does at once has no day.
    refused = _NEVER if has_day else _NEVER | _HERE_AND_NOW
    if (found := _REQUESTS.search(said)) and found["verb"] not in refused:
        owner = names.in_address(said, found.start())
        return _Task(owner, is_open=owner is None)
    if (found := _PLEASE.search(said)) and found["verb"] not in refused:
        return _Task(names.in_address(said, found.start()))
    if (found := _PROMISES.search(said)) and found["verb"] not in refused and not sentence.asks:
        return _Task(sentence.speaker) if has_day or not found.group().startswith("i can") else None
    if has_day and not sentence.asks and (found := _DELIVERIES.search(said)) and found["other"] not in refused:
        return _Task(sentence.speaker)  # "You'll have it by Friday."
    for found in re.finditer(_ASSIGNED.format(names=names.pattern), said):
        if found["verb"] not in refused:
            return _Task(names.labels[found["name"]])
    if sentence.asks:
        return None
    if (found := _DUTIES.search(said)) and found["verb"] not in _NEVER | _HERE_AND_NOW:
        mine = found.group().startswith("i ")
        return _Task(sentence.speaker if mine else None) if has_day or not mine else None
    if has_day and (found := _WE_WILL.search(said)) and found["verb"] not in _NEVER | _HERE_AND_NOW:
        return _Task(None)
    return None


def _consent(sentences: Sequence[Sentence], number: int) -> Sentence | None:
    """What somebody else says to a request, if that is a yes."""
    for answer in sentences[number + 1 : number + 3]:
        if answer.speaker != sentences[number].speaker:
            return answer if answer.words[0] in _CONSENTS else None
    return None
