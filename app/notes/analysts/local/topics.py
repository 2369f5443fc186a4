"""What a meeting was about, and which sentences say most of it: the words that come again, and how many of them a
sentence has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import sqrt

from app.notes.analysts.local.dates import MONTHS, WEEKDAYS
from app.notes.analysts.local.sentences import Sentence
from app.notes.shapes import Claim

MOST_TOPICS = 6
LONGEST_TOPIC = 3  # words
_SHORTEST_WORD = 3  # letters

_STOPWORDS = frozenset(
    """
    a about above absolutely actually after again against all almost alone along already alright also although always am
    an and another any anybody anyone anything are aren't around as ask asked at away back be because been before begin
    being below best better between big bit both but by bye call came can can't cannot come comes could couldn't day
    days did didn't different do does doesn't doing don't done down during each either else end enough even ever every
    everybody everyone everything exactly far fast few fine first for forward found from full gave get gets getting give
    given gives glad go goes going gone good got great guess had happy has have haven't having he he'd he's hear heard
    hello help her here here's hers hey hi him his hm how however i i'd i'll i'm i've if in indeed instead into is isn't
    it it's its itself just keep kind know knows last later least left less let let's like likely little long look
    looking looks lot lots love loves made make makes making many may maybe me mean means might minute minutes mm month
    more morning most mostly much must my myself need needed needs never new next nice no nobody none nor not nothing
    now o'clock of off oh okay old on once one ones only or other others our out over own part people perfect perhaps
    please point possible probably put quite rather ready really right round said same saw say saying says second see
    seem seems seen set several shall she she's should shouldn't show side simply since so some somebody someone
    something sometimes soon sorry still stop stuff such sure take taken takes taking talk talked tell than thank thanks
    that that's the their them then there there's these they they'd they'll they're they've thing things think third
    this those though thought three through till time times to today together told tomorrow too took tried true try
    trying turn twice two uh um under until up upon us use used uses using usually very wait want wanted wants was
    wasn't way we we'd we'll we're we've week weeks well went were weren't what what's whatever when where whether which
    while who who's whole whom whose why will wish with without won't word words work working works worse would wouldn't
    send sends sent ready release released releases prepare prepared finish finished start started update updated check
    decide decided agree agreed theirs person persons half hundred thousand million ninety eighty seventy sixty fifty
    forty thirty twenty ten nine eight seven six five four
    write wrong written yeah year years yes yesterday yet you you'd you'll you're you've your yours
    """.split()
) | frozenset((*WEEKDAYS, *MONTHS))


def topics(sentences: Sequence[Sentence], names: frozenset[str]) -> list[Claim]:
    """Phrases that come up more than once, and words if those are few."""
    told: dict[str, list[str]] = {}
    shown: dict[str, str] = {}
    for sentence in sentences:
        for begin, end in _phrases(sentence, names):
            phrase = " ".join(sentence.words[begin:end])
            told.setdefault(phrase, []).extend(sentence.ids[begin:end])
            shown.setdefault(phrase, sentence.quote(begin, end))
    counts = {phrase: len(set(ids)) for phrase, ids in told.items()}
    ranked = sorted(told, key=lambda phrase: (-counts[phrase] * sqrt(len(phrase.split())), -len(phrase)))
    chosen: list[str] = []
    for phrase in ranked:
        if not any(phrase in other or other in phrase for other in chosen):
            chosen.append(phrase)
    often = [phrase for phrase in chosen if counts[phrase] > 1] or chosen[: MOST_TOPICS // 2]
    return [
        {"text": shown[phrase][:1].upper() + shown[phrase][1:], "evidence": list(dict.fromkeys(told[phrase]))}
        for phrase in often[:MOST_TOPICS]
    ]


def key_sentences(sentences: Sequence[Sentence], names: frozenset[str], most: int) -> list[Sentence]:
    """Those with the most of what everybody talks about, in the order in which they were said."""
    weights = Counter(word for one in sentences for word in set(one.words) if _counts(word, names))

    def weight(sentence: Sentence) -> float:
        words = {word for word in sentence.words if _counts(word, names)}
        numbers = any(word[0].isdigit() for word in sentence.words)
        return (sum(weights[word] for word in words) + 2 * numbers) / sqrt(len(sentence.words) + 4)

    best = sorted(sentences, key=lambda sentence: -weight(sentence))[:most]
    return [sentence for sentence in sentences if sentence in best]


def _phrases(sentence: Sentence, names: frozenset[str]) -> list[tuple[int, int]]:
    """Words that stand side by side and mean something, and the last of them alone: `trial group`, `group`."""
    found: list[tuple[int, int]] = []
    begin = None
    for place, word in enumerate((*sentence.words, "")):
        goes_on = _counts(word, names) and (begin is None or _touches(sentence, place))
        if begin is not None and not goes_on:
            found.append((max(begin, place - LONGEST_TOPIC), place))
            if place - begin > 1:
                found.append((place - 1, place))
            begin = None
        if begin is None and _counts(word, names):
            begin = place
    return found


def _touches(sentence: Sentence, place: int) -> bool:
    return sentence.text[sentence.spans[place - 1][1] : sentence.spans[place][0]].isspace()


def _counts(word: str, names: frozenset[str]) -> bool:
    return (
        len(word) >= _SHORTEST_WORD
        and word not in _STOPWORDS
        and word.removesuffix("'s") not in names
        and not re.search(r"\d|ly$|'", word)
    )
