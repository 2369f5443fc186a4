"""The worker as a client of Parley's REST API: the only file that knows it (docs/media-workers.md).

Theory of operation. `run` registers, and then does two things at the same time until the registration is void: it
renews the lease, and it polls the inbox and hands on what comes, message by message, in order. What was handed on is
acknowledged with the next poll, so that what a crash has swallowed would come again. Void is a registration when Parley
says so (404, 410, a closed inbox), never because Parley does not answer: calls go on while it is away.

What the worker says of its own, `signal` and `report`, may be said at any time, also while Parley is away: it is tried
again until an answer comes. Each signal carries a `client_ref`, so that one whose answer was lost arrives once.
"""

import asyncio
import json
import random
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Protocol

import httpx
import structlog

from media_worker.errors import PlacementGone, RecipientGone, Replaced, ServiceKeyRefused

POLL_WAIT_S = 25.0
POLL_LIMIT = 200  # messages of one poll
PATIENCE_S = 10.0  # for an answer; of a poll, on top of its wait
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0  # short: a worker that is heard again late has lost its meetings
LEAVE_S = 3.0
MOST_MESSAGES = 50  # of one request; Parley's SIGNAL_BATCH_MAX
MOST_BYTES = 900_000  # of one request; Parley's REQUEST_MAX_BYTES is 1 MiB
_QUICK_S = 0.1  # a round trip that clocks are compared by
DOUBTS = 2  # renewals in a row that tell of other placements than the inbox has

log = structlog.get_logger()

Message = dict[str, Any]


class Worker(Protocol):
    """Whom the client tells. None of these may raise."""

    def load(self) -> dict[str, Any]:
        """`{load, participants, tracks, stats}`, asked for with every renewal."""
        ...

    async def on_message(self, message: Message) -> None:
        """A message of the inbox. They come in order, and are acknowledged once this has returned."""
        ...

    async def on_placements(self, placements: list[dict[str, Any]]) -> None:
        """All that is placed on this worker, in full: what isn't in it is no more."""
        ...

    async def on_lost(self) -> None:
        """Nothing is placed on this worker any more; it registers anew."""
        ...


class _Void(Exception):
    """The registration is."""


