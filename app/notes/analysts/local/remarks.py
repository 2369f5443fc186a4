"""Decisions, questions, objections and pain points, by the words that give them away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.notes.analysts.local.sentences import Sentence
from app.notes.shapes import Claim, SuggestedClaim

_DECIDED = re.compile(
    r"\b(?:we(?:'ve| have)? (?:all )?(?:decided|agreed|settled)|"
    r"(?:it's|it is|that's|that is|this is) (?:decided|agreed|settled)|"
    r"decision is|let's go with|we(?:'ll| will)? go with|we(?:'re| are) going with|we(?:'ll| will) stick (?:to|with)|"
    r"from now on we|^agreed \w+ \w+ \w+|is approved|final answer)\b"
)
_UNDECIDED = re.compile(
    r"\b(?:not|haven't|hasn't|never|nothing|if|whether|until|before) (?:\w+ ){0,3}(?:decided|agreed|settled)\b"
)
_PROPOSED = re.compile(
    r"\b(?:let's|we should|shall we|should we|i suggest|i propose|how about|why don't we|what if we)\b"
)
_SAYS_YES = re.compile(
    r"(?:(?:yes|okay|ok|yeah) )?(?:agreed|deal|i agree|sounds good|let's do that|let's do it)(?: then)?"
)
_POINTS_BACK = frozenset({"that", "that's", "it", "it's", "this"})
_SHORT = 5  # words; a remark about what was said before

_ASKS = re.compile(
    r"(?:(?:what|who|whom|whose|when|where|why|which|how) (?:is|are|was|were|do|does|did|will|would|can|could|should|"
    r"shall|has|have|about|many|much|long|often|far|soon|come|else|kind|if)\b|(?:what|who|when|where|how)'s\b|"
    r"(?:do|does|did|is|are|was|were|can|could|will|would|should|shall|has|have|may) "
    r"(?:we|you|i|they|he|she|it|this|that|there|the|our|your|my|any|anyone|anybody|someone|somebody|everyone|everybody)\b)"
)
_SMALL_TALK = re.compile(
    r"\b(?:how are you|how is it going|how's it going|can (?:you|everyone|everybody) (?:hear|see)|can i share|"
    r"is everybody here|is everyone here|shall we (?:start|begin)|any questions)\b"
)

_OBJECTS = re.compile(
    r"\b(?:i (?:disagree|object|doubt)|i don't agree|i'm against|i am against|i don't (?:think|believe|like)|"
    r"i'd rather not|i would rather not|not convinced|not a good idea|bad idea|i'm not (?:so )?sure|"
    r"i am not (?:so )?sure|i'm worried|"
    r"i'm (?:a bit |rather )?concerned|my concern|too (?:expensive|risky|early|late|complicated|much money)|"
    r"(?:won't|will not|can't|cannot) work|not realistic|over (?:our |the )?budget|can't afford|cannot afford|"
    r"have (?:some |my )?doubts|problem with that)\b"
)
_HURTS = re.compile(
    r"\b(?:(?:big |real |main |biggest )?problem|issues?|annoy(?:s|ed|ing)|frustrat(?:ed|ing)|struggl(?:e|es|ed|ing)|"
    r"pain(?:ful)?|(?:difficult|hard) to|too slow|so slow|takes? (?:too long|forever|ages|hours|us hours)|"
    r"crash(?:es|ed|ing)?|broken|(?:doesn't|does not|didn't|isn't|don't) work(?:ing)?|fail(?:s|ed|ing)|breaks|"
    r"fed up|complain(?:s|ed|ts?)?|"
    r"confus(?:ed|ing)|waste of time|los(?:e|ing) (?:the|our|time|data|customers)|outages?|bottleneck|nightmare)\b"
)
_HARMLESS = re.compile(
    r"\b(?:no|not a|not an|isn't a|without|any|solved|fixed) (?:\w+ )?(?:problems?|issues?)\b|\bno longer\b"
)


def decisions(sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, Claim]]:
    for number, sentence in enumerate(sentences):
        said, before = sentence.said, sentences[number - 1] if number else None
        if _SAYS_YES.fullmatch(said):
            if before and before.speaker != sentence.speaker and _PROPOSED.search(before.said):
                yield before, _joined(before, sentence)
        elif _DECIDED.search(said) and not _UNDECIDED.search(said) and not sentence.asks:
            if before and len(sentence.content) <= _SHORT and sentence.content[0] in _POINTS_BACK:
                yield before, _joined(before, sentence)
            else:
                yield sentence, claim_of(sentence)


def is_question(sentence: Sentence) -> bool:
    said = " ".join(sentence.content)
    if _SMALL_TALK.search(said):
        return False
    return sentence.asks or bool(_ASKS.match(said) and not sentence.text.rstrip().endswith((".", "!")))


def objections(sentences: Sequence[Sentence]) -> Iterator[SuggestedClaim]:
    return (suggested(one) for one in sentences if _OBJECTS.search(one.said) and not one.asks)


def pain_points(sentences: Sequence[Sentence]) -> Iterator[SuggestedClaim]:
    for one in sentences:
        if _HURTS.search(one.said) and not _HARMLESS.search(one.said) and not one.asks:
            yield suggested(one)


def claim_of(sentence: Sentence) -> Claim:
    return {"text": sentence.claim, "evidence": sentence.evidence}


def suggested(sentence: Sentence) -> SuggestedClaim:
    return {"text": sentence.claim, "evidence": sentence.evidence, "suggested": True}


def _joined(first: Sentence, second: Sentence) -> Claim:
    return {
        "text": f"{first.claim} {second.text}",
        "evidence": list(dict.fromkeys([*first.evidence, *second.evidence])),
    }
