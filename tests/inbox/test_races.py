"""Many writers and a reader of one inbox at the same time: nothing is skipped, doubled or lost."""

import threading
from functools import partial
from typing import Any

import pytest
from sqlalchemy import literal, select

from app.core.runtime import Runtime
from app.inbox import service
from app.inbox.models import Inbox, Signal
from app.inbox.service import Message
from tests.support.people import Call, Person, ok
from tests.support.races import LostRaces, at_once, waiting_for_locks
from tests.support.waiting import LONGEST_S, eventually

WRITERS = 5
MESSAGES = 4  # of each writer


class Writer:
    """A transaction that is begun, delivers and commits when it is told to."""

    def __init__(self, runtime: Runtime, inbox_id: str, name: int) -> None:
        self.runtime, self.inbox_id, self.name = runtime, inbox_id, name
        self.begun, self.may_deliver, self.delivered, self.may_commit = (threading.Event() for _ in range(4))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self.runtime.writing() as work:
            if not self.runtime.database.is_sqlite:  # there, whoever has begun keeps all others out
                work.execute(select(literal(1)))
            self.begun.set()
            assert self.may_deliver.wait(LONGEST_S)
            for n in range(MESSAGES):
                service.deliver(work, Message("test", {"writer": self.name, "n": n}), [self.inbox_id])
            self.delivered.set()
            assert self.may_commit.wait(LONGEST_S)


