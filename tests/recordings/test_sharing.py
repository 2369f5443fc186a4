"""Links by which a recording is watched without an account."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.idempotency import IdempotencyKey
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings import tasks
from app.recordings.models import Share
from tests.support.people import PASSWORD, Call, Person, ok, problem

Record = Callable[..., dict[str, Any]]
PASSCODE = "bright-teal"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = {"share_failures_address": "5/15 minutes", "share_failures_link": "3/15 minutes", "shares_max": 2}
    return settings.model_copy(update=limits)


def share(person: Person, recording: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = ok(person.post(f"/recordings/{recording['id']}/shares", fields), 201)
    return made


def look_up(app: Flask, secret: str, address: str = "192.0.2.1", **fields: Any) -> Any:
    client = app.test_client()
    body = {"secret": secret, **fields}
    return client.post("/api/v1/recordings/look-up-share", json=body, environ_base={"REMOTE_ADDR": address})


def watch(app: Flask, opened: dict[str, Any], **headers: str) -> Any:
    return app.test_client().get("/api/v1" + opened["signed_url"].partition("/api/v1")[2], headers=headers)


def test_whoever_has_the_link_watches_the_film_without_an_account(
    app: ParleyApp, call: Call, record: Record, clock: ManualClock
) -> None:
    recording = record()
    made = share(call.owner, recording, expires_in=3600)
    assert made["url"] == f"http://127.0.0.1:8080/shared#{made['secret']}"
    assert (made["has_passcode"], made["expires_at"]) == (False, "2026-11-20T11:00:20.000000Z")
    opened = ok(look_up(app, made["secret"]))
    assert (opened["title"], opened["duration_s"]) == (recording["title"], recording["duration_s"])
    assert made["secret"] not in opened["signed_url"]
    whole = watch(app, opened)
    assert (whole.status_code, len(whole.data)) == (200, recording["bytes"])
    part = watch(app, opened, Range="bytes=10-19")
    assert (part.status_code, part.data) == (206, whole.data[10:20])
    clock.advance(minutes=31)
    problem(watch(app, opened), 403, "url_expired")
    assert watch(app, ok(look_up(app, made["secret"]))).status_code == 200


def test_a_link_that_opens_nothing_is_refused_alike_whatever_the_reason(
    app: ParleyApp, call: Call, record: Record, clock: ManualClock
) -> None:
    recording, deleted = record(), record()
    revoked, expired = share(call.owner, recording), share(call.owner, recording, expires_in=60)
    gone = share(call.owner, deleted)
    watched = ok(look_up(app, revoked["secret"]))
    ok(call.owner.delete(f"/recordings/{recording['id']}/shares/{revoked['id']}"), 204)
    ok(call.owner.delete(f"/recordings/{deleted['id']}"), 204)
    clock.advance(seconds=61)
    refusals = [look_up(app, one["secret"]) for one in (revoked, expired, gone)] + [look_up(app, "never-made")]
    told = [problem(one, 404, "share_unknown") | {"request_id": ""} for one in refusals]
    assert all(one == told[0] for one in told)
    problem(watch(app, watched), 404, "share_unknown")  # who watches does so no further


def test_a_passcode_is_asked_for_and_few_wrong_ones_are_taken(
    app: ParleyApp, call: Call, record: Record, clock: ManualClock
) -> None:
    secret = share(call.owner, record(), passcode=PASSCODE)["secret"]
    missing = problem(look_up(app, secret), 401, "passcode_needed") | {"request_id": ""}
    for number in range(3):
        wrong = look_up(app, secret, f"192.0.2.{number}", passcode="bright-blue")
        assert problem(wrong, 401, "passcode_needed") | {"request_id": ""} == missing
    refused = look_up(app, secret, "192.0.2.77", passcode=PASSCODE)
    assert problem(refused, 429, "too_many_requests")["limit"] == "share_failures_link"
    assert refused.headers["Retry-After"] == "900"
    clock.advance(minutes=16)
    for _ in range(5):  # right ones are not counted
        assert "signed_url" in ok(look_up(app, secret, passcode=PASSCODE))


def test_trying_links_is_slow(app: ParleyApp, call: Call, record: Record) -> None:
    secret = share(call.owner, record())["secret"]
    for _ in range(5):
        problem(look_up(app, "never-made"), 404, "share_unknown")
    assert problem(look_up(app, secret), 429, "too_many_requests")["limit"] == "share_failures_address"
    ok(look_up(app, secret, "192.0.2.2"))


def test_secret_and_passcode_are_kept_as_hashes_and_logged_nowhere(
    app: ParleyApp, call: Call, record: Record, runtime: Runtime, log: io.StringIO
) -> None:
    body = {"passcode": PASSCODE}
    path = f"/recordings/{record()['id']}/shares"
    made = ok(call.owner.post(path, body, headers={"Idempotency-Key": "k1"}), 201)
    again = ok(call.owner.post(path, body, headers={"Idempotency-Key": "k1"}), 201)
    assert again["id"] != made["id"]  # an answer with a secret in it is not kept, so it can't be repeated
    watch(app, ok(look_up(app, made["secret"], passcode=PASSCODE)))
    with runtime.reading() as work:
        rows = [vars(row) for row in work.scalars(select(Share))] + [
            row.body for row in work.scalars(select(IdempotencyKey))
        ]
    for secret in (made["secret"], PASSCODE):
        assert secret not in str(rows)
        assert secret not in log.getvalue()
    listed = ok(call.owner.get(path))["items"]
    assert [set(one) for one in listed] == [{"id", "recording_id", "has_passcode", "created_at", "expires_at"}] * 2


def test_links_are_bounded_in_number_and_time_and_expired_ones_are_forgotten(
    call: Call, record: Record, runtime: Runtime, clock: ManualClock
) -> None:
    recording = record()
    path = f"/recordings/{recording['id']}/shares"
    share(call.owner, recording, expires_in=60)
    share(call.owner, recording)
    problem(call.owner.post(path, {}), 409, "too_many_shares")
    clock.advance(seconds=61)
    share(call.owner, recording)
    [wrong] = problem(call.owner.post(path, {"expires_in": 91 * 86400}), 422, "validation_failed")["errors"]
    assert (wrong["field"], wrong["message"]) == ("expires_in", "At most 7776000 seconds here.")
    problem(call.owner.post(path, {"passcode": "12345"}), 422, "validation_failed")
    tasks.sweep(runtime, {})
    with runtime.reading() as work:
        assert len(work.scalars(select(Share)).all()) == 2


def test_only_what_has_a_file_is_shared_and_only_by_its_owner(call: Call, record: Record) -> None:
    running = ok(call.owner.post(f"/meetings/{call.meeting['id']}/recordings", {}), 201)
    problem(call.owner.post(f"/recordings/{running['id']}/shares", {}), 409, "recording_state_conflict")
    ok(call.owner.post(f"/recordings/{running['id']}/stop"), 202)
    problem(call.guest.post(f"/recordings/{record()['id']}/shares", {}), 403, "forbidden")


def test_the_links_of_an_erased_account_open_nothing(app: ParleyApp, call: Call, record: Record) -> None:
    secret = share(call.owner, record())["secret"]
    ok(call.owner.delete("/auth/me", {"password": PASSWORD}), 204)
    problem(look_up(app, secret), 404, "share_unknown")
