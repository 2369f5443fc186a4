"""The worker's client of REST, against the real API over a real connection."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from app.core.flask_app import ParleyApp
from app.media import workers
from media_worker import api_client
from media_worker.api_client import ApiClient
from media_worker.errors import PlacementGone, RecipientGone, ServiceKeyRefused
from tests.media.rest_worker import service_key
from tests.serving.uvicorn_server import serving
from tests.support.people import Call, Person, ok, start_call
from tests.support.waiting import LONGEST_S, eventually

Result = TypeVar("Result")


class Told:
    """A worker that keeps what its client tells it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.placements: list[list[dict[str, Any]]] = []
        self.lost = 0

    def load(self) -> dict[str, Any]:
        return {"load": 0.25, "participants": 1, "tracks": 2, "stats": {"cpu": 0.1}}

    async def on_message(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    async def on_placements(self, placements: list[dict[str, Any]]) -> None:
        self.placements.append(placements)

    async def on_lost(self) -> None:
        self.lost += 1

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.messages]


class Running:
    """A client that runs in an event loop of its own, in a thread."""

    def __init__(self, url: str, key: str, name: str = "host-a/1") -> None:
        self.told = Told()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.client: ApiClient = self.do(self._make(url, key, name))
        self.run = asyncio.run_coroutine_threadsafe(self.client.run(self.told), self._loop)

    async def _make(self, url: str, key: str, name: str) -> ApiClient:
        return ApiClient(url, key, name=name, engine="portable", version="1", capacity=9)

    def do(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(LONGEST_S)

    def signal(self, placement: dict[str, Any], *messages: dict[str, Any]) -> None:
        sfu, epoch = placement["sfu_participant_id"], placement["epoch"]
        self.do(self.client.signal(placement["meeting_id"], epoch, sfu, messages))

    def stop(self) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self.client.close()


@pytest.fixture
def url(app: ParleyApp) -> Iterator[str]:
    with serving(app) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def running(app: ParleyApp, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    """`running()` is a client that has registered."""
    key, began = service_key(app), []

    def begin(**more: Any) -> Running:
        one = Running(url, key, **more)
        began.append(one)
        eventually(lambda: one.client.worker_id, "the worker to register")
        return one

    yield begin
    for one in began:
        one.stop()


def placement_of(one: Running, app: ParleyApp) -> dict[str, Any]:
    with app.runtime.reading() as work:
        [sfu] = workers.placed_on(work, one.client.worker_id or "")
        return {"meeting_id": sfu.meeting_id, "epoch": sfu.epoch, "sfu_participant_id": sfu.id}


def renegotiation(to: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"to": to["id"], "type": "rtc.restart", "payload": {"connection": "publish"}, **more}


def received(person: Person, participant: dict[str, Any]) -> list[str]:
    return [m["type"] for m in person.poll(participant)["messages"] if m["type"].startswith("rtc.")]


def test_what_comes_is_handed_on_in_order_and_then_acknowledged(
    running: Callable[..., Running], app: ParleyApp, anna: Person, ben: Person
) -> None:
    one = running()
    call = start_call(anna, ben)
    sfu = placement_of(one, app)["sfu_participant_id"]
    for number in range(30):
        payload = {"connection": "publish", "candidate": None, "number": number}
        ok(call.send({"to": sfu, "type": "rtc.candidate", "payload": payload}), 201)
    eventually(lambda: len(one.told.messages) >= 33, "all messages")
    assert one.told.types[:3] == ["media.place", "participant.joined", "participant.joined"]
    assert [message["payload"]["number"] for message in one.told.messages[3:]] == list(range(30))

    def acknowledged() -> bool:
        with app.runtime.reading() as work:
            inbox = workers.state_of(work, workers.get(work, one.client.worker_id or ""))["inbox"]
        return bool(inbox["acked_seq"] == inbox["head_seq"] == 33)

    eventually(acknowledged, "all of them to be acknowledged")


def test_signals_arrive_once_however_many_they_are(
    running: Callable[..., Running], app: ParleyApp, anna: Person, ben: Person
) -> None:
    one = running()
    call = start_call(anna, ben)
    placement = placement_of(one, app)
    messages = [renegotiation(call.guests, payload={"number": n, "sdp": "x" * 1000}) for n in range(120)]
    one.signal(placement, *messages)
    one.signal(placement, *messages)  # their answer was lost, say
    told = ok(ben.get("/rtc/inbox", participant_id=call.guests["id"], limit=200, wait=0))["messages"]
    assert [m["payload"]["number"] for m in told if m["type"] == "rtc.restart"] == list(range(120))


def test_what_parley_refuses_keeps_nothing_else_back(
    running: Callable[..., Running], app: ParleyApp, anna: Person, ben: Person
) -> None:
    one = running()
    call = start_call(anna, ben)
    placement = placement_of(one, app)
    too_long = {"to": call.guests["id"], "type": "rtc.offer", "payload": {"sdp": "v=0" + "x" * 300_000}}
    one.signal(placement, too_long, renegotiation(call.guests))
    assert received(ben, call.guests) == ["rtc.restart"]
    with pytest.raises(RecipientGone) as gone:
        one.signal(placement, renegotiation(call.owners), renegotiation({"id": placement["meeting_id"]}))
    assert (gone.value.index, gone.value.participant_id) == (1, placement["meeting_id"])
    assert received(anna, call.owners) == []
    with pytest.raises(PlacementGone):
        one.signal({**placement, "epoch": 7}, renegotiation(call.owners))
    with pytest.raises(PlacementGone):
        one.do(one.client.report(placement["meeting_id"], 7, speakers=[]))


def test_who_has_not_read_for_long_is_named(
    running: Callable[..., Running], app: ParleyApp, anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = running()
    call: Call = start_call(anna, ben)
    placement = placement_of(one, app)
    few = app.runtime.settings.model_copy(update={"inbox_max_unacked": 10})
    monkeypatch.setattr(app.runtime, "settings", few)
    one.signal(placement, *(renegotiation(call.guests) for _ in range(10)))
    with pytest.raises(RecipientGone) as gone:
        one.signal(placement, renegotiation(call.owners), renegotiation(call.guests))
    assert gone.value.participant_id == call.guests["id"]
    assert received(anna, call.owners) == ["rtc.restart"]


def test_a_worker_that_was_given_up_registers_anew(
    running: Callable[..., Running], app: ParleyApp, anna: Person
) -> None:
    one = running()
    former = one.client.worker_id or ""
    with app.runtime.writing() as work:
        workers.give_up(work, workers.get(work, former), "lease_lost")
    eventually(lambda: one.client.worker_id not in (None, former), "another registration")
    assert one.told.lost == 1
    anna.join(anna.create_meeting())
    eventually(lambda: "media.place" in one.told.types, "a meeting on the new registration")


def test_placements_that_the_inbox_has_not_told_are_read(
    running: Callable[..., Running], app: ParleyApp, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.runtime, "settings", app.runtime.settings.model_copy(update={"media_lease_s": 0.2}))
    one = running()
    meeting = anna.create_meeting()
    anna.join(meeting)
    eventually(lambda: one.client._told, "the placement to be told")
    one.client._told.clear()  # as if it had not been
    eventually(lambda: one.told.placements, "the placements to be read")
    assert [p["meeting"]["id"] for p in one.told.placements[0]] == [meeting["id"]]


def test_after_a_reset_the_placements_are_read(running: Callable[..., Running], app: ParleyApp, anna: Person) -> None:
    from app.inbox import service as inbox

    one = running()
    meeting = anna.create_meeting()
    anna.join(meeting)
    with app.runtime.writing() as work:
        worker = workers.get(work, one.client.worker_id or "")
        inbox.deliver(work, inbox.Message("inbox.reset", {"reason": "inbox_full"}), [worker.inbox_id])
    eventually(lambda: one.told.placements, "the placements to be read")
    assert [p["meeting"]["id"] for p in one.told.placements[0]] == [meeting["id"]]
    assert "inbox.reset" not in one.told.types


def test_while_parley_is_away_nothing_is_lost(
    app: ParleyApp, anna: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.runtime, "settings", app.runtime.settings.model_copy(update={"media_lease_s": 60}))
    key = service_key(app)
    with away_and_back(app) as (port, go_away, come_back):
        one = Running(f"http://127.0.0.1:{port}", key)
        eventually(lambda: one.client.worker_id, "the worker to register")
        call = start_call(anna, ben)
        placement = placement_of(one, app)
        go_away()
        sending = threading.Thread(target=one.signal, args=(placement, renegotiation(call.guests)), daemon=True)
        sending.start()
        ok(call.send(renegotiation({"id": placement["sfu_participant_id"]})), 201)
        come_back()
        sending.join(LONGEST_S)
        assert received(ben, call.guests) == ["rtc.restart"]
        eventually(lambda: "rtc.restart" in one.told.types, "what came meanwhile")
        assert one.told.lost == 0
        one.stop()


@contextmanager
def away_and_back(app: ParleyApp) -> Iterator[tuple[int, Callable[[], None], Callable[[], None]]]:
    """A server that answers nobody from `go_away` on: its connections are closed before a request is read."""
    away = threading.Event()

    def in_front(served: Any) -> Any:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and away.is_set():
                await send({"type": "http.response.start", "status": 502, "headers": [(b"content-type", b"text/html")]})
                await send({"type": "http.response.body", "body": b"<h1>Bad gateway</h1>"})
                return
            await served(scope, receive, send)

        return answer

    with serving(app, in_front=in_front) as port:
        yield port, away.set, away.clear


def test_a_worker_that_leaves_has_its_meetings_moved(
    running: Callable[..., Running], app: ParleyApp, anna: Person
) -> None:
    leaving, staying = running(name="host-a/1"), running(name="host-a/2")
    anna.join(anna.create_meeting())
    if "media.place" not in leaving.told.types:
        eventually(lambda: {*leaving.told.types, *staying.told.types} & {"media.place"}, "the placement")
    if "media.place" in staying.told.types:
        leaving, staying = staying, leaving
    leaving.do(leaving.client.leave())
    eventually(lambda: "media.place" in staying.told.types, "the meeting on the other")
    eventually(lambda: leaving.told.types[-2:] == ["media.drain", "media.release"], "the release")


def test_a_key_that_is_not_known_ends_the_client(url: str) -> None:
    one = Running(url, "parley_sk_wrong")
    with pytest.raises(ServiceKeyRefused, match="token_invalid"):
        one.run.result(LONGEST_S)
    one.stop()


def test_requests_stay_below_what_parley_takes() -> None:
    long = {"to": "a", "type": "rtc.offer", "payload": {"sdp": "x" * 250_000}}
    batches = api_client._batches([long] * 10)
    assert [(first, len(batch)) for first, batch in batches] == [(0, 3), (3, 3), (6, 3), (9, 1)]
    assert [first for first, _ in api_client._batches([{"to": "a"}] * 101)] == [0, 50, 100]
    assert api_client._batches([]) == []
