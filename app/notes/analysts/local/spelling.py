"""Words as people write them, of words as recognisers and hurried people do: without apostrophes.

Most such words can mean nothing else (`dont`). Of `ill`, `well` and `lets` the words beside them tell.
"""

from __future__ import annotations

from collections.abc import Sequence

_APOSTROPHES = str.maketrans("’‘ʼ´`", "'''''")
_WRITTEN = {
    word.replace("'", ""): word
    for word in """
        don't doesn't didn't isn't aren't wasn't weren't haven't hasn't hadn't couldn't wouldn't shouldn't can't won't
        i'm i've you'll you're you've they'll they're they've we've it'll that'll that's what's there's
    """.split()
}
# Who is ill: behind these words, or before those.
_IS = frozenset(
    """
    is was are were be been being am im hes shes theyre youre seem seems seemed look looks looked feel feels
    felt fall falls fell get gets got become became very too so really quite still also again seriously mentally
    terminally called reported taken an the
    """.split()
)
_OF_THE_ILL = frozenset("and or at in on with for since because but today again people person patients health".split())
# Who says `well` may go on in many ways; with one of these it was `we'll`, if nothing was done well before.
_TO_DO = frozenset(
    """
    arrange ask book bring buy call check come contact create deliver discuss do draft finish fix follow get give have
    hire make meet move need order organise organize pay plan prepare publish put release review schedule see send set
    ship sign start talk tell test try update write
    """.split()
)
_DONE_WELL = frozenset(
    """
    as very so quite pretty really how went go goes going gone works worked working work do does did doing done all
    might just rather fairly too not know knew sleep sleeps well
    """.split()
)
_LETS_OTHERS = frozenset("he she it that this which who system software tool".split())


def spelled(words: Sequence[str]) -> tuple[str, ...]:
    """The same words, as many, in small letters."""
    small = [word.lower().translate(_APOSTROPHES) for word in words]
    return tuple(_spelled(small, place) for place in range(len(small)))


def _spelled(words: Sequence[str], at: int) -> str:
    word = words[at]
    before = words[at - 1].replace("'", "") if at else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    match word:
        case "ill" if after and before not in _IS and after not in _OF_THE_ILL:
            return "i'll"
        case "well" if after in _TO_DO and before not in _DONE_WELL:
            return "we'll"
        case "lets" if before not in _LETS_OTHERS:
            return "let's"
    return _WRITTEN.get(word, word)
