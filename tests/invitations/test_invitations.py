from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.events import EmailVerified
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Call, Person, ok, problem, start_call, types_of

START = "2026-12-01T09:00:00.000000Z"
LATER = "2026-12-02T15:00:00.000000Z"


@pytest.fixture
def meeting(anna: Person) -> dict[str, Any]:
    return anna.create_meeting(starts_at=START, duration_min=30)


@pytest.fixture
def invitation(anna: Person, ben: Person, meeting: dict[str, Any]) -> dict[str, Any]:
    return anna.invite(meeting, ben)[0]


def act(person: Person, invitation: dict[str, Any], action: str, body: Any = None) -> Any:
    return person.post(f"/invitations/{invitation['id']}/{action}", body)


def propose(person: Person, invitation: dict[str, Any], **body: Any) -> Any:
    return act(person, invitation, "propose", {"starts_at": LATER, **body})


def test_an_invitation_tells_who_asks_whom_to_what(invitation: dict[str, Any], meeting: dict[str, Any]) -> None:
    assert invitation["status"] == "pending"
    assert invitation["inviter"]["display_name"] == "Anna"
    assert (invitation["invitee"]["email"], invitation["invitee"]["display_name"]) == ("ben@example.org", "Ben")
    assert (invitation["meeting"]["id"], invitation["meeting"]["starts_at"]) == (meeting["id"], START)
    assert invitation["proposal"] is None


def test_it_arrives_in_the_inbox_and_in_the_box_of_received_ones(
    anna: Person, ben: Person, invitation: dict[str, Any]
) -> None:
    [message] = ben.poll()["messages"]
    assert (message["type"], message["payload"]["invitation"]) == ("invitation.received", invitation)
    assert [i["id"] for i in ok(ben.get("/invitations"))["items"]] == [invitation["id"]]
    assert [i["id"] for i in ok(anna.get("/invitations", box="sent"))["items"]] == [invitation["id"]]
    assert ok(ben.get("/invitations", box="sent"))["items"] == []


def test_people_are_invited_by_account_too(anna: Person, ben: Person, meeting: dict[str, Any]) -> None:
    body = {"invitees": [{"user_id": ben.user_id}], "message": "Come!"}
    [invited] = ok(anna.post(f"/meetings/{meeting['id']}/invitations", body), 201)["items"]
    assert (invited["invitee"]["user_id"], invited["message"]) == (ben.user_id, "Come!")


def test_inviting_somebody_twice_keeps_their_answer(
    anna: Person, ben: Person, meeting: dict[str, Any], invitation: dict[str, Any]
) -> None:
    ben.accept(invitation)
    [again] = anna.invite(meeting, ben)
    assert (again["id"], again["status"]) == (invitation["id"], "accepted")


