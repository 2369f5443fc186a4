"""People who use the API over HTTP, as tests tell of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody with a device that is signed in."""

    app: Flask
    name: str
    email: str
    tokens: dict[str, Any]

    @property
    def user_id(self) -> str:
        return str(self.tokens["user"]["id"])

    @property
    def session_id(self) -> str:
        return str(self.tokens["session_id"])

    def request(self, method: str, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        """`path` without /api/v1; `body` is sent as JSON."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}", **kwargs.pop("headers", {})}
        if body is not None:
            kwargs["json"] = body
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **kwargs)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.request("GET", path, query_string=query or None)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        return self.request("POST", path, body, **kwargs)

    def patch(self, path: str, body: Any, version: int | None = None) -> TestResponse:
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        return self.request("PATCH", path, body, headers=headers)

    def delete(self, path: str, body: Any = None) -> TestResponse:
        return self.request("DELETE", path, body)

    # What people do

    def create_meeting(self, **fields: Any) -> dict[str, Any]:
        return ok(self.post("/meetings", {"title": "Weekly review", **fields}), 201)

    def invite(self, meeting: dict[str, Any], *people: Person) -> list[dict[str, Any]]:
        body = {"invitees": [{"email": person.email} for person in people]}
        invited: list[dict[str, Any]] = ok(self.post(f"/meetings/{meeting['id']}/invitations", body), 201)["items"]
        return invited

    def accept(self, invitation: dict[str, Any]) -> dict[str, Any]:
        return ok(self.post(f"/invitations/{invitation['id']}/accept"))

    def join(self, meeting: dict[str, Any], device: str = "laptop", **fields: Any) -> dict[str, Any]:
        return ok(self.post(f"/meetings/{meeting['id']}/join", {"device": device, **fields}), 201)

    def poll(self, participant: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """One poll that does not wait, of a participant's inbox or of the session's."""
        if participant is not None:
            query["participant_id"] = participant["id"]
        return ok(self.get("/rtc/inbox", **{"wait": 0, **query}))

    def signal(self, meeting: dict[str, Any], sender: dict[str, Any], *messages: dict[str, Any]) -> TestResponse:
        body = {"from": sender["id"], "messages": list(messages)}
        return self.post(f"/meetings/{meeting['id']}/rtc/signals", body)


@dataclass
class Call:
    """A live meeting with two people in it: its owner, and a guest of hers who has accepted."""

    meeting: dict[str, Any]
    owner: Person
    guest: Person
    owners: dict[str, Any]  # the owner's participant
    guests: dict[str, Any]  # the guest's participant

    def offer(self, ref: str | None = None, **payload: Any) -> dict[str, Any]:
        """An offer for the owner."""
        message = {"to": self.owners["id"], "type": "rtc.offer", "payload": {"sdp": "v=0\r\n", **payload}}
        return message | ({"client_ref": ref} if ref else {})

    def candidate(self, text: str = "candidate:1 1 udp 1 192.0.2.1 9 typ host") -> dict[str, Any]:
        """A candidate for the owner."""
        payload = {"candidate": {"candidate": text, "sdpMid": "0"}}
        return {"to": self.owners["id"], "type": "rtc.candidate", "payload": payload}

    def send(self, *messages: dict[str, Any]) -> TestResponse:
        """Signals from the guest."""
        return self.guest.signal(self.meeting, self.guests, *messages)


def start_call(owner: Person, guest: Person, **meeting_fields: Any) -> Call:
    """Both are in the room, and the owner has read and acknowledged that the guest came."""
    meeting = owner.create_meeting(**meeting_fields)
    guest.accept(owner.invite(meeting, guest)[0])
    owners = owner.join(meeting)["participant"]
    guests = guest.join(meeting)["participant"]
    owner.poll(owners, ack=owner.poll(owners)["head_seq"])
    return Call(ok(owner.get(f"/meetings/{meeting['id']}")), owner, guest, owners, guests)


def register(app: Flask, name: str) -> Person:
    email = f"{name.lower()}@example.org"
    body = {"email": email, "password": PASSWORD, "display_name": name}
    tokens = ok(app.test_client().post("/api/v1/auth/register", json=body), 201)
    return Person(app, name, email, tokens)


def ok(response: TestResponse, status: int = 200) -> Any:
    """The body of an answer that has to have this status; what it says instead is in the failure."""
    assert response.status_code == status, response.get_data(as_text=True)
    return response.json


def types_of(reply: dict[str, Any]) -> list[str]:
    return [message["type"] for message in reply["messages"]]


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that has to be this one."""
    body: dict[str, Any] = response.get_json(force=True)
    assert (response.status_code, body.get("code")) == (status, code), response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["title"]
    assert body["detail"]
    return body
