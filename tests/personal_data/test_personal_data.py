"""A copy of everything that is kept of a person: all of theirs, nothing of others, and no secret."""

import io
import json
import zipfile
from typing import Any

import pytest

from app.core.db import Base
from app.personal_data import chapters, routes
from app.personal_data.chapters import CHAPTERS, WITHHELD, WITHOUT
from tests.support.people import Call, Person, ok, problem


def copy_of(person: Person) -> dict[str, Any]:
    answer = person.get("/auth/me/data")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def chapter(person: Person, name: str) -> Any:
    return json.loads(copy_of(person)[f"{name}.json"])


class TestACopy:
    def test_has_the_account(self, anna: Person) -> None:
        [account] = chapter(anna, "account")
        assert (account["id"], account["email"], account["display_name"]) == (anna.user_id, anna.email, "Anna")
        assert account["created_at"].endswith("Z")

    def test_has_what_one_said_and_not_what_others_said(self, call: Call) -> None:
        for person, text in ((call.owner, "Mine – 😀"), (call.guest, "Ben's")):
            ok(person.post(f"/meetings/{call.meeting['id']}/messages", {"text": text}), 201)
        said = [message["text"] for message in chapter(call.owner, "chat_messages")]
        assert "Mine – 😀" in said
        assert "Ben's" not in copy_of(call.owner)["chat_messages.json"]

    def test_has_the_meetings_that_one_holds_and_the_stays_in_those_of_others(self, call: Call) -> None:
        assert [one["id"] for one in chapter(call.owner, "meetings")] == [call.meeting["id"]]
        assert chapter(call.guest, "meetings") == []
        assert [one["meeting_id"] for one in chapter(call.guest, "stays_in_meetings")] == [call.meeting["id"]]

    def test_has_a_file_for_every_chapter_and_says_where_films_are(self, anna: Person) -> None:
        copy = copy_of(anna)
        assert set(copy) == {"README.txt", *(f"{name}.json" for name in CHAPTERS)}
        assert all(isinstance(json.loads(text), list) for name, text in copy.items() if name.endswith(".json"))

    def test_has_all_of_more_than_is_read_at_once(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chapters, "ROWS_AT_ONCE", 2)
        for text in "abcde":
            ok(call.owner.post(f"/meetings/{call.meeting['id']}/messages", {"text": text}), 201)
        said = [message["text"] for message in chapter(call.owner, "chat_messages") if message["type"] == "text"]
        assert said == list("abcde")

    def test_has_no_secret(self, anna: Person) -> None:
        version = ok(anna.get("/auth/me"))["version"]
        ok(anna.patch("/auth/me", {"integrations": {"crm": "a key of Anna's"}}, version=version))
        feed = ok(anna.request("PUT", "/auth/me/calendar-feed"))["url"]
        everything = "".join(copy_of(anna).values())
        for secret in ("a key of Anna's", "argon2", feed.rsplit("/", 1)[-1].removesuffix(".ics")):
            assert secret not in everything

    def test_is_not_begun_where_there_is_no_room_for_it(self, anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any) -> Any:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(routes.tempfile, "SpooledTemporaryFile", full)
        problem(anna.get("/auth/me/data"), 507, "storage_full")


def test_every_table_is_in_it_or_has_a_reason_why_not() -> None:
    there = {chapter.table.name for chapter in CHAPTERS.values()}
    assert there & set(WITHOUT) == set()
    assert there | set(WITHOUT) == set(Base.metadata.tables)


def test_columns_that_hold_secrets_are_withheld() -> None:
    telling = ("hash", "secret", "sealed", "jti")
    columns = {column.name for chapter in CHAPTERS.values() for column in chapter.table.columns}
    assert {name for name in columns if any(word in name for word in telling)} <= WITHHELD