class Reader:
    """Polls by cursor as fast as it can until it is told to stop."""

    def __init__(self, person: Person, after: int) -> None:
        self.person, self.cursor = person, after
        self.read: list[dict[str, Any]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            self.look()

    def look(self) -> None:
        for message in self.person.poll(after=self.cursor)["messages"]:
            self.cursor = message["seq"]
            self.read.append(message)


@pytest.fixture
def inbox_id(anna: Person, runtime: Runtime) -> str:
    with runtime.reading() as work:
        inbox = service.inbox_of(work, "session", anna.session_id)
        assert inbox is not None
        return inbox.id


def test_transactions_that_end_in_reverse_order_leave_no_gap_for_who_polls_meanwhile(
    anna: Person, runtime: Runtime, inbox_id: str
) -> None:
    writers = [Writer(runtime, inbox_id, name) for name in range(WRITERS)]
    for writer in writers:
        assert writer.begun.wait(LONGEST_S)
    reader = Reader(anna, anna.poll()["head_seq"])
    first = reader.cursor + 1
    for writer, next_one in zip(reversed(writers), [*reversed(writers[:-1]), None], strict=True):
        writer.may_deliver.set()
        assert writer.delivered.wait(LONGEST_S)
        if next_one is not None:  # tries to overtake the one that has not committed
            next_one.may_deliver.set()
            if not runtime.database.is_sqlite:
                eventually(lambda: waiting_for_locks(runtime.database), "the next writer to wait for the inbox")
        writer.may_commit.set()
        writer.thread.join(LONGEST_S)
    eventually(lambda: len(reader.read) >= WRITERS * MESSAGES, "everything to be read")
    reader.stop.set()
    reader.thread.join(LONGEST_S)
    assert [message["seq"] for message in reader.read] == list(range(first, first + WRITERS * MESSAGES))
    expected = [(name, n) for name in reversed(range(WRITERS)) for n in range(MESSAGES)]
    assert [(message["payload"]["writer"], message["payload"]["n"]) for message in reader.read] == expected
    assert anna.poll()["head_seq"] == first + WRITERS * MESSAGES - 1


def test_a_transaction_that_is_undone_leaves_no_gap_either(anna: Person, runtime: Runtime, inbox_id: str) -> None:
    def undone() -> None:
        with runtime.writing() as work:
            service.deliver(work, Message("test", {}), [inbox_id])
            raise LookupError

    head = anna.poll()["head_seq"]
    with pytest.raises(LookupError):
        undone()
    with runtime.writing() as work:
        service.deliver(work, Message("test", {}), [inbox_id])
    assert [message["seq"] for message in anna.poll(after=head)["messages"]] == [head + 1]


def test_many_writers_at_once_number_their_messages_without_gap_or_double(
    anna: Person, runtime: Runtime, inbox_id: str
) -> None:
    def write(name: int) -> None:
        for n in range(MESSAGES):
            with runtime.writing() as work:
                service.deliver(work, Message("test", {"writer": name, "n": n}), [inbox_id])

    head = anna.poll()["head_seq"]
    reader = Reader(anna, head)
    at_once(*(partial(write, name) for name in range(WRITERS)))
    eventually(lambda: len(reader.read) >= WRITERS * MESSAGES, "everything to be read")
    reader.stop.set()
    reader.thread.join(LONGEST_S)
    assert [message["seq"] for message in reader.read] == list(range(head + 1, head + 1 + WRITERS * MESSAGES))
    for name in range(WRITERS):  # each one's own order is kept
        assert [m["payload"]["n"] for m in reader.read if m["payload"]["writer"] == name] == list(range(MESSAGES))


def test_batches_over_the_same_inboxes_in_opposite_orders_do_not_deadlock(
    anna: Person, ben: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = anna.create_meeting()
    devices = [anna.join(meeting, device=f"device {n}")["participant"] for n in range(4)]
    senders, recipients = devices[:2], devices[2:]
    lost = LostRaces(monkeypatch)

    def send(sender: dict[str, Any], order: list[dict[str, Any]]) -> None:
        for _ in range(10):
            messages = [
                {"to": device["id"], "type": "rtc.candidate", "payload": {"candidate": None}} for device in order
            ]
            ok(anna.signal(meeting, sender, *messages), 201)

    at_once(partial(send, senders[0], recipients), partial(send, senders[1], recipients[::-1]))
    assert lost.count == 0
    for device in recipients:
        received = [m for m in anna.poll(device, limit=200)["messages"] if m["type"] == "rtc.candidate"]
        assert len(received) == 20


def test_a_signal_that_is_sent_twice_at_once_is_stored_once(call: Call, runtime: Runtime) -> None:
    for n in range(5):
        answers = at_once(*[lambda ref=f"ref {n}": call.send(call.offer(ref=ref))] * 3)  # type: ignore[misc]
        assert len({ok(answer, 201)["items"][0]["id"] for answer in answers}) == 1
    with runtime.reading() as work:
        assert len(work.scalars(select(Signal.id).where(Signal.client_ref.like("ref %"))).all()) == 5


def test_an_acknowledgement_never_goes_backwards(call: Call, runtime: Runtime) -> None:
    ok(call.send(*[call.candidate(str(n)) for n in range(20)]), 201)
    head = call.owner.poll(call.owners)["head_seq"]

    def acknowledge(up_to: int) -> int:
        answer = call.owner.post("/rtc/ack", {"participant_id": call.owners["id"], "up_to": up_to})
        acked: int = ok(answer)["acked_seq"]
        return acked

    cursors = [head - 10, head, head - 5, head - 15]
    answered = at_once(*(partial(acknowledge, up_to) for up_to in cursors))
    assert all(acked >= up_to for acked, up_to in zip(answered, cursors, strict=True))
    with runtime.reading() as work:
        inbox = service.inbox_of(work, "participant", call.owners["id"])
        assert inbox is not None
        assert inbox.acked_seq == head


@pytest.mark.server
def test_an_acknowledgement_that_waited_for_a_later_one_changes_nothing(
    anna: Person, runtime: Runtime, inbox_id: str
) -> None:
    with runtime.writing() as work:
        for _ in range(3):
            service.deliver(work, Message("test", {}), [inbox_id])
    head = anna.poll()["head_seq"]
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(anna.post("/rtc/ack", {"up_to": head - 1})), daemon=True)
    with runtime.writing() as work:
        service.acknowledge(work, work.get_one(Inbox, inbox_id), head)
        work.flush()
        thread.start()
        eventually(lambda: waiting_for_locks(runtime.database), "the earlier acknowledgement to wait")
    thread.join(LONGEST_S)
    assert ok(answers[0])["acked_seq"] == head