class Refused(Exception):
    """Parley has answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status, self.problem = status, problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code"))

    @property
    def index(self) -> int | None:
        index = self.problem.get("index")
        return index if isinstance(index, int) else None


class ApiClient:
    """`url` without `/api/v1`. One for each process; `run` is called once."""

    def __init__(self, url: str, service_key: str, *, name: str, engine: str, version: str, capacity: int) -> None:
        self._registration = {"name": name, "engine": engine, "version": version, "capacity": capacity}
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v1",
            headers={"Authorization": f"Bearer {service_key}"},
            timeout=PATIENCE_S,
            trust_env=False,  # a proxy that is meant for the internet
        )
        self._refs = count(1)
        self._ref_prefix = f"{random.getrandbits(32):08x}"
        self._worker_id: str | None = None
        self.parley_ahead_s = 0.0  # of this machine's clock, as the renewals tell
        self._handled = 0  # the newest message that was handed on
        self._told: dict[str, int] = {}  # meeting → epoch, as the inbox has told
        self._telling = asyncio.Lock()  # of two that hand something on, one does at a time

    @property
    def worker_id(self) -> str | None:
        """None while it is not registered."""
        return self._worker_id

    async def run(self, worker: Worker) -> None:
        """Register, and again whenever the registration is void; until cancelled.

        :raises ServiceKeyRefused: Parley does not know the key. :raises Replaced:
        """
        while True:
            state = await self._register()
            self._worker_id, self._told = state["id"], {}
            self._handled = state["inbox"]["acked_seq"]
            log.info("registered", worker_id=self._worker_id, lease_s=state["lease_s"])
            try:
                await _first_of(self._renew_on(worker, state["renew_every_s"]), self._poll_on(worker))
            except _Void:
                log.warning("registration_is_void", worker_id=self._worker_id)
            self._worker_id = None
            async with self._telling:
                await worker.on_lost()

    async def signal(self, meeting_id: str, epoch: int, sfu_participant_id: str, messages: Sequence[Message]) -> None:
        """Send messages, as many requests as they need, one after the other.

        :raises PlacementGone: :raises RecipientGone: of one of them, and it was the first that could not be sent; what
            stood before it in another request has been sent.
        """
        for message in messages:
            message.setdefault("client_ref", f"{self._ref_prefix}-{next(self._refs)}")
        for first, batch in _batches(messages):
            body = {"from": sfu_participant_id, "epoch": epoch, "messages": batch}
            try:
                await self._send(meeting_id, body)
            except RecipientGone as gone:
                raise RecipientGone(first + gone.index, gone.participant_id) from None

    async def report(
        self,
        meeting_id: str,
        epoch: int,
        *,
        tracks: Sequence[dict[str, Any]] | None = None,
        speakers: Sequence[dict[str, Any]] | None = None,
        stats: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        """:raises PlacementGone:"""
        body: dict[str, Any] = {"epoch": epoch}
        body |= {} if tracks is None else {"tracks": tracks}
        body |= {} if speakers is None else {"speakers": speakers}
        body |= {} if stats is None else {"stats": stats}
        try:
            await self.insist("POST", f"/meetings/{meeting_id}/rtc/reports", json=body)
        except Refused as refused:
            if refused.status in (404, 409):
                raise PlacementGone(meeting_id) from None
            log.error("report_refused", meeting_id=meeting_id, error=str(refused))

    async def leave(self) -> None:
        """Have the meetings placed elsewhere. Where Parley does not answer, the lease runs out instead."""
        if self._worker_id is None:
            return
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.ask("DELETE", f"/media/workers/{self._worker_id}", params={"meetings": "move"})
        except (TimeoutError, httpx.HTTPError, Refused) as error:
            log.warning("could_not_leave", error=repr(error))

    async def close(self) -> None:
        await self._http.aclose()

    # Being there ------------------------------------------------------------------------------------------------------

    async def _register(self) -> dict[str, Any]:
        try:
            return await self.insist("POST", "/media/workers", json=self._registration)
        except Refused as refused:
            if refused.status in (401, 403):
                raise ServiceKeyRefused(str(refused)) from None
            raise

    async def _renew_on(self, worker: Worker, every_s: float) -> None:
        doubts, path = 0, f"/media/workers/{self._worker_id}"
        while True:
            await asyncio.sleep(every_s)
            asked_at = time.time()
            try:
                state = await self.ask("PUT", path, json=worker.load(), timeout=2 * every_s)
            except httpx.HTTPError as error:
                log.warning("could_not_renew", error=repr(error))
                continue
            except Refused as refused:
                _raise_if_void(refused)
                log.warning("could_not_renew", error=str(refused))
                continue
            self._compare_clocks(state.get("now"), asked_at)
            placed = {one["meeting_id"]: one["epoch"] for one in state["placements"]}
            doubts = doubts + 1 if placed != self._told else 0
            if doubts >= DOUBTS:
                log.warning("placements_were_not_told", placed=len(placed), told=len(self._told))
                await self._read_placements(worker)
                doubts = 0

    def _compare_clocks(self, told: object, asked_at: float) -> None:
        """As NTP does (RFC 5905 §8): an answer is from the middle of its round trip, if that was a short one."""
        answered_at = time.time()
        if isinstance(told, str) and answered_at - asked_at < _QUICK_S:
            self.parley_ahead_s = datetime.fromisoformat(told).timestamp() - (asked_at + answered_at) / 2

    async def _poll_on(self, worker: Worker) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                reply = await self.ask(
                    "GET",
                    "/rtc/inbox",
                    params={
                        "worker_id": self._worker_id,
                        "after": self._handled,
                        "ack": self._handled,
                        "limit": POLL_LIMIT,
                        "wait": POLL_WAIT_S,
                    },
                    timeout=POLL_WAIT_S + PATIENCE_S,
                )
            except httpx.HTTPError as error:
                log.warning("could_not_poll", error=repr(error))
                failures += 1
                await asyncio.sleep(_pause_s(failures))
                continue
            except Refused as refused:
                _raise_if_void(refused)
                log.warning("could_not_poll", error=str(refused))
                failures += 1
                await asyncio.sleep(_pause_s(failures))
                continue
            for message in reply["messages"]:
                await self._hand_on(worker, message)
            if reply["ended"]:
                raise _void(reply["ended"]["reason"])
            # An empty reply at once, although we asked to wait: Parley is about to restart.
            failures = 0 if reply["messages"] or time.monotonic() - began > 1 else failures + 1
            await asyncio.sleep(max(reply["next_poll_ms"] / 1000, _pause_s(failures)))

    async def _hand_on(self, worker: Worker, message: Message) -> None:
        if message["seq"] <= self._handled:
            return
        if message["type"] == "inbox.reset":
            await self._read_placements(worker)
        else:
            async with self._telling:
                self._note(message)
                await worker.on_message(message)
        self._handled = message["seq"]

    def _note(self, message: Message) -> None:
        meeting_id, payload = str(message.get("meeting_id")), message["payload"]
        if message["type"] == "media.place":
            self._told[meeting_id] = payload["epoch"]
        elif message["type"] == "media.release" and self._told.get(meeting_id, 0) <= payload["epoch"]:
            self._told.pop(meeting_id, None)

    async def _read_placements(self, worker: Worker) -> None:
        try:
            placements = (await self.insist("GET", f"/media/workers/{self._worker_id}/placements"))["items"]
        except Refused as refused:
            _raise_if_void(refused)
            raise
        async with self._telling:
            self._told = {one["meeting"]["id"]: one["epoch"] for one in placements}
            await worker.on_placements(placements)

    # Asking -----------------------------------------------------------------------------------------------------------

    async def _send(self, meeting_id: str, body: dict[str, Any]) -> None:
        messages = body["messages"]
        while messages:
            try:
                await self.insist("POST", f"/meetings/{meeting_id}/rtc/signals", json={**body, "messages": messages})
                return
            except Refused as refused:
                index = refused.index
                if refused.code in ("recipient_left", "recipient_unknown") and index is not None:
                    raise RecipientGone(index, messages[index]["to"]) from None
                if refused.code == "inbox_full":
                    await self._send_apart(meeting_id, body, messages)
                    return
                if refused.status in (404, 409):
                    raise PlacementGone(meeting_id) from None
                # One message that Parley does not take must not keep back the others.
                log.error("signal_refused", meeting_id=meeting_id, error=str(refused))
                messages = [] if index is None else [*messages[:index], *messages[index + 1 :]]

    async def _send_apart(self, meeting_id: str, body: dict[str, Any], messages: list[Message]) -> None:
        """Somebody has not read for long: find out who."""
        if len({message["to"] for message in messages}) == 1:
            raise RecipientGone(0, messages[0]["to"])
        for index, message in enumerate(messages):
            try:
                await self._send(meeting_id, {**body, "messages": [message]})
            except RecipientGone as gone:
                raise RecipientGone(index, gone.participant_id) from None

    async def insist(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The answer, however long it takes.

        :raises Refused: for what is wrong with the request, so that asking again does not help.
        """
        for failures in count(1):
            try:
                return await self.ask(method, path, **request)
            except httpx.HTTPError as error:
                log.warning("parley_does_not_answer", path=path, error=repr(error))
            except Refused as refused:
                if refused.status < 500 and refused.code != "too_many_requests":
                    raise
                log.warning("parley_cannot_answer", path=path, error=str(refused))
            await asyncio.sleep(_pause_s(failures))
        raise AssertionError("unreachable")

    async def ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """:raises Refused: :raises httpx.HTTPError: no answer, or one that is not Parley's"""
        answer = await self._http.request(method, path, **request)
        try:
            told = answer.json()
        except ValueError:
            raise httpx.DecodingError(f"{answer.status_code} without JSON") from None
        if not isinstance(told, dict) or (not answer.is_success and "code" not in told):
            raise httpx.DecodingError(f"{answer.status_code} of somebody else")
        if not answer.is_success:
            raise Refused(answer.status_code, told)
        return told


