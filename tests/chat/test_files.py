"""Files that a message brings: uploaded first, downloaded as attachments, deleted with the message."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from tests.chat.conftest import chat_of, told
from tests.support.people import Call, Person, ok, problem
from tests.uploads.sending import send as upload

PAGE = b"<script>alert('hi')</script>"


def send_file(who: Person, meeting: dict[str, Any], content: bytes = PAGE, **fields: Any) -> dict[str, Any]:
    sent = upload(who, content, name="Überblick.html", media_type="text/html")
    body = {"upload_id": sent["id"], **fields}
    message: dict[str, Any] = ok(who.post(f"/meetings/{meeting['id']}/messages", body), 201)
    return message


def stored(runtime: Runtime) -> list[str]:
    return [info.key for info in runtime.drivers[ObjectStore].list("chat/")]


def test_a_file_reaches_the_room_and_is_downloaded_as_an_attachment(call: Call) -> None:
    message = send_file(call.guest, call.meeting, text="Look", client_ref="1")
    assert (message["type"], message["text"]) == ("file", "Look")
    [event] = told(call.owner, call.owners)
    file = event["payload"]["message"]["file"]
    assert (file["name"], file["size"]) == ("Überblick.html", len(PAGE))
    assert file == message["file"] == chat_of(call.owner, call.meeting)["items"][-1]["file"]
    answer = call.owner.get(file["download_url"].partition("/api/v1")[2])
    assert answer.data == PAGE
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_what_is_no_finished_upload_of_ones_own_is_no_file(call: Call) -> None:
    path = f"/meetings/{call.meeting['id']}/messages"
    sent = upload(call.guest, PAGE)
    problem(call.owner.post(path, {"upload_id": sent["id"]}), 404, "not_found")
    ok(call.guest.post(path, {"upload_id": sent["id"]}), 201)
    problem(call.guest.post(path, {"upload_id": sent["id"]}), 409, "upload_state_conflict")
    problem(call.guest.post(path, {}), 422, "validation_failed")
    text = ok(call.guest.post(path, {"text": "No file"}), 201)
    problem(call.guest.get(f"/messages/{text['id']}/file"), 404, "not_found")


@pytest.mark.parametrize("how", ["message", "chat", "meeting"])
def test_a_file_is_deleted_with_what_it_belongs_to(call: Call, runtime: Runtime, how: str) -> None:
    message = send_file(call.guest, call.meeting)
    assert len(stored(runtime)) == 1
    if how == "message":
        ok(call.guest.delete(f"/messages/{message['id']}"), 204)
        problem(call.owner.get(f"/messages/{message['id']}/file"), 404, "not_found")
    elif how == "chat":
        ok(call.owner.delete(f"/meetings/{call.meeting['id']}/messages"), 204)
    else:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ok(call.owner.delete(f"/meetings/{call.meeting['id']}"), 204)
    assert stored(runtime) == []
