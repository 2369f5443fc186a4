"""Several who invite and answer at the same time."""

from functools import partial

from sqlalchemy import func, select

from app.core.runtime import Runtime
from app.invitations.models import Invitation
from app.meetings.models import MeetingPerson
from tests.support.people import Person, ok, types_of
from tests.support.races import at_once, statuses


def test_of_a_yes_and_a_no_at_once_one_wins(anna: Person, ben: Person) -> None:
    for _ in range(5):
        [invitation] = anna.invite(anna.create_meeting(), ben)
        path = f"/invitations/{invitation['id']}"
        yes, no = at_once(partial(ben.post, f"{path}/accept"), partial(ben.post, f"{path}/reject"))
        assert sorted((yes.status_code, no.status_code)) == [200, 409]
        expected = "accepted" if yes.status_code == 200 else "rejected"
        assert ok(ben.get(path))["status"] == expected


def test_a_yes_that_is_said_twice_at_once_is_told_once(anna: Person, ben: Person) -> None:
    [invitation] = anna.invite(anna.create_meeting(), ben)
    head = anna.poll()["head_seq"]
    answers = at_once(*[partial(ben.post, f"/invitations/{invitation['id']}/accept")] * 3)
    assert statuses(answers) == {200: 3}
    assert types_of(anna.poll(after=head)).count("invitation.updated") == 1


def test_one_address_that_is_invited_twice_at_once_has_one_invitation(
    anna: Person, ben: Person, runtime: Runtime
) -> None:
    meeting = anna.create_meeting()
    body = {"invitees": [{"email": ben.email}, {"email": "nobody@example.org"}]}
    answers = at_once(*[partial(anna.post, f"/meetings/{meeting['id']}/invitations", body)] * 3)
    assert len({tuple(one["id"] for one in ok(answer, 201)["items"]) for answer in answers}) == 1
    with runtime.reading() as work:
        assert work.scalar(select(func.count()).where(Invitation.meeting_id == meeting["id"])) == 2
        assert work.scalar(select(func.count()).where(MeetingPerson.meeting_id == meeting["id"])) == 2


def test_a_yes_and_a_join_at_once_both_succeed(anna: Person, ben: Person) -> None:
    for _ in range(3):
        meeting = anna.create_meeting()
        anna.join(meeting)
        [invitation] = anna.invite(meeting, ben)
        answers = at_once(
            partial(ben.post, f"/invitations/{invitation['id']}/accept"),
            partial(ben.post, f"/meetings/{meeting['id']}/join", {"device": "phone"}),
            partial(ben.post, f"/meetings/{meeting['id']}/join", {"device": "tablet"}),
        )
        assert [answer.status_code for answer in answers] == [200, 201, 201]


def test_who_is_taken_back_while_they_join_is_not_there(anna: Person, ben: Person) -> None:
    for _ in range(3):
        meeting = anna.create_meeting()
        anna.join(meeting)
        [invitation] = anna.invite(meeting, ben)
        revoked, joined = at_once(
            partial(anna.delete, f"/invitations/{invitation['id']}"),
            partial(ben.post, f"/meetings/{meeting['id']}/join", {"device": "phone"}),
        )
        assert revoked.status_code == 204
        assert joined.status_code in (201, 403, 404)
        people = ok(anna.get(f"/meetings/{meeting['id']}/participants", state="joined"))["items"]
        assert [person["user_id"] for person in people] == [anna.user_id]
