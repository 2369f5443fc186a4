"""Objections and pain points, by the words that give them away: guesses, and marked as such.

A word counts unless something beside it takes it back: who says *not*, *never* or *if* right before it, or *is solved*
after it, complains of nothing. Neither does who asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.notes.analysts.local.sentences import Sentence
from app.notes.shapes import SuggestedClaim

_BEFORE, _AFTER = 3, 4  # words in which something is taken back


def _any_of(phrases: str) -> re.Pattern[str]:
    """One on each line."""
    return re.compile(rf"\b(?:{'|'.join(line.strip() for line in phrases.strip().splitlines())})\b")


_OBJECTS = _any_of(
    r"""
    i (?:disagree|object|doubt)
    i don't (?:agree|think|believe|like)
    i(?:'m| am) (?:against|worried|not (?:so )?sure|(?:a bit |rather )?concerned)
    i(?:'d| would) rather not
    my concern
    not (?:convinced|realistic|interested|a good idea|(?:a|our|my) priority)
    (?:isn't|is not|aren't|are not) interested
    (?:bad idea|problem with that)
    the wrong (?:time|moment|way|approach)
    (?:won't|will not|can't|cannot) work
    (?:can't|cannot) afford
    (?:have|has) (?:some |my |our )?doubts
    (?:need|want|have) to think (?:about|it over)
    too (?:expensive|risky|early|late|complicated|big a step|much (?:money|work))
    (?:is|are|it's|that's) (?:quite |rather |very |pretty |really )?(?:expensive|pricey)
    over (?:our |the )?budget
    a lot of money
    more than we (?:can|want to|wanted to) (?:pay|spend)
    cheaper (?:elsewhere|from|somewhere)
    (?:don't|do not|doesn't|does not) have (?:the |any |enough )?(?:budget|money|time|people|resources) for
    (?:have |there's |there is )?no (?:budget|money|time|resources) for
    already (?:have|use|work with|pay for) (?:an? |another )?(?:\w+ )?(?:supplier|provider|vendor|solution|system|tool)
    tried (?:that|this|it) (?:before|already|last (?:year|month|time))
    """
)
_MANY = r"(?:an?|\d+|one|two|three|four|five|ten|some|several|(?:too )?many|more|our|the|another|half|most|all|a few)"
_THINGS = (
    r"(?:calls?|customers?|clients?|deals?|orders?|leads?|sales|money|revenue|hours?|days?|time|data|files?|messages?|"
    r"e-?mails?|tickets?|deadlines?|contracts?|appointments?|payments?)"
)
_HURTS = _any_of(
    rf"""
    (?:big |real |main |biggest )?problems?
    issues?
    (?:errors?|bugs?|outages?|bottleneck|nightmare|pain(?:ful)?)
    (?:annoy(?:s|ed|ing)|frustrat(?:ed|ing|es)|confus(?:ed|ing)|struggl(?:e|es|ed|ing))
    (?:fed up|angry|unhappy|overwhelmed|overloaded|understaffed|unreliable|cumbersome|tedious|broken)
    complain(?:s|ed|ts?|ing)?
    (?:difficult|hard) to
    (?:is|are|was|were|it's|that's|gets|got|so|too|very|really|pretty|quite|terribly|painfully) slow
    slows (?:us|me|them|everybody|everything) down
    tak(?:es|ing|e) (?:us |me |them |people )?(?:too long|so long|forever|ages|hours|days|weeks|half a day)
    wait(?:s|ed|ing)? (?:for )?(?:too long|so long|forever|ages|hours|days|weeks|half an hour)
    (?:lost|lose|losing|loses|missed|missing|miss|dropped|dropping) (?:{_MANY} )?(?:\w+ )?{_THINGS}
    (?:crash(?:es|ed|ing)?|freez(?:es|ing)|froze|hangs|breaks|fail(?:s|ed|ing))
    (?:doesn't|does not|didn't|isn't|don't|never) works?(?:ing)?
    (?:(?:isn't|aren't|not|stopped) working)
    (?:went|goes|is|was|been) down (?:again|for|all)
    waste(?:s|d)? (?:of )?(?:so much |a lot of |our |my )?(?:time|money)
    costs? (?:us |me |them )(?:a lot of |so much |too much )?(?:time|money|hours|days|customers)
    by hand
    nobody (?:answers|picks up|knows)
    too many (?:errors|clicks|steps|mistakes|tools|meetings|e-?mails|mails)
    (?:bad|poor|terrible) (?:quality|sound|connection|reception|reviews?)
    """
)
_TAKEN_BACK = _any_of(
    r"""
    (?:not|no|never|without|hardly|any|if|unless)
    (?:isn't|wasn't|aren't|don't|doesn't|didn't|won't|haven't|hasn't)
    """
)
_IS_OVER = _any_of("(?:solved|fixed|resolved|repaired|gone|over|behind us|history|disappeared)")
# The same words where they mean something else.
_HARMLESS = _any_of(
    r"""
    (?:hard|difficult) to (?:say|tell|believe|beat|imagine)
    (?:next|latest|first|last|current|this) issue of
    issue (?:an?|the) (?:invoice|refund|ticket|statement)
    broken (?:down|up) (?:by|into)
    crash course
    lost and found
    (?:error (?:margin|bars?)|margin of error)
    (?:made|written|signed) by hand
    (?:solved|fixed|resolved|repaired) (?:\w+ ){0,3}(?:problems?|issues?|bugs?|errors?|outages?)
    """
)


def objections(sentences: Sequence[Sentence]) -> Iterator[SuggestedClaim]:
    return (_suggested(one) for one in sentences if not one.asks and _is_meant(_OBJECTS, one.said))


def pain_points(sentences: Sequence[Sentence]) -> Iterator[SuggestedClaim]:
    return (_suggested(one) for one in sentences if not one.asks and _is_meant(_HURTS, one.said))


def _is_meant(gives_away: re.Pattern[str], said: str) -> bool:
    """Whether one of the words at least is not taken back."""
    said = _HARMLESS.sub("…", said)
    for found in gives_away.finditer(said):
        before = " ".join(said[: found.start()].split()[-_BEFORE:])
        after = " ".join(said[found.end() :].split()[:_AFTER])
        if not _TAKEN_BACK.search(before) and not _IS_OVER.search(after):
            return True
    return False


def _suggested(sentence: Sentence) -> SuggestedClaim:
    return {"text": sentence.claim, "evidence": sentence.evidence, "suggested": True}
