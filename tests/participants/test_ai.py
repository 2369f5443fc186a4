"""What people want done with what they say: their account's word, and another one in a meeting."""

from typing import Any

import pytest

from app.accounts import integrations
from app.accounts import tasks as account_tasks
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from tests.participants.test_guests import come
from tests.support.people import Call, Person, ok, problem, types_of

ALL = {"transcribe": True, "analyse": True}
NO_NOTES = {"transcribe": True, "analyse": False}
NOTHING = {"transcribe": False, "analyse": False}


def say(person: Person, **ai: bool) -> dict[str, Any]:
    version = ok(person.get("/auth/me"))["version"]
    changed: dict[str, Any] = ok(person.patch("/auth/me", {"ai": ai}, version=version))
    return changed


def test_an_account_says_yes_until_it_says_no_to_one_or_both(anna: Person) -> None:
    assert anna.tokens["user"]["ai"] == ALL
    assert say(anna, analyse=False)["ai"] == NO_NOTES
    changed = say(anna, transcribe=False)
    assert changed["ai"] == NOTHING
    assert say(anna, transcribe=False) == changed  # nothing new: the same version


def test_the_accounts_word_counts_where_joining_says_nothing(anna: Person, ben: Person) -> None:
    say(ben, analyse=False)
    meeting = anna.create_meeting()
    ben.accept(anna.invite(meeting, ben)[0])
    annas = anna.join(meeting)["participant"]
    assert ben.join(meeting)["participant"]["ai"] == NO_NOTES
    (told,) = anna.poll(annas)["messages"]
    assert told["payload"]["participant"]["ai"] == NO_NOTES
    listed = ok(anna.get(f"/meetings/{meeting['id']}/participants"))["items"]
    assert [one["ai"] for one in listed] == [ALL, NO_NOTES]


def test_what_is_said_at_joining_is_the_persons_with_all_devices_and_stays(call: Call) -> None:
    phone = call.guest.join(call.meeting, device="phone", ai={"transcribe": False})
    assert phone["participant"]["ai"] == {"transcribe": False, "analyse": True}
    of_ben = [one["ai"]["transcribe"] for one in phone["participants"] if one["user_id"] == call.guest.user_id]
    assert of_ben == [False, False]
    seen = call.owner.poll(call.owners)["messages"]
    assert [(m["type"], m["payload"]["participant"]["ai"]["transcribe"]) for m in seen] == [
        ("participant.updated", False),
        ("participant.joined", False),
    ]
    ok(call.guest.post(f"/participants/{phone['participant']['id']}/leave"))
    say(call.guest, analyse=False)  # is for other meetings
    again = call.guest.join(call.meeting, device="phone")["participant"]
    assert again["ai"] == {"transcribe": False, "analyse": True}
    assert call.guest.join(call.guest.create_meeting(), device="phone")["participant"]["ai"] == NO_NOTES


def test_going_on_from_a_new_connection_may_say_something_else(call: Call) -> None:
    body = {"replaces": call.guests["id"], "ai": {"analyse": False}}
    assert call.guest.join(call.meeting, **body)["participant"]["ai"] == NO_NOTES
    assert types_of(call.owner.poll(call.owners)) == ["participant.updated"]
    del body["ai"]
    assert call.guest.join(call.meeting, **body)["participant"]["ai"] == NO_NOTES


def test_guests_say_it_too_and_what_they_entrust_goes_with_their_name(
    app: ParleyApp, anna: Person, runtime: Runtime, clock: ManualClock
) -> None:
    meeting = anna.create_meeting()
    anna.join(meeting)
    gus = come(app, meeting)
    assert gus.join(meeting, ai=NOTHING, integrations={"crm": "x"})["participant"]["ai"] == NOTHING
    ok(anna.post(f"/meetings/{meeting['id']}/end"))
    clock.advance(days=runtime.settings.guests_keep_days + 1)
    account_tasks.sweep(runtime, {})
    with runtime.reading() as work:
        assert integrations.of_user(work, gus.user_id) == []


@pytest.mark.parametrize("ai", [{"transcribe": None}, {"transcribe": "no"}, {"summarise": False}, [], True])
def test_what_is_neither_yes_nor_no_is_refused(anna: Person, ai: Any) -> None:
    meeting = anna.create_meeting()
    problem(anna.post(f"/meetings/{meeting['id']}/join", {"device": "x", "ai": ai}), 422, "validation_failed")
    problem(anna.patch("/auth/me", {"ai": ai}, version=1), 422, "validation_failed")
