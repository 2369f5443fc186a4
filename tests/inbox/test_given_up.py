"""Polls whose clients have given them up before they were begun: on a busy server, or after an outage."""

from app.core.ids import new_id
from app.core.runtime import Runtime
from app.inbox.models import Inbox
from app.inbox.polling import SLOT, Slot
from tests.support.people import Call, Person, ok
from tests.support.waiting import ParkedPoll


def poll_given_up(person: Person, participant_id: str, **query: int) -> None:
    environ = {SLOT: Slot(lambda: True, new_id())}
    query_string = {"participant_id": participant_id, "wait": 20, **query}
    ok(person.request("GET", "/rtc/inbox", query_string=query_string, environ_overrides=environ))


def test_it_does_not_end_the_poll_that_came_in_its_place(call: Call, runtime: Runtime) -> None:
    poll = ParkedPoll(runtime, call.owner, call.owners)
    poll_given_up(call.owner, call.owners["id"])
    ok(call.send(call.offer()), 201)
    reply = poll.reply()
    assert (reply["superseded"], len(reply["messages"])) == (False, 1)


def test_it_acknowledges_nothing_and_is_no_sign_of_life(call: Call, runtime: Runtime) -> None:
    ok(call.send(call.offer()), 201)
    before = state(runtime, call)
    poll_given_up(call.owner, call.owners["id"], ack=before[0])
    assert state(runtime, call) == before


def state(runtime: Runtime, call: Call) -> tuple[object, ...]:
    with runtime.reading() as work:
        inbox = work.query(Inbox).filter_by(owner_id=call.owners["id"]).one()
        return inbox.head_seq, inbox.acked_seq, inbox.poll_id, inbox.last_seen_at
