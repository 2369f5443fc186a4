"""A device in a call, as docs/mobile.md has an app behave, on a bad network and with a user who restarts it."""

import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from tests.durability.history import Received, Reply, Sent
from tests.durability.processes import Http
from tests.support.people import PASSWORD

WAIT_S = 25
FIRST_PAUSE_S = 0.05  # a tenth of what apps use, and so are the others: more requests meet a server that is away
LONGEST_PAUSE_S = 1.0
SEND_EVERY_S = (0.01, 0.06)
HANG_UPS = 0.04  # of all requests: their answers are lost
RESTARTS = 0.03  # of all polls: the cursor was forgotten, what was handled was not
NOT_NOW = (429, 502, 503, 504)  # answers after which a client tries again


@dataclass
class Attempt:
    """A poll. `answered` is None while it waits; True: with 200."""

    answered: bool | None = None


@dataclass
class Device:
    """`participant_id` in the meeting, signed in by `token`. It sends to `others` until `quiet` is set."""

    port: int
    token: str
    meeting_id: str
    participant_id: str
    others: list[str]
    seed: int
    sent: list[Sent] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    retries: int = 0
    muted: bool | None = None
    poll: Attempt = field(default_factory=Attempt)  # the present one, or the last

    def __post_init__(self) -> None:
        self.quiet = threading.Event()
        self._stopped = threading.Event()
        self._sending = threading.Lock()  # held while a send is not yet acknowledged
        self._numbers: dict[str, int] = defaultdict(int)
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._poll, self._send)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def fall_silent(self) -> None:
        """Send nothing more, once what was begun is acknowledged; and let the network be good from now on."""
        self.quiet.set()
        assert self._sending.acquire(timeout=60), "a send is never acknowledged"
        self._sending.release()

    def say_last_words(self) -> None:
        """One more signal to each other, from this thread."""
        with self._sending:
            self._send_signals(random.Random(), Http(self.port, self.token), self.others, hang_ups=0)

    def speak(self) -> None:
        self.quiet.clear()

    @property
    def has_stopped(self) -> bool:
        """Something was said to it after which a client does not go on."""
        return not all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ends with the polls' next answer."""
        self._stopped.set()
        self.quiet.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    # Sending

    def _send(self) -> None:
        chance, http = random.Random(self.seed), Http(self.port, self.token)
        while not self._stopped.wait(chance.uniform(*SEND_EVERY_S)):
            with self._sending:
                if self.quiet.is_set():
                    continue
                if chance.random() < 0.05:
                    self.muted = self.muted is False  # who joins is muted
                    own = f"/participants/{self.participant_id}"
                    self._until_taken(chance, 0, http, "PATCH", own, {"muted": self.muted})
                else:
                    recipients = chance.sample(self.others, len(self.others) if chance.random() < 0.3 else 1)
                    self._send_signals(chance, http, recipients, HANG_UPS)

    def _send_signals(self, chance: random.Random, http: Http, recipients: list[str], hang_ups: float) -> None:
        messages: list[dict[str, Any]] = []
        for recipient in recipients:
            self._numbers[recipient] += 1
            number = self._numbers[recipient]
            payload = {"candidate": None, "number": number}
            ref = f"{recipient[-12:]}-{number}"
            messages.append({"to": recipient, "type": "rtc.candidate", "payload": payload, "client_ref": ref})
        body = {"from": self.participant_id, "messages": messages}
        path = f"/meetings/{self.meeting_id}/rtc/signals"
        answer = self._until_taken(chance, hang_ups, http, "POST", path, body)
        for message, item in zip(messages, answer["items"] if answer else [], strict=True):
            number = message["payload"]["number"]
            self.sent.append(Sent(self.participant_id, message["to"], number, item["id"]))

    def _until_taken(
        self, chance: random.Random, hang_ups: float, http: Http, method: str, path: str, body: Any
    ) -> Any:
        failures = 0
        while True:
            try:
                if chance.random() < hang_ups:
                    self._hang_up(chance, http, method, path, body)
                status, answer = http.request(method, path, body)
            except (OSError, HTTPException):
                status, answer = 503, None
            if status in (200, 201):
                return answer
            if status not in NOT_NOW:
                self.refusals.append(f"{method} {path} {status} {answer}")
                self._stopped.set()
                return None
            failures += 1
            self.retries += 1
            self._pause(chance, failures)

    # Polling

    def _poll(self) -> None:
        chance, http = random.Random(-self.seed), Http(self.port, self.token)
        cursor: int | None = None
        failures = 0
        while not self._stopped.is_set():
            if chance.random() < RESTARTS and not self.quiet.is_set():
                cursor = None
            query = {"participant_id": self.participant_id, "wait": WAIT_S}
            query |= {} if cursor is None else {"after": cursor, "ack": cursor}
            path = f"/rtc/inbox?{urlencode(query)}"
            self.poll = Attempt()
            try:
                if chance.random() < HANG_UPS and not self.quiet.is_set():
                    self._hang_up(chance, http, "GET", path)
                status, answer = http.request("GET", path)
            except (OSError, HTTPException):
                status, answer = 503, None
                self.poll.answered = False
            else:
                self.poll.answered = status == 200
            if status in NOT_NOW:
                failures += 1
                self._pause(chance, failures)
                continue
            if status != 200:
                self.refusals.append(f"GET {path} {status} {answer}")
                return
            failures = 0
            reply = read(cursor, answer)
            self.replies.append(reply)
            if reply.superseded or reply.ended:
                return
            if reply.messages:
                cursor = reply.messages[-1].seq

    def _hang_up(self, chance: random.Random, http: Http, *request: Any) -> None:
        http.send(*request)
        self._stopped.wait(chance.choice((0, chance.uniform(0, 0.02))))
        http.connection.close()

    def _pause(self, chance: random.Random, failures: int) -> None:
        self._stopped.wait(chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures)))


