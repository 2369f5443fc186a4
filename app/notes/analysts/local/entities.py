"""People, products, money and days that are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.notes.analysts.local.dates import MONTHS, WEEKDAYS, days_in
from app.notes.analysts.local.sentences import Sentence
from app.notes.analysts.local.tasks import Names
from app.notes.shapes import Entity

_CURRENCY = r"(?:dollars?|euros?|pounds?|francs?|yen|cents?|usd|eur|gbp|chf)"
_AMOUNT = r"\d[\d.,]*(?: ?(?:k|m|thousand|million|billion))?"
_MONEY = re.compile(rf"[$€£¥] ?{_AMOUNT}\b|\b{_AMOUNT} ?(?:[€£]|{_CURRENCY}\b)", re.IGNORECASE)
_NUMBER_WORDS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million "
    "billion a half".split()
)
_IS_CURRENCY = re.compile(_CURRENCY)
# Capitals or digits where ordinary words have none: `iPhone`, `GitHub`, `S3`, `X200`.
_PRODUCT = re.compile(r"(?=\w*[^\W\d_])(?:\w*[^\W\dA-Z_][A-Z]\w*|[A-Z]+\d\w*|[A-Z]\w*\d\w*)")
_NAME = re.compile(r"[A-Z][^\W\d_]+")
_NO_NAMES = frozenset((*WEEKDAYS, *MONTHS, "i", "i'll", "i'm", "i've", "i'd", "ok", "okay"))


def entities(sentences: Sequence[Sentence], names: Names) -> list[Entity]:
    """Each once, with all segments that name it."""
    found: dict[tuple[str, str], Entity] = {}
    for sentence in sentences:
        for kind, text, ids in _in(sentence, names):
            entity = found.setdefault((kind, text.lower()), {"text": text, "evidence": [], "type": kind})
            entity["evidence"] = list(dict.fromkeys([*entity["evidence"], *ids]))
    return list(found.values())


def _in(sentence: Sentence, names: Names) -> Iterator[tuple[str, str, Sequence[str]]]:
    for money in _MONEY.finditer(sentence.text):
        touched = [n for n, (begin, end) in enumerate(sentence.spans) if begin < money.end() and end > money.start()]
        yield "money", money.group().rstrip(".,"), [sentence.ids[n] for n in touched]
    for begin, end in _spoken_money(sentence):
        yield "money", sentence.quote(begin, end), sentence.ids[begin:end]
    for day in days_in(sentence.words, None):
        begin = day.begin
        while begin < day.end - 1 and sentence.words[begin] in ("by", "on", "until", "till", "before", "the", "due"):
            begin += 1
        yield "date", sentence.quote(begin, day.end), sentence.ids[begin : day.end]
    for number, word in enumerate(sentence.words):
        written = sentence.quote(number, number + 1)
        if label := names.labels.get(word.removesuffix("'s")):
            yield "person", label, [sentence.ids[number]]
        elif _PRODUCT.fullmatch(written):
            yield "product", written, [sentence.ids[number]]
    yield from _other_names(sentence, names)


def _other_names(sentence: Sentence, names: Names) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Capitals in the middle of a sentence that has small letters too."""
    begin = None
    for number in range(1, len(sentence.words) + 1):
        is_name = number < len(sentence.words) and _looks_like_name(sentence, number, names)
        if begin is not None and not is_name:
            yield "name", sentence.quote(begin, number), sentence.ids[begin:number]
            begin = None
        elif is_name and begin is None:
            begin = number


def _looks_like_name(sentence: Sentence, number: int, names: Names) -> bool:
    written, word = sentence.quote(number, number + 1), sentence.words[number]
    if _PRODUCT.fullmatch(written):
        return False
    before = sentence.text[: sentence.spans[number][0]].rstrip()[-1:]
    return bool(
        _NAME.fullmatch(written) and word not in _NO_NAMES and word not in names.words and before not in '.?!:“"…'
    )


def _spoken_money(sentence: Sentence) -> Iterator[tuple[int, int]]:
    """`two hundred dollars`"""
    for number, word in enumerate(sentence.words):
        begin = number
        while begin and (sentence.words[begin - 1] in _NUMBER_WORDS):
            begin -= 1
        if begin < number and _IS_CURRENCY.fullmatch(word):
            yield begin, number + 1
