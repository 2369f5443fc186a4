from __future__ import annotations

import pytest

from app.notes.analysts.base import AnalysisContext, Analyst
from app.notes.analysts.local.analyst import OTHER_LANGUAGE, LocalAnalyst
from app.notes.shapes import Analysis, Transcript, talk_of
from app.notes.transcribers.base import Speaker, TranscriptionRequest
from app.notes.transcribers.mock import MockTranscriber
from tests.drivers.analysts_suite import CONTEXT, CONVERSATION, FRIDAY, AnalystSuite, assert_evidence, transcript_of


class TestLocalAnalyst(AnalystSuite):
    def make_analyst(self) -> Analyst:
        return LocalAnalyst()


def analysed(*lines: tuple[str, str]) -> Analysis:
    return LocalAnalyst().analyse(transcript_of(*lines), CONTEXT)


def test_what_was_said_about_a_release_is_found() -> None:
    analysis = LocalAnalyst().analyse(CONVERSATION, CONTEXT)
    assert analysis["action_items"] == [
        {
            "text": "I will write the announcement by Monday.",
            "evidence": ["s4"],
            "owner": "Bob",
            "due": "2026-11-23",
            "due_text": "by Monday",
        }
    ]
    assert analysis["decisions"] == [{"text": "We release it on Tuesday. That is decided.", "evidence": ["s3"]}]
    assert analysis["questions"] == [{"text": "Do we need a new certificate for that?", "evidence": ["s5"]}]
    assert analysis["sentiment"]["overall"] == "positive"
    assert analysis["sentiment"]["by_speaker"]["Bob"] > analysis["sentiment"]["by_speaker"]["Chen"]
    assert analysis["method"] == "extractive"
    assert not LocalAnalyst().is_mock


# As pocketsphinx hears it: small letters, no stops, cut at every breath.
UNPUNCTUATED = (
    ("Anna Berg", "good morning bob let's talk about the new contract with northwind"),
    ("Bob", "the contract is almost ready but the price is too expensive for the customer"),
    ("Anna Berg", "bob can you send the revised contract to the customer by friday"),
    ("Bob", "sure i'll send it by friday and i will call them next monday"),
    ("Anna Berg", "could somebody prepare the slides in two weeks"),
    ("Chen", "yes i can do that"),
    ("Anna Berg", "we decided to launch on the third of december"),
    ("Bob", "the import keeps crashing and it takes forever it is really frustrating"),
    ("Chen", "how much does the contract cost it was two hundred dollars last year"),
    ("Anna Berg", "can everybody hear me"),
)


def test_text_without_capitals_and_stops_is_read_too() -> None:
    analysis = analysed(*UNPUNCTUATED)
    items = [(item["owner"], item["due"], item["due_text"], item["evidence"]) for item in analysis["action_items"]]
    assert items == [
        ("Bob", "2026-11-27", "by friday", ["s3", "s4"]),
        ("Bob", "2026-11-23", "next monday", ["s4"]),
        ("Chen", "2026-12-04", "in two weeks", ["s5", "s6"]),
    ]
    assert [claim["evidence"] for claim in analysis["decisions"]] == [["s7"]]
    assert [claim["evidence"] for claim in analysis["questions"]] == [["s9"]]
    assert [(claim["evidence"], claim["suggested"]) for claim in analysis["objections"]] == [(["s2"], True)]
    assert [(claim["evidence"], claim["suggested"]) for claim in analysis["pain_points"]] == [(["s8"], True)]
    assert analysis["topics"][0] == {"text": "Contract", "evidence": ["s1", "s2", "s3"]}
    named = {(entity["type"], entity["text"].lower()) for entity in analysis["entities"]}
    assert {("person", "bob"), ("money", "two hundred dollars"), ("date", "third of december")} <= named


def test_the_summary_quotes_what_it_tells() -> None:
    analysis = analysed(*UNPUNCTUATED)
    assert analysis["summary"].startswith("In “Weekly call” Anna Berg, Bob and Chen talked about contract")
    assert "Decided: “We decided to launch on the third of december”." in analysis["summary"]
    assert "Bob: “Bob can you send the revised contract to the customer by friday”" in analysis["summary"]


