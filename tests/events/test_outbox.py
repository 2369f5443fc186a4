"""What happens in a meeting leaves rows in the outbox, in order and in the same transaction."""

from app.core.runtime import Runtime
from app.events.models import Event
from tests.support.people import Call, ok, problem


def rows(runtime: Runtime, meeting_id: str) -> list[tuple[int | None, str]]:
    with runtime.reading() as work:
        found = work.query(Event).filter(Event.meeting_id == meeting_id).order_by(Event.seq)
        return [(event.seq, event.name) for event in found]


def test_a_call_from_its_creation_to_its_end_is_told_without_gaps(call: Call, runtime: Runtime) -> None:
    ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
    names = [
        "meeting.created",
        "invitation.changed",
        "invitation.changed",
        "meeting.started",
        "participant.joined",
        "participant.joined",
        "participant.left",
        "participant.left",
        "meeting.ended",
    ]
    told = rows(runtime, call.meeting["id"])
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    assert sorted(name for _, name in told) == sorted(names)


def test_what_is_refused_leaves_no_row(call: Call, runtime: Runtime) -> None:
    before = rows(runtime, call.meeting["id"])
    problem(call.owner.post(f"/meetings/{call.meeting['id']}/cancel"), 409, "meeting_state_conflict")
    assert rows(runtime, call.meeting["id"]) == before