@pytest.mark.parametrize(
    "invitees",
    [
        [],
        [{}],
        [{"email": "nobody"}],
        [{"email": "a@example.org", "user_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}],
        [{"user_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}],
        [{"email": "anna@example.org"}],
        [{"email": "ok@example.org"}, {"user_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}],
    ],
)
def test_wrong_invitees_are_refused_and_nobody_is_invited(
    anna: Person, meeting: dict[str, Any], invitees: list[Any]
) -> None:
    path = f"/meetings/{meeting['id']}/invitations"
    problem(anna.post(path, {"invitees": invitees}), 422, "validation_failed")
    assert ok(anna.get(path))["items"] == []


class TestALimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"invitations_max": 2})

    def test_of_invitations_is_told_and_none_of_the_batch_is_sent(self, anna: Person, meeting: dict[str, Any]) -> None:
        path = f"/meetings/{meeting['id']}/invitations"
        people = [{"email": f"p{n}@example.org"} for n in range(3)]
        problem(anna.post(path, {"invitees": people}), 409, "too_many_invitations")
        assert ok(anna.get(path))["items"] == []


class TestAnswers:
    def test_yes_lets_the_invitee_in_and_is_told_to_the_inviter(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        problem(ben.get(f"/meetings/{meeting['id']}/participants"), 403, "forbidden")
        assert ben.accept(invitation)["status"] == "accepted"
        ok(ben.get(f"/meetings/{meeting['id']}/participants"))
        [message] = anna.poll()["messages"]
        assert message["type"] == "invitation.updated"
        assert message["payload"]["invitation"]["status"] == "accepted"

    def test_no_ends_what_the_invitee_may_see(
        self, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        assert ok(act(ben, invitation, "reject"))["status"] == "rejected"
        problem(ben.get(f"/meetings/{meeting['id']}"), 404, "not_found")
        assert ok(ben.get(f"/invitations/{invitation['id']}"))["status"] == "rejected"

    @pytest.mark.parametrize("answer", ["accept", "reject"])
    def test_may_be_repeated(self, anna: Person, ben: Person, invitation: dict[str, Any], answer: str) -> None:
        first = ok(act(ben, invitation, answer))
        assert ok(act(ben, invitation, answer)) == first
        assert types_of(anna.poll()) == ["invitation.updated"]

    @pytest.mark.parametrize(("first", "then"), [("accept", "reject"), ("reject", "accept"), ("reject", "propose")])
    def test_that_contradict_are_refused(self, ben: Person, invitation: dict[str, Any], first: str, then: str) -> None:
        before = ok(act(ben, invitation, first))
        body = {"starts_at": LATER} if then == "propose" else None
        problem(act(ben, invitation, then, body), 409, "invitation_state_conflict")
        assert ok(ben.get(f"/invitations/{invitation['id']}")) == before

    def test_to_a_cancelled_meeting_are_refused(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
        problem(act(ben, invitation, "accept"), 409, "meeting_cancelled")

    @pytest.mark.parametrize("action", ["accept", "reject", "propose"])
    def test_of_others_are_refused(self, anna: Person, cleo: Person, invitation: dict[str, Any], action: str) -> None:
        body = {"starts_at": LATER} if action == "propose" else None
        problem(act(cleo, invitation, action, body), 404, "not_found")
        problem(act(anna, invitation, action, body), 403, "forbidden")


class TestAProposal:
    def test_is_shown_to_the_owner(self, anna: Person, ben: Person, invitation: dict[str, Any]) -> None:
        proposed = ok(propose(ben, invitation, duration_min=60, note="I am away"))
        assert proposed["status"] == "proposed"
        assert proposed["proposal"] == {"starts_at": LATER, "duration_min": 60, "note": "I am away"}
        [message] = anna.poll()["messages"]
        assert message["payload"]["invitation"]["proposal"]["starts_at"] == LATER

    def test_that_is_accepted_moves_the_meeting_and_asks_the_others_again(
        self, anna: Person, ben: Person, cleo: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        cleo.accept(anna.invite(meeting, cleo)[0])
        cleo.poll(ack=cleo.poll()["head_seq"])
        ok(propose(ben, invitation))
        answered = ok(act(anna, invitation, "proposal/accept"))
        assert (answered["status"], answered["proposal"]) == ("accepted", None)
        assert answered["meeting"]["starts_at"] == LATER
        statuses = {
            i["invitee"]["display_name"]: i["status"]
            for i in ok(anna.get(f"/meetings/{meeting['id']}/invitations"))["items"]
        }
        assert statuses == {"Ben": "accepted", "Cleo": "pending"}
        assert types_of(cleo.poll()) == ["meeting.updated", "invitation.received"]

    def test_without_a_duration_keeps_that_of_the_meeting(
        self, anna: Person, ben: Person, invitation: dict[str, Any]
    ) -> None:
        ok(propose(ben, invitation))
        assert ok(act(anna, invitation, "proposal/accept"))["meeting"]["duration_min"] == 30

    def test_that_is_declined_asks_the_proposer_for_the_old_time(
        self, anna: Person, ben: Person, invitation: dict[str, Any]
    ) -> None:
        ok(propose(ben, invitation))
        declined = ok(act(anna, invitation, "proposal/decline"))
        assert (declined["status"], declined["meeting"]["starts_at"]) == ("pending", START)
        assert types_of(ben.poll())[-1] == "invitation.received"
        ben.accept(declined)

    def test_can_be_made_by_who_accepted_and_replaced_by_another(self, ben: Person, invitation: dict[str, Any]) -> None:
        ben.accept(invitation)
        ok(propose(ben, invitation))
        replaced = ok(propose(ben, invitation, starts_at="2026-12-03T15:00:00Z"))
        assert replaced["proposal"]["starts_at"].startswith("2026-12-03")

    @pytest.mark.parametrize("answer", ["proposal/accept", "proposal/decline"])
    def test_that_was_not_made_cannot_be_answered(self, anna: Person, invitation: dict[str, Any], answer: str) -> None:
        problem(act(anna, invitation, answer), 409, "invitation_state_conflict")

    def test_cannot_be_declined_once_the_meeting_is_called_off(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        ok(act(ben, invitation, "propose", {"starts_at": LATER}))
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
        problem(act(anna, invitation, "proposal/decline"), 409, "meeting_state_conflict")
        assert types_of(ben.poll())[-1] == "meeting.cancelled"

    def test_comes_too_late_once_the_meeting_is_live(self, call: Call) -> None:
        [invitation] = ok(call.guest.get("/invitations"))["items"]
        problem(propose(call.guest, invitation), 409, "meeting_state_conflict")


def test_moving_the_meeting_asks_everybody_again_who_had_accepted(
    anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
) -> None:
    ben.accept(invitation)
    ok(anna.patch(f"/meetings/{meeting['id']}", {"title": "Same time"}, version=1))
    assert ok(ben.get(f"/invitations/{invitation['id']}"))["status"] == "accepted"
    ok(anna.patch(f"/meetings/{meeting['id']}", {"starts_at": LATER}, version=2))
    assert ok(ben.get(f"/invitations/{invitation['id']}"))["status"] == "pending"


class TestRevoking:
    def test_takes_the_invitee_out(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        ben.accept(invitation)
        ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
        problem(ben.get(f"/meetings/{meeting['id']}"), 404, "not_found")
        assert types_of(ben.poll())[-1] == "invitation.revoked"
        assert ok(ben.get("/invitations"))["items"] == []

    def test_takes_them_out_of_a_live_call(self, call: Call) -> None:
        [invitation] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/invitations"))["items"]
        ok(call.owner.delete(f"/invitations/{invitation['id']}"), 204)
        [message] = call.owner.poll(call.owners)["messages"]
        assert (message["type"], message["payload"]["reason"]) == ("participant.left", "removed")

    def test_hides_from_the_invitee_what_becomes_of_the_meeting(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
        ok(anna.patch(f"/meetings/{meeting['id']}", {"title": "Without Ben"}, version=1))
        problem(ben.get(f"/invitations/{invitation['id']}"), 404, "not_found")
        problem(act(ben, invitation, "accept"), 404, "not_found")
        assert ok(ben.get("/invitations", status="revoked"))["items"] == []
        assert ok(anna.get("/invitations", box="sent"))["items"][0]["status"] == "revoked"

    def test_and_inviting_again_comes_with_the_new_message(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
        body = {"invitees": [{"email": ben.email}], "message": "Do come after all."}
        ok(anna.post(f"/meetings/{meeting['id']}/invitations", body), 201)
        assert ok(ben.get(f"/invitations/{invitation['id']}"))["message"] == "Do come after all."

    def test_may_be_repeated_and_undone_by_inviting_again(
        self, anna: Person, ben: Person, invitation: dict[str, Any], meeting: dict[str, Any]
    ) -> None:
        for _ in range(2):
            ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
        [again] = anna.invite(meeting, ben)
        assert (again["id"], again["status"]) == (invitation["id"], "pending")
        ben.accept(again)


class TestResending:
    def test_announces_a_pending_invitation_once_more(
        self, anna: Person, ben: Person, invitation: dict[str, Any]
    ) -> None:
        ok(act(anna, invitation, "resend"))
        assert types_of(ben.poll()) == ["invitation.received"] * 2

    def test_asks_again_who_had_rejected(self, anna: Person, ben: Person, invitation: dict[str, Any]) -> None:
        ok(act(ben, invitation, "reject"))
        assert ok(act(anna, invitation, "resend"))["status"] == "pending"
        ben.accept(invitation)

    def test_is_pointless_once_they_have_accepted(self, anna: Person, ben: Person, invitation: dict[str, Any]) -> None:
        ben.accept(invitation)
        problem(act(anna, invitation, "resend"), 409, "invitation_state_conflict")


class TestAnErasedAccount:
    def erase(self, person: Person) -> None:
        ok(person.delete("/auth/me", {"password": PASSWORD}), 204)

    def test_leaves_neither_name_nor_address_where_it_was_invited_and_has_been(
        self, anna: Person, ben: Person, runtime: Runtime
    ) -> None:
        call = start_call(anna, ben, media_mode="mock")
        ok(anna.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
        self.erase(ben)
        [invited] = ok(anna.get(f"/meetings/{call.meeting['id']}/invitations"))["items"]
        assert invited["invitee"] == {"user_id": ben.user_id, "email": None, "display_name": "Deleted user"}
        tables = ("invitations", "meeting_participants", "inboxes", "recordings")
        rows = stored_rows(runtime.database, *tables)
        assert any(ben.user_id in row for row in rows)
        assert not any("ben" in row.lower() for row in rows)

    def test_is_asked_no_more_and_its_address_can_be_asked_anew(
        self, anna: Person, ben: Person, meeting: dict[str, Any], invitation: dict[str, Any], person: Any
    ) -> None:
        self.erase(ben)
        assert ok(anna.get(f"/invitations/{invitation['id']}"))["status"] == "revoked"
        again = person("Ben")
        [invited] = anna.invite(meeting, again)
        assert (invited["status"], invited["invitee"]["user_id"]) == ("pending", again.user_id)
        again.accept(invited)


class TestSomebodyAskedByAccount:
    @pytest.fixture
    def unverified(self, app: Any, person: Callable[[str], Person]) -> Person:
        app.runtime.settings = app.runtime.settings.model_copy(update={"auto_verify_email": False})
        return person("Dora")

    def invite(self, anna: Person, meeting: dict[str, Any], **invitee: str) -> dict[str, Any]:
        invited: list[dict[str, Any]] = ok(
            anna.post(f"/meetings/{meeting['id']}/invitations", {"invitees": [invitee]}), 201
        )["items"]
        return invited[0]

    def test_shows_no_address_that_nobody_has_verified(
        self, anna: Person, meeting: dict[str, Any], unverified: Person
    ) -> None:
        invited = self.invite(anna, meeting, user_id=unverified.user_id)
        assert (invited["invitee"]["user_id"], invited["invitee"]["email"]) == (unverified.user_id, None)
        unverified.accept(invited)

    def test_has_one_invitation_though_the_address_was_asked_before(
        self, anna: Person, meeting: dict[str, Any], unverified: Person, runtime: Runtime
    ) -> None:
        self.invite(anna, meeting, email=unverified.email)
        by_account = self.invite(anna, meeting, user_id=unverified.user_id)
        unverified.accept(by_account)
        with runtime.writing() as work:
            work.emit(EmailVerified(unverified.user_id, unverified.email))
        assert [i["id"] for i in ok(unverified.get("/invitations"))["items"]] == [by_account["id"]]
        assert ok(unverified.get(f"/meetings/{meeting['id']}"))["my_relation"] == "accepted"


class TestAnAddressWithoutAnAccount:
    def test_finds_its_invitations_once_it_has_one(
        self, anna: Person, meeting: dict[str, Any], person: Callable[[str], Person]
    ) -> None:
        body = {"invitees": [{"email": "Dora@Example.org"}]}
        [invited] = ok(anna.post(f"/meetings/{meeting['id']}/invitations", body), 201)["items"]
        assert invited["invitee"] == {"user_id": None, "email": "dora@example.org", "display_name": None}
        dora = person("Dora")
        assert [i["id"] for i in ok(dora.get("/invitations"))["items"]] == [invited["id"]]
        assert dora.accept(invited)["status"] == "accepted"

    def test_does_not_find_them_before_it_is_verified(
        self, anna: Person, meeting: dict[str, Any], app: Any, person: Callable[[str], Person]
    ) -> None:
        app.runtime.settings = app.runtime.settings.model_copy(update={"auto_verify_email": False})
        ok(anna.post(f"/meetings/{meeting['id']}/invitations", {"invitees": [{"email": "dora@example.org"}]}), 201)
        dora = person("Dora")
        assert ok(dora.get("/invitations"))["items"] == []
        problem(dora.get(f"/meetings/{meeting['id']}"), 404, "not_found")

    def test_stays_the_owners_who_invites_it_before_it_is_verified(
        self, app: Any, person: Callable[[str], Person]
    ) -> None:
        app.runtime.settings = app.runtime.settings.model_copy(update={"auto_verify_email": False})
        dora = person("Dora")
        meeting = dora.create_meeting()
        body = {"invitees": [{"email": dora.email}]}
        problem(dora.post(f"/meetings/{meeting['id']}/invitations", body), 422, "validation_failed")
