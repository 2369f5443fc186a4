"""Writing, changing and taking back messages, and how the others learn of it."""

from __future__ import annotations

import pytest

from tests.chat.conftest import Says, chat_of, texts, told
from tests.support.people import Call, Person, ok, problem, start_call

HTML = "<img src=x onerror=\"alert('hi')\"> & <b>bold</b>"


class TestWriting:
    def test_a_message_reaches_everybody_in_the_room(self, call: Call, says: Says) -> None:
        sent = says(call.guest, "Hello", client_ref="b-1")
        assert sent["sender"] == {"user_id": call.guest.user_id, "display_name": "Ben"}
        for who, participant in ((call.owner, call.owners), (call.guest, call.guests)):
            [event] = told(who, participant)
            assert (event["type"], event["meeting_id"]) == ("chat.message", call.meeting["id"])
            message = event["payload"]["message"]
            assert message["client_ref"] == "b-1"
            assert ok(who.get(f"/messages/{message['id']}")) == message == sent

    def test_devices_elsewhere_are_told_once_however_much_is_written(
        self, call: Call, says: Says, cleo: Person
    ) -> None:
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        says(call.guest, "One")
        latest = says(call.guest, "Two")
        [event] = told(cleo)
        assert event["type"] == "chat.activity"
        assert event["payload"]["head"] == latest["number"]
        assert "Two" not in str(event)
        assert told(call.guest) == [], "who is in the room has it there"

    def test_text_is_kept_as_it_was_written(self, call: Call, says: Says) -> None:
        assert says(call.guest, HTML)["text"] == HTML
        assert texts(chat_of(call.owner, call.meeting)) == [HTML]

    def test_the_same_reference_sends_nothing_more(self, call: Call, says: Says) -> None:
        first = says(call.guest, "Hello", client_ref="1")
        assert says(call.guest, "Hello, again", client_ref="1") == first
        assert says(call.owner, "Mine", client_ref="1")["id"] != first["id"], "another sender's is another's"
        assert texts(chat_of(call.owner, call.meeting)) == ["Hello", "Mine"]

    def test_a_reference_holds_in_its_meeting_only(self, call: Call, says: Says) -> None:
        says(call.owner, "Here", client_ref="1")
        another = call.owner.create_meeting()
        body = {"text": "There", "client_ref": "1"}
        assert ok(call.owner.post(f"/meetings/{another['id']}/messages", body), 201)["text"] == "There"

    def test_numbers_grow_in_each_meeting(self, call: Call, says: Says) -> None:
        first, second = says(call.guest, "One"), says(call.owner, "Two")
        assert second["number"] == first["number"] + 1

    @pytest.mark.parametrize("text", ["", "   ", "bell \a", "x" * 4001])
    def test_what_is_no_message_is_refused(self, call: Call, text: str) -> None:
        answer = call.guest.post(f"/meetings/{call.meeting['id']}/messages", {"text": text})
        assert problem(answer, 422, "validation_failed")["errors"][0]["field"] == "text"

    def test_people_write_before_and_after_a_meeting_but_not_once_it_is_cancelled(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        path = f"/meetings/{meeting['id']}/messages"
        ok(anna.post(path, {"text": "Before"}), 201)
        ok(anna.post(f"/meetings/{meeting['id']}/start"))
        ok(anna.post(f"/meetings/{meeting['id']}/end"))
        ok(anna.post(path, {"text": "After"}), 201)
        assert texts(chat_of(anna, meeting)) == ["Before", "After"]
        cancelled = anna.create_meeting()
        ok(anna.post(f"/meetings/{cancelled['id']}/cancel"))
        problem(anna.post(f"/meetings/{cancelled['id']}/messages", {"text": "Hm"}), 409, "meeting_cancelled")


class TestChanging:
    def test_an_edit_replaces_what_was_not_read_yet(self, call: Call, says: Says) -> None:
        message = says(call.guest, "Helo")
        edited = ok(call.guest.patch(f"/messages/{message['id']}", {"text": "Hello"}))
        assert (edited["text"], edited["number"]) == ("Hello", message["number"])
        assert edited["edited_at"] is not None
        [event] = told(call.owner, call.owners)
        assert (event["type"], event["payload"]["message"]["text"]) == ("chat.updated", "Hello")

    def test_what_is_deleted_leaves_its_number_and_nothing_else(self, call: Call, says: Says) -> None:
        message = says(call.guest, "Secret", client_ref="1")
        ok(call.owner.request("PUT", f"/messages/{message['id']}/reactions/👍"))
        for _ in range(2):
            ok(call.guest.delete(f"/messages/{message['id']}"), 204)
        [*_, left] = chat_of(call.owner, call.meeting)["items"]
        assert (left["number"], left["text"], left["reactions"]) == (message["number"], None, [])
        assert left["deleted_at"] is not None
        assert not [event for event in told(call.owner, call.owners) if "Secret" in str(event)]
        problem(call.guest.patch(f"/messages/{message['id']}", {"text": "Again"}), 409, "message_deleted")
        assert says(call.guest, "Secret", client_ref="1")["text"] is None, "a late repeat does not bring it back"

    def test_nobody_changes_what_others_wrote(self, call: Call, says: Says) -> None:
        message = says(call.guest, "Mine")
        problem(call.owner.patch(f"/messages/{message['id']}", {"text": "Yours"}), 403, "forbidden")
        problem(call.owner.delete(f"/messages/{message['id']}"), 403, "forbidden")

    def test_who_was_disinvited_reads_and_changes_nothing_any_more(self, call: Call, says: Says) -> None:
        message = says(call.guest, "Mine")
        [invitation] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/invitations"))["items"]
        ok(call.owner.delete(f"/invitations/{invitation['id']}"), 204)
        problem(call.guest.delete(f"/messages/{message['id']}"), 404, "not_found")
        problem(call.guest.get(f"/meetings/{call.meeting['id']}/messages"), 404, "not_found")


class TestEmptying:
    def test_an_owner_empties_the_chat_for_everybody(self, call: Call, says: Says, cleo: Person) -> None:
        cleo.accept(call.owner.invite(call.meeting, cleo)[0])
        gone = says(call.guest, "Secret")
        ok(call.owner.delete(f"/meetings/{call.meeting['id']}/messages"), 204)
        page = chat_of(call.guest, call.meeting)
        assert [(m["text"], m["system"]["kind"]) for m in page["items"]] == [("Anna emptied the chat.", "chat.cleared")]
        problem(call.guest.get(f"/messages/{gone['id']}"), 404, "not_found")
        for who, participant in ((call.owner, call.owners), (call.guest, call.guests), (cleo, None)):
            [event] = told(who, participant)
            assert event["type"] == "chat.cleared"
            assert event["payload"] == {"meeting_id": call.meeting["id"], "up_to": gone["number"]}
        assert says(call.guest, "Anew")["number"] > gone["number"]

    def test_a_chat_that_is_kept_until_the_end_is_gone_then(self, anna: Person, ben: Person) -> None:
        call = start_call(anna, ben, chat_retention="until_end", media_mode="mock")
        path = f"/meetings/{call.meeting['id']}/messages"
        ok(ben.post(path, {"text": "Secret"}), 201)
        ok(anna.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        ok(anna.post(f"/meetings/{call.meeting['id']}/end"))
        assert chat_of(ben, call.meeting)["items"] == []
        assert "Secret" not in str(ben.poll(call.guests, limit=200))
        problem(ben.post(path, {"text": "Still there?"}), 409, "chat_closed")
        ok(anna.post(f"/meetings/{call.meeting['id']}/start"))
        ok(ben.post(path, {"text": "Here again"}), 201)
