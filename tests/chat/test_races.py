"""Several who write, come and go at the same time."""

from functools import partial
from typing import Any

from tests.chat.conftest import chat_of, told
from tests.support.people import Call, Person, ok
from tests.support.races import at_once, statuses

MESSAGES = 6


def write(who: Person, call: Call, text: str, ref: str) -> Any:
    return who.post(f"/meetings/{call.meeting['id']}/messages", {"text": text, "client_ref": ref})


def test_messages_are_numbered_in_the_order_in_which_everybody_gets_them(call: Call) -> None:
    def come_and_go() -> None:
        again = call.guest.join(call.meeting, device="phone")["participant"]
        ok(call.guest.post(f"/participants/{again['id']}/leave"))

    writers = [partial(write, (call.owner, call.guest)[n % 2], call, str(n), str(n)) for n in range(MESSAGES)]
    at_once(*writers, come_and_go)
    numbers = [message["number"] for message in chat_of(call.owner, call.meeting)["items"]]
    assert numbers == list(range(1, 2 + MESSAGES + 2 + 1)), "two who were there, what they wrote, one who came and went"
    for who, participant in ((call.owner, call.owners), (call.guest, call.guests)):
        delivered = [event["payload"]["message"]["number"] for event in told(who, participant)]
        assert len(delivered) == MESSAGES
        assert delivered == sorted(delivered)


def test_a_repeat_that_overtakes_the_first_sends_nothing_more(call: Call) -> None:
    answers = at_once(*(partial(write, call.guest, call, "Hello", "same") for _ in range(4)))
    assert statuses(answers) == {201: 4}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [event["type"] for event in told(call.owner, call.owners)] == ["chat.message"]
    assert chat_of(call.owner, call.meeting)["head"] == 3
