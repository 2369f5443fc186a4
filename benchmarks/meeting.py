"""Meetings to measure in, made through Parley's own API in this process before a server starts on the same database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy import update

from app import create_app
from app.accounts.passwords import Argon2Passwords, PasswordHasher
from app.cli import register_commands
from app.core.runtime import Runtime
from app.core.settings import Settings, load_settings
from app.inbox.models import Inbox
from benchmarks import client
from benchmarks.server import TOKENS_LIVE_MIN

INVITED_AT_ONCE = 50


@dataclass(frozen=True)
class Person:
    email: str
    token: str


@dataclass(frozen=True)
class Device:
    """A participant: one device of somebody who is in a meeting with several. Signals pass between any two."""

    participant_id: str
    meeting_id: str
    token: str

    def poll(self, *, wait: int = 0, after: int | None = None, ack: int | None = None) -> bytes:
        """The request; without `after` it delivers what is not acknowledged."""
        query = f"participant_id={self.participant_id}&wait={wait}"
        query += "" if after is None else f"&after={after}"
        query += "" if ack is None else f"&ack={ack}"
        return client.get(f"/api/v1/rtc/inbox?{query}", self.token)

    def signal(self, to: "Device", **payload: Any) -> bytes:
        """A request with a message as long as a candidate is."""
        return self.signals([to], **payload)

    def signals(self, to: "list[Device]", **payload: Any) -> bytes:
        """One request with such a message to each; SIGNAL_BATCH_MAX of them at most."""
        candidate = {"candidate": "candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host", "sdpMid": "0"}
        messages = [
            {"to": other.participant_id, "type": "rtc.candidate", "payload": {"candidate": candidate, **payload}}
            for other in to
        ]
        path = f"/api/v1/meetings/{self.meeting_id}/rtc/signals"
        return client.post(path, {"from": self.participant_id, "messages": messages}, self.token)

    def say(self, client_ref: str) -> bytes:
        """A request with a chat message."""
        path = f"/api/v1/meetings/{self.meeting_id}/messages"
        return client.post(path, {"text": "The agenda is in the calendar.", "client_ref": client_ref}, self.token)

    def change(self, **state: bool) -> bytes:
        """A request that changes what the others see: muted, camera, screen, hand."""
        return client.patch(f"/api/v1/participants/{self.participant_id}", state, self.token)

    def leave(self) -> bytes:
        return client.post(f"/api/v1/participants/{self.participant_id}/leave", {}, self.token)

    def join_again(self) -> bytes:
        return client.post(f"/api/v1/meetings/{self.meeting_id}/join", {"device": "phone"}, self.token)

    def acknowledge(self, up_to: int) -> bytes:
        return client.post("/api/v1/rtc/ack", {"participant_id": self.participant_id, "up_to": up_to}, self.token)


class Organiser:
    """Registers people and lets them meet."""

    def __init__(self, storage: Path, database_url: str = "") -> None:
        settings = load_settings(
            storage_dir=storage,
            database_url=database_url,
            access_token_min=TOKENS_LIVE_MIN,
            log_level="ERROR",
            _env_file=None,
            **{name: "off" for name in Settings.model_fields if name.startswith("rate_limit_")},
        )
        self._app = create_app(settings)
        register_commands(self._app)
        self._app.testing = True  # it is not one of the processes that serve
        # Passwords of nobody: hashing them properly would take most of the time.
        self._app.runtime.drivers[PasswordHasher] = Argon2Passwords(time_cost=1, memory_cost_kib=8, parallelism=1)
        self._numbers = count(1)
        with self._app.app_context():
            upgrade()

    @property
    def runtime(self) -> Runtime:
        return self._app.runtime

    def person(self) -> Person:
        """Somebody who is registered and signed in."""
        email = f"p{next(self._numbers)}@example.org"
        given = {"email": email, "password": "no-one-signs-in", "display_name": "Person"}
        return Person(email, self._post("/auth/register", given)["access_token"])

    def meeting(self, devices: int) -> list[Device]:
        """One person, and as many devices of theirs in a meeting. What they were told of each other is acknowledged."""
        person = self.person()
        meeting_id = self._new_meeting(person)
        return self._joined(meeting_id, [(person, f"device {number}") for number in range(devices)])

    def meeting_of(self, people: list[Person]) -> list[Device]:
        """A device of each in a meeting of the first. What they were told of each other is acknowledged."""
        owner, *others = people
        meeting_id = self._new_meeting(owner)
        for start in range(0, len(others), INVITED_AT_ONCE):
            invitees = [{"email": person.email} for person in others[start : start + INVITED_AT_ONCE]]
            self._post(f"/meetings/{meeting_id}/invitations", {"invitees": invitees}, owner.token)
        return self._joined(meeting_id, [(person, "phone") for person in people])

    def _new_meeting(self, owner: Person) -> str:
        meeting_id: str = self._post("/meetings", {"title": "Benchmark", "media_mode": "p2p"}, owner.token)["id"]
        return meeting_id

    def _joined(self, meeting_id: str, who: list[tuple[Person, str]]) -> list[Device]:
        joined = {
            self._post(f"/meetings/{meeting_id}/join", {"device": device}, person.token)["participant"]["id"]: person
            for person, device in who
        }
        with self.runtime.writing() as work:
            work.execute(update(Inbox).where(Inbox.owner_id.in_(joined)).values(acked_seq=Inbox.head_seq))
        return [Device(participant_id, meeting_id, person.token) for participant_id, person in joined.items()]

    def _post(self, path: str, body: dict[str, Any], token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._app.test_client().post(f"/api/v1{path}", json=body, headers=headers)
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.get_data(as_text=True)}")
        return answer.get_json()


@contextmanager
def organiser(storage: Path, database_url: str = "") -> Iterator[Organiser]:
    """Migrates an empty database and closes every connection to it in the end."""
    one = Organiser(storage, database_url)
    try:
        yield one
    finally:
        one.runtime.close()