async def _first_of(*endless: Coroutine[Any, Any, None]) -> None:
    """Do all of them until one raises; then end the others, and raise that."""
    tasks = [asyncio.ensure_future(one) for one in endless]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _raise_if_void(refused: Refused) -> None:
    """:raises ServiceKeyRefused: :raises Replaced: :raises _Void:"""
    if refused.status in (401, 403):
        raise ServiceKeyRefused(str(refused))
    # 409: a cursor that Parley does not know, of a database that was put back.
    if refused.status in (404, 409, 410):
        raise _void(refused.problem.get("reason"))


def _void(reason: object) -> Exception:
    """Two with one name would take it from each other for ever, and meetings would move to and fro: one ends."""
    return Replaced("another worker has registered under this name") if reason == "replaced" else _Void()


def _pause_s(failures: int) -> float:
    if failures == 0:
        return 0.0
    longest: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(failures, 10))
    return longest * random.uniform(0.5, 1)  # noqa: S311 – no secret


def _batches(messages: Sequence[Message]) -> list[tuple[int, list[Message]]]:
    """As many at a time as one request may have, each with the index of its first."""
    batches: list[tuple[int, list[Message]]] = []
    room = 0
    for index, message in enumerate(messages):
        size = len(json.dumps(message))
        if not batches or len(batches[-1][1]) == MOST_MESSAGES or size > room:
            batches.append((index, []))
            room = MOST_BYTES
        batches[-1][1].append(message)
        room -= size
    return batches
