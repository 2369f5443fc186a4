"""Decisions and questions, by the words that give them away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.notes.analysts.local.sentences import Sentence
from app.notes.shapes import Claim

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


def claim_of(sentence: Sentence) -> Claim:
    return {"text": sentence.claim, "evidence": sentence.evidence}


def _joined(first: Sentence, second: Sentence) -> Claim:
    return {
        "text": f"{first.claim} {second.text}",
        "evidence": list(dict.fromkeys([*first.evidence, *second.evidence])),
    }