def read(cursor: int | None, answer: dict[str, Any]) -> Reply:
    messages = tuple(_message(message) for message in answer["messages"])
    ended = answer["ended"]["reason"] if answer["ended"] else None
    return Reply(cursor, messages, answer["head_seq"], answer["acked_seq"], answer["superseded"], ended)


def _message(message: dict[str, Any]) -> Received:
    payload = message["payload"]
    participant = payload.get("participant", {})
    return Received(
        message["seq"],
        message["id"],
        message["event_id"],
        message["type"],
        sender=message["from"]["participant_id"] if message["type"].startswith("rtc.") else None,
        number=payload.get("number"),
        subject=participant.get("id"),
        muted=participant.get("muted"),
    )


def register(port: int, name: str) -> str:
    """Their access token."""
    account = {"email": f"{name}@example.org", "password": PASSWORD, "display_name": name}
    return str(Http(port).ok("POST", "/auth/register", account)["access_token"])


def enter_a_meeting(port: int, number: int, seed: int) -> list[Device]:
    """Devices of as many people in one live meeting."""
    names = [f"anna{n}" for n in range(number)]
    tokens = [register(port, name) for name in names]
    owner = Http(port, tokens[0])
    meeting_id = owner.ok("POST", "/meetings", {"title": "Durability", "media_mode": "p2p"})["id"]
    invitees = {"invitees": [{"email": f"{name}@example.org"} for name in names[1:]]}
    owner.ok("POST", f"/meetings/{meeting_id}/invitations", invitees)
    joined = [
        Http(port, token).ok("POST", f"/meetings/{meeting_id}/join", {"device": "phone"})["participant"]["id"]
        for token in tokens
    ]
    return [
        Device(port, token, meeting_id, own, [other for other in joined if other != own], seed + index)
        for index, (token, own) in enumerate(zip(tokens, joined, strict=True))
    ]