@pytest.mark.parametrize(
    ("said", "owner"),
    [
        ("Bob, can you write the minutes by Friday?", "Bob"),
        ("Could you write the minutes, Bob?", "Bob"),
        ("Please send me the minutes, Chen.", "Chen"),
        ("Bob Stone will send the minutes.", "Bob"),
        ("I'll write the minutes.", "Anna Berg"),
        ("I’m going to write the minutes tomorrow.", "Anna Berg"),
        ("We need to update the minutes.", None),
        ("Somebody has to book the room by Tuesday.", None),
        ("Dora, can you write the minutes?", None),
    ],
)
def test_who_is_to_do_it_is_whoever_promises_or_is_asked(said: str, owner: str | None) -> None:
    said = said.replace("Bob Stone", "Bob")
    analysis = analysed(("Bob", "Hello there."), ("Chen", "Hi."), ("Anna Berg", said))
    assert [item["owner"] for item in analysis["action_items"]] == [owner]


@pytest.mark.parametrize(
    "said",
    [
        "Can you hear me?",
        "I'll be honest with you.",
        "I will not do that.",
        "Could you repeat that, Bob?",
        "I have to go now.",
        "We should talk about it.",
        "Bob will be there.",
    ],
)
def test_what_is_said_to_be_polite_is_no_task(said: str) -> None:
    assert analysed(("Bob", "Hello."), ("Anna", said))["action_items"] == []


def test_two_of_one_first_name_are_not_guessed_between() -> None:
    lines = (("Anna Berg", "Hello."), ("Anna Koch", "Hello."), ("Bob", "Anna, can you send the list by Friday?"))
    assert [item["owner"] for item in analysed(*lines)["action_items"]] == [None]
    lines = (*lines[:2], ("Bob", "Anna Koch, can you send the list by Friday?"))
    assert [item["owner"] for item in analysed(*lines)["action_items"]] == ["Anna Koch"]


def test_a_sentence_cut_by_a_breath_cites_all_its_segments() -> None:
    transcript = transcript_of(("Bob", "hello"), ("Anna", "bob can you send the"), ("Anna", "contract by friday"))
    transcript["segments"][2]["start_s"] = transcript["segments"][1]["end_s"] + 0.4
    [item] = LocalAnalyst().analyse(transcript, CONTEXT)["action_items"]
    assert (item["owner"], item["due"], item["evidence"]) == ("Bob", "2026-11-27", ["s2", "s3"])


def test_a_yes_to_a_proposal_decides_it() -> None:
    analysis = analysed(("Anna", "Let's move the launch to March."), ("Bob", "Agreed."))
    assert analysis["decisions"] == [{"text": "Let's move the launch to March. Agreed.", "evidence": ["s1", "s2"]}]
    assert analysed(("Anna", "We have not decided yet."))["decisions"] == []


def test_money_products_and_names_are_entities() -> None:
    analysis = analysed(
        ("Anna", "The licence of GitHub costs $1,200, and Northwind Traders pays 300 euros for the X200.")
    )
    assert {(entity["type"], entity["text"]) for entity in analysis["entities"]} == {
        ("product", "GitHub"),
        ("money", "$1,200"),
        ("name", "Northwind Traders"),
        ("money", "300 euros"),
        ("product", "X200"),
    }


def test_of_another_language_only_what_needs_no_english_is_told() -> None:
    transcript: Transcript = {
        **transcript_of(
            ("Anna", "Guten Morgen. Wir haben 300 € für den neuen Vertrag."),
            ("Bob", "Ist das genug? Ich will das nicht."),
        ),
        "language": "de-CH",
    }
    analysis = LocalAnalyst().analyse(transcript, CONTEXT)
    assert OTHER_LANGUAGE in analysis["warnings"]
    assert analysis["sentiment"] == {"overall": "neutral", "score": None, "by_speaker": {}}
    assert analysis["questions"] == [{"text": "Ist das genug?", "evidence": ["s2"]}]
    assert [entity["text"] for entity in analysis["entities"]] == ["300 €"]
    assert analysis["key_points"]
    assert analysis["talk"] == talk_of(transcript)
    assert analysis["action_items"] == analysis["topics"] == []


def test_a_meeting_of_the_mock_transcriber_is_read_like_any_other() -> None:
    speakers = [Speaker(str(n), label) for n, label in enumerate(["Anna Berg", "Bob", "Chen"])]
    tasks = 0
    for number in range(12):
        transcript = MockTranscriber().transcribe(TranscriptionRequest(f"m{number}", "Weekly", speakers))
        analysis = LocalAnalyst().analyse(transcript, AnalysisContext("m", "Weekly", FRIDAY))
        assert_evidence(analysis, transcript)
        assert analysis["key_points"]
        tasks += sum(item["due"] is not None for item in analysis["action_items"])
    assert tasks >= 12
