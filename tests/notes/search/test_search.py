"""Search, as people use it: what they may read, the best first, with the moment to listen to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.notes.search import index
from app.notes.search.finding import fused
from app.notes.search.following import follow
from app.notes.search.index import Document
from tests.support.people import Call, Person, ok, problem

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def found(person: Person, q: str, **filters: Any) -> list[dict[str, Any]]:
    """As it is once the index has followed."""
    follow(person.app.runtime, {})  # type: ignore[attr-defined]
    items: list[dict[str, Any]] = ok(person.get("/search", q=q, **filters))["items"]
    return items


def snippets(person: Person, q: str, **filters: Any) -> list[str]:
    return [item["snippet"] for item in found(person, q, **filters)]


def say(person: Person, meeting: dict[str, Any], text: str) -> dict[str, Any]:
    message: dict[str, Any] = ok(person.post(f"/meetings/{meeting['id']}/messages", {"text": text}), 201)
    return message


def test_a_meeting_is_found_by_its_title_as_it_is_now(anna: Person) -> None:
    meeting = anna.create_meeting(title="Budget review")
    assert found(anna, "budget") == [
        {
            "kind": "title",
            "id": meeting["id"],
            "meeting": {"id": meeting["id"], "title": "Budget review"},
            "call": None,
            "person": None,
            "at": found(anna, "budget")[0]["at"],
            "recording_id": None,
            "start_s": None,
            "snippet": "Budget review",
            "highlights": [{"begin": 0, "end": 6}],
        }
    ]
    ok(anna.patch(f"/meetings/{meeting['id']}", {"title": "Hiring plan"}, meeting["version"]))
    assert found(anna, "budget") == []
    assert snippets(anna, "hiring") == ["Hiring plan"]


def test_occurrences_of_a_series_are_found_too(anna: Person) -> None:
    anna.create_meeting(
        title="Standup", starts_at="2026-11-21T09:00:00Z", duration_min=15, recurrence="FREQ=DAILY;COUNT=3"
    )
    assert snippets(anna, "standup") == ["Standup"] * 3


def test_a_chat_message_is_found_until_it_is_changed_or_deleted(call: Call) -> None:
    message = say(call.guest, call.meeting, "The contract is ready <b>now</b>")
    [item] = found(call.owner, "contract")
    assert (item["kind"], item["id"], item["meeting"]["id"]) == ("chat", message["id"], call.meeting["id"])
    assert item["person"] == {"user_id": call.guest.user_id, "display_name": "Ben"}
    assert item["snippet"] == "The contract is ready <b>now</b>"
    assert item["highlights"] == [{"begin": 4, "end": 12}]
    ok(call.guest.patch(f"/messages/{message['id']}", {"text": "The invoice is ready"}))
    assert found(call.owner, "contract") == []
    assert snippets(call.owner, "invoice") == ["The invoice is ready"]
    assert call.guest.delete(f"/messages/{message['id']}").status_code in (200, 204)
    assert found(call.owner, "invoice") == []


def test_an_emptied_chat_is_found_no_more(call: Call) -> None:
    say(call.owner, call.meeting, "The contract is ready")
    assert call.owner.delete(f"/meetings/{call.meeting['id']}/messages").status_code in (200, 204)
    assert found(call.owner, "contract") == []


def test_nobody_finds_what_they_may_not_read(call: Call, cleo: Person) -> None:
    say(call.owner, call.meeting, "The secret contract")
    assert found(cleo, "contract") == found(cleo, "secret", meeting_id=call.meeting["id"]) == []
    invitation = call.owner.invite(call.meeting, cleo)[0]
    assert found(cleo, "contract") == [], "who was asked has not said yes"
    cleo.accept(invitation)
    assert snippets(cleo, "contract") == ["The secret contract"]


def test_notes_and_transcripts_are_found_with_who_said_it(call: Call) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)
    transcript = ok(call.owner.get(f"/meetings/{call.meeting['id']}/transcript"))
    segment = max(transcript["segments"], key=lambda one: len(one["text"]))
    word = max(segment["text"].strip(".?!").split(), key=len)
    kinds = {item["kind"] for item in found(call.owner, word)}
    assert "transcript" in kinds
    [item, *_] = found(call.owner, segment["text"], kind="transcript")
    assert item["person"]["display_name"] == segment["speaker"]["label"]
    noted = ok(call.owner.get(f"/meetings/{call.meeting['id']}/notes"))["analysis"]
    topics = {topic["text"] for topic in noted["topics"]}
    assert topics
    assert topics.isdisjoint(item["snippet"] for topic in topics for item in found(call.owner, topic, kind="notes"))
    assert ok(call.owner.delete(f"/meetings/{call.meeting['id']}/notes"), 204) is None
    assert found(call.owner, segment["text"], kind="transcript") == []


@pytest.fixture
def meeting_id(runtime: Runtime, anna: Person, ben: Person) -> str:
    meeting_id = str(anna.create_meeting(title="Planning")["id"])
    said = [
        ("transcript", AT, anna, "we should sign the contract with the customer"),
        ("transcript", AT + timedelta(hours=1), ben, "the customer wants another contract"),
        ("notes", AT, None, "The contract is signed."),
        ("chat", AT + timedelta(hours=2), ben, "contract attached"),
    ]
    with runtime.writing() as work:
        index.put(
            work,
            [
                Document(
                    kind,  # type: ignore[arg-type]
                    f"s{n}",
                    *(meeting_id, at, text, who and who.user_id, who and who.name, "r1", 7.5 * n, meeting_id),
                )
                for n, (kind, at, who, text) in enumerate(said)
            ],
        )
    return meeting_id


def test_what_is_found_can_be_narrowed(meeting_id: str, anna: Person, ben: Person) -> None:
    assert len(found(anna, "contract")) == 4
    assert snippets(anna, "contract", kind="notes") == ["The contract is signed."]
    assert set(snippets(anna, "contract", person_id=ben.user_id)) == {
        "the customer wants another contract",
        "contract attached",
    }
    assert snippets(anna, "contract", since="2026-11-20T11:30:00Z") == ["contract attached"]
    assert len(found(anna, "contract", until="2026-11-20T10:30:00Z")) == 2
    assert len(found(anna, "contract", meeting_id=meeting_id)) == 4
    other = anna.create_meeting(title="Other")["id"]
    assert found(anna, "contract", meeting_id=other) == []


def test_what_was_said_tells_where_to_listen(meeting_id: str, anna: Person) -> None:
    [item] = found(anna, "another contract", kind="transcript")[:1]
    assert (item["recording_id"], item["start_s"]) == ("r1", 7.5)


def test_what_is_misheard_is_found_by_its_letters(meeting_id: str, anna: Person) -> None:
    assert "contract attached" in snippets(anna, "contrakt")
    assert found(anna, "contrakt")[0]["highlights"] == []
    assert found(anna, "zebra") == []


def test_results_come_page_by_page(meeting_id: str, anna: Person) -> None:
    whole = found(anna, "contract")
    first = ok(anna.get("/search", q="contract", limit=3))
    second = ok(anna.get("/search", q="contract", limit=3, cursor=first["next_cursor"]))
    assert [*first["items"], *second["items"]] == whole
    assert second["next_cursor"] is None
    for cursor in ("nonsense", "WyJhIl0"):
        problem(anna.get("/search", q="contract", cursor=cursor), 422, "validation_failed")


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "  "}, {"q": "x" * 201}, {"q": "x", "kind": "mail"}])
def test_what_cannot_be_asked_is_said(anna: Person, query: dict[str, Any]) -> None:
    problem(anna.get("/search", **query), 422, "validation_failed")


@pytest.mark.parametrize("q", ["a", "…", '"', "%", "' OR 1=1 --", "* ( ) AND NOT"])
def test_signs_and_single_letters_find_nothing_and_break_nothing(meeting_id: str, anna: Person, q: str) -> None:
    assert found(anna, q) == []


def test_who_is_gone_is_not_named_any_more(call: Call) -> None:
    say(call.guest, call.meeting, "The contract is ready")
    response = call.guest.delete("/auth/me", {"password": "correct horse battery"})
    assert response.status_code in (200, 204), response.get_data(as_text=True)
    [item] = found(call.owner, "contract")
    assert item["person"] is None


def test_memory_follows_what_is_written_and_forgets_what_is_gone(
    runtime: Runtime, meeting_id: str, anna: Person, clock: ManualClock
) -> None:
    assert len(snippets(anna, "contrakt", kind="chat")) == 1
    with runtime.writing() as work:
        index.put(work, [Document("chat", "new", meeting_id, clock.now(), "contracts", meeting_id=meeting_id)])
    assert "contracts" in snippets(anna, "contrakt", kind="chat")
    with runtime.writing() as work:
        index.forget(work, "chat", "new")
    assert "contracts" not in snippets(anna, "contrakt", kind="chat")


def test_what_both_ways_find_goes_first() -> None:
    assert fused([1, 2, 3], [3, 4]) == [3, 1, 4, 2]
    assert fused([], [5]) == [5]
    assert fused([1], [2]) == [2, 1], "of equals the newest"


def test_a_corrected_transcript_is_found_as_it_was_corrected(call: Call) -> None:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)
    response = call.owner.get(f"/meetings/{call.meeting['id']}/transcript")
    first = ok(response)["segments"][0]
    corrected = {"segments": [{"id": first["id"], "text": "Hippopotamus first."}], "speakers": []}
    headers = {"If-Match": response.headers.get("ETag", "")}
    ok(call.owner.request("PATCH", f"/meetings/{call.meeting['id']}/transcript", corrected, headers=headers))
    assert snippets(call.owner, "hippopotamus", kind="transcript") == ["Hippopotamus first."]
