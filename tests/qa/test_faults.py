"""Faults, through a real server: polls from memory obey as well as those that pass through Flask."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from app.core.flask_app import ParleyApp
from app.qa.faults import Faulty
from tests.accounts.visitors import faulty_fields
from tests.serving.uvicorn_server import serving
from tests.support.people import Call, Person, ok, problem

ANSWER_S = 60


class Device:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1"

    def poll(self, person: Person, participant: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        asked = {"wait": 0, "after": 0, **query} | ({"participant_id": participant["id"]} if participant else {})
        headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
        answer = requests.get(f"{self.url}/rtc/inbox", params=asked, headers=headers, timeout=ANSWER_S)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
def device(app: ParleyApp) -> Iterator[Device]:
    with serving(app, in_front=lambda served: Faulty(served, app.runtime)) as port:
        yield Device(port)


def arm(client: FlaskClient, kind: str, **fields: Any) -> dict[str, Any]:
    return ok(client.post("/api/v1/qa/faults", json={"kind": kind, **fields}), 201)


def armed(client: FlaskClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ok(client.get("/api/v1/qa/faults"))["items"]
    return items


def test_a_dropped_poll_ends_without_an_answer_and_loses_no_message(
    client: FlaskClient, device: Device, call: Call
) -> None:
    def drop() -> None:
        with pytest.raises(requests.ConnectionError):
            device.poll(call.guest, call.guests)

    arm(client, "drop_poll")
    drop()  # through Flask
    before = device.poll(call.guest, call.guests)
    ok(call.owner.signal(call.meeting, call.owners, {**call.offer(), "to": call.guests["id"]}), 201)
    arm(client, "drop_poll")
    drop()  # from memory
    told = device.poll(call.guest, call.guests)
    assert [message["type"] for message in told["messages"]][-1] == "rtc.offer"
    assert len(told["messages"]) == len(before["messages"]) + 1
    assert [(fault["times"], fault["happened"]) for fault in armed(client)] == [(0, 1)]


def test_a_delayed_poll_is_answered_later(client: FlaskClient, device: Device, anna: Person) -> None:
    arm(client, "delay_poll", delay_ms=300, times=2)
    for _ in range(2):
        headers = {"Authorization": f"Bearer {anna.tokens['access_token']}"}
        answer = requests.get(f"{device.url}/rtc/inbox?wait=0&after=0", headers=headers, timeout=ANSWER_S)
        assert answer.elapsed.total_seconds() >= 0.3
    assert armed(client)[0]["times"] == 0


def test_a_fault_is_narrowed_down(client: FlaskClient, device: Device, call: Call, cleo: Person) -> None:
    for wanted in (
        {"user_id": call.owner.user_id},
        {"participant_id": call.owners["id"]},
        {"meeting_id": call.meeting["id"], "user_id": call.owner.user_id},
    ):
        arm(client, "drop_poll", **wanted)
        device.poll(cleo)
        device.poll(call.guest, call.guests)
        with pytest.raises(requests.ConnectionError):
            device.poll(call.owner, call.owners)
    device.poll(call.owner, call.owners)


def test_a_fault_is_disarmed_and_expires(client: FlaskClient, device: Device, anna: Person) -> None:
    fault = arm(client, "drop_poll", times=5)
    assert client.delete(f"/api/v1/qa/faults/{fault['id']}").status_code == 204
    problem(client.delete(f"/api/v1/qa/faults/{fault['id']}"), 404, "not_found")
    device.poll(anna)
    arm(client, "drop_poll", times=5)
    assert client.delete("/api/v1/qa/faults").status_code == 204
    device.poll(anna)
    assert armed(client) == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("fail_upload_part", 503, "unavailable"),
        ("expire_url", 403, "url_expired"),
    ],
)
def test_a_part_is_refused_before_it_is_read(
    client: FlaskClient, device: Device, kind: str, status: int, code: str
) -> None:
    upload = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"
    arm(client, kind, upload_id=upload)
    answer = requests.put(f"{device.url}/uploads/{upload}/parts/1?expires=1", data=b"part" * 1000, timeout=ANSWER_S)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "burn_poll"}, "kind"),
        ({"kind": "delay_poll"}, "delay_ms"),
        ({"kind": "drop_poll", "delay_ms": 5}, "delay_ms"),
        ({"kind": "drop_poll", "times": 0}, "times"),
        ({"kind": "drop_poll", "upload_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}, "upload_id"),
        ({"kind": "expire_url", "user_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"}, "user_id"),
    ],
)
def test_what_is_no_fault_is_refused(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert faulty_fields(client.post("/api/v1/qa/faults", json=body)) == [field]
