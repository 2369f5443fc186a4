"""What hurts people and what they don't want, and sentences with the same words that are neither."""

from __future__ import annotations

import pytest

from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.shapes import Analysis
from tests.drivers.analysts_suite import CONTEXT, transcript_of

PAIN = (
    "It is slow, we lost two calls last week.",
    "The new phone system is really slow.",
    "We lose customers because of it.",
    "We missed three deadlines in October.",
    "It takes us hours to write a report.",
    "Our people wait for hours until somebody answers.",
    "The import keeps crashing.",
    "The server went down again on Monday.",
    "It doesn't work on my phone.",
    "The scanner stopped working yesterday.",
    "I have to copy every address by hand.",
    "That costs us a lot of time.",
    "The connection is so slow in the evening.",
    "Customers complain about the invoices.",
    "There are too many clicks until an order is done.",
    "We had bad quality on the line.",
    "Nobody knows where the files are.",
    "The biggest problem is that customers wait too long for an answer.",
    "It's hard to find anything in there.",
    "The update isn't working on old machines.",
)
NO_PAIN = (
    "It is fast, and we have not lost any calls.",
    "The new system is not slow.",
    "There was no problem at all.",
    "That's not a problem.",
    "The problem is solved.",
    "We fixed the last two bugs yesterday.",
    "It no longer crashes.",
    "We never lost a customer.",
    "It is hard to say what comes next.",
    "Let's slow down a little.",
    "I'll issue the invoice tomorrow.",
    "I read that in the next issue of the magazine.",
    "The costs are broken down by region.",
    "The letter was written by hand.",
    "We haven't had any complaints.",
    "If it fails we call you.",
    "It works without errors.",
    "We won two customers last week.",
    "I took a crash course in French.",
    "The outage is over since noon.",
    "We need to hire two more developers.",
    "We have decided to start the new project in January.",
    "She lost her keys.",
    "I will send the new price list next Monday.",
    "What is the biggest problem at the moment?",
    "It takes two minutes.",
    "Wait a moment, please.",
)
OBJECTION = (
    "That is too expensive for us.",
    "We don't have the budget for that.",
    "We already use another provider.",
    "I need to think about it.",
    "We tried that before.",
    "It's quite expensive.",
    "That's not our priority this year.",
    "We're not interested.",
    "I'm not sure that this is right.",
    "There is no time for that now.",
    "We get it cheaper elsewhere.",
)
NO_OBJECTION = (
    "It is not too expensive.",
    "I'm not against it.",
    "We already have a meeting on Friday.",
    "I have no doubts about it.",
    "We tried the new coffee.",
    "Is that too expensive?",
    "We have time for one more question.",
    "I think it's a good idea.",
    "We're very interested.",
    "It isn't too late.",
)


def analysed(said: str) -> Analysis:
    return LocalAnalyst().analyse(transcript_of(("Anna", said)), CONTEXT)


def as_heard(said: str) -> str:
    """Small letters without stops, as pocketsphinx gives them."""
    return said.lower().replace(",", "").rstrip(".?")


@pytest.mark.parametrize("said", [*PAIN, *map(as_heard, PAIN)])
def test_what_hurts_is_suggested_as_a_pain_point(said: str) -> None:
    [claim] = analysed(said)["pain_points"]
    assert claim["suggested"]
    assert claim["evidence"] == ["s1"]


@pytest.mark.parametrize("said", NO_PAIN)
def test_the_same_words_where_nothing_hurts_are_no_pain_point(said: str) -> None:
    assert analysed(said)["pain_points"] == []


@pytest.mark.parametrize("said", [*OBJECTION, *map(as_heard, OBJECTION)])
def test_what_somebody_does_not_want_is_suggested_as_an_objection(said: str) -> None:
    [claim] = analysed(said)["objections"]
    assert claim["suggested"]


@pytest.mark.parametrize("said", NO_OBJECTION)
def test_the_same_words_where_nobody_minds_are_no_objection(said: str) -> None:
    assert analysed(said)["objections"] == []
