"""Several who join, leave and end at the same time."""

from functools import partial
from typing import Any

from sqlalchemy import func, select

from app.core.runtime import Runtime
from app.events.models import Event
from app.participants import states
from app.participants.models import Participant
from tests.support.people import Call, Person, ok, types_of
from tests.support.races import at_once, statuses

DEVICES = 6


def join(person: Person, meeting: dict[str, Any], device: str) -> Any:
    return person.post(f"/meetings/{meeting['id']}/join", {"device": device})


def there(runtime: Runtime, meeting: dict[str, Any]) -> int:
    with runtime.reading() as work:
        counted = select(func.count()).where(
            Participant.meeting_id == meeting["id"], Participant.state.in_(states.THERE), Participant.kind == "user"
        )
        return work.scalar(counted) or 0


def test_the_cap_is_never_exceeded(anna: Person, runtime: Runtime) -> None:
    meeting = anna.create_meeting(max_participants=3)
    answers = at_once(*(partial(join, anna, meeting, f"device {n}") for n in range(DEVICES)))
    assert statuses(answers) == {201: 3, 409: DEVICES - 3}
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} == {"meeting_full"}
    assert there(runtime, meeting) == 3


def test_a_meeting_goes_live_once_however_many_join_first(anna: Person, runtime: Runtime) -> None:
    meeting = anna.create_meeting(media_mode="mock")
    answers = at_once(*(partial(join, anna, meeting, f"device {n}") for n in range(DEVICES)))
    assert statuses(answers) == {201: DEVICES}
    assert {ok(answer, 201)["meeting"]["state"] for answer in answers} == {"live"}
    with runtime.reading() as work:
        started = select(func.count()).where(Event.meeting_id == meeting["id"], Event.name == "meeting.started")
        assert work.scalar(started) == 1
        media_servers = select(func.count()).where(Participant.kind == "sfu", Participant.meeting_id == meeting["id"])
        assert work.scalar(media_servers) == 1


def test_everybody_who_joins_at_once_knows_of_everybody(anna: Person) -> None:
    meeting = anna.create_meeting()
    answers = at_once(*(partial(join, anna, meeting, f"device {n}") for n in range(DEVICES)))
    joined = [ok(answer, 201) for answer in answers]
    for one in joined:
        own = one["participant"]
        messages = anna.poll(own, after=0, limit=200)["messages"]
        known = {m["payload"]["participant"]["id"] for m in messages if m["type"] == "participant.joined"}
        known |= {person["id"] for person in one["participants"]}
        assert known == {other["participant"]["id"] for other in joined}


def test_a_device_that_joins_twice_at_once_is_there_once(anna: Person, runtime: Runtime) -> None:
    meeting = anna.create_meeting()
    answers = at_once(*[partial(join, anna, meeting, "phone")] * 3)
    assert statuses(answers) == {201: 1, 409: 2}
    assert there(runtime, meeting) == 1


def test_a_departure_is_told_once_however_often_somebody_leaves_at_once(call: Call) -> None:
    leave = partial(call.guest.post, f"/participants/{call.guests['id']}/leave")
    remove = partial(call.owner.post, f"/participants/{call.guests['id']}/remove")
    answers = at_once(leave, remove, leave)
    assert statuses(answers) == {200: 3}
    assert types_of(call.owner.poll(call.owners)).count("participant.left") == 1


def test_nobody_stays_in_a_meeting_that_ends_while_they_join(call: Call, runtime: Runtime) -> None:
    end = partial(call.owner.post, f"/meetings/{call.meeting['id']}/end")
    for device in ("phone", "tablet", "watch"):
        ended, joined = at_once(end, partial(join, call.guest, call.meeting, device))
        assert ended.status_code == 200
        assert joined.status_code in (201, 409)
        assert there(runtime, call.meeting) == 0
        call.owner.join(call.meeting, device)


def test_calls_of_several_meetings_go_on_beside_each_other(anna: Person, ben: Person) -> None:
    """Everything at once that locks something: whoever gets in whose way, all of it succeeds."""
    meetings = [anna.create_meeting(media_mode=mode) for mode in ("p2p", "mock")]
    for meeting in meetings:
        ben.accept(anna.invite(meeting, ben)[0])
        anna.join(meeting)

    def come_and_go(meeting: dict[str, Any], device: str) -> None:
        for _ in range(3):
            participant = ok(join(ben, meeting, device), 201)["participant"]
            ok(ben.patch(f"/participants/{participant['id']}", {"hand": True}))
            ben.poll(participant)
            ok(ben.post(f"/participants/{participant['id']}/leave"))

    def rename(meeting: dict[str, Any]) -> None:
        for n in range(5):
            version = ok(anna.get(f"/meetings/{meeting['id']}"))["version"]
            ok(anna.patch(f"/meetings/{meeting['id']}", {"title": f"Title {n}"}, version))

    come = [partial(come_and_go, meeting, device) for meeting in meetings for device in ("phone", "tablet")]
    at_once(*come, *(partial(rename, meeting) for meeting in meetings))
