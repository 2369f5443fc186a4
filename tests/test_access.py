"""Every operation of the OpenAPI document × every kind of actor, against the table of who may do what.

What is expected is told here once more and plainly, from the rule of the operation and from what an actor is; how
`app/access.py` finds that out is not looked at.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from werkzeug.routing import Map, Rule

from app import access
from app.core.api import IdConverter
from app.core.clock import ManualClock
from tests.conftest import NOW
from tests.support.people import PASSWORD, problem
from tests.support.world import World, built_world, operations

# What everybody is to an operation that is about no subject …
ROLES: dict[str, set[str]] = {
    "nobody": set(),
    "expired token": set(),
    "ended session": set(),
    "another user": {"user"},
    "invited": {"user"},
    "accepted": {"user"},
    "participant": {"user"},
    "another participant": {"user"},
    "co-host": {"user"},
    "banned": {"user"},
    "rejected": {"user"},
    "revoked": {"user"},
    "owner": {"user"},
    "admin": {"user", "admin"},
    "media worker": {"service"},
    "media worker of another service": {"service"},
    "guest of this meeting": {"guest"},
    "guest at the door": {"guest"},
    "guest of another meeting": {"guest"},
    "guest who was removed": set(),
}
REFUSED_AT_THE_DOOR = {
    "nobody": "token_missing",
    "expired token": "token_expired",
    "ended session": "session_ended",
    "guest who was removed": "session_ended",
}

# … and to the meeting, to the invitation of the one who is invited, to the device of the one who participates.
_IN_THE_MEETING: dict[str, set[str]] = {
    "invited": {"invited"},
    "accepted": {"accepted"},
    "participant": {"accepted"},
    "another participant": {"accepted"},
    "co-host": {"accepted", "co_host"},
    "banned": {"banned"},
    "owner": {"owner"},
    "media worker": {"worker"},
    "guest of this meeting": {"guest", "guest_inside"},
    "guest at the door": {"guest"},
}
RELATIONS: dict[str, dict[str, set[str]]] = {
    "meeting_id": _IN_THE_MEETING,
    "invitation_id": _IN_THE_MEETING | {"invited": {"invited", "invitee"}},
    "participant_id": _IN_THE_MEETING | {"participant": {"accepted", "self"}},
    "recording_id": _IN_THE_MEETING
    | {"media worker": {"service", "worker"}, "media worker of another service": {"service"}},
    "upload_id": {"owner": {"uploader"}},
    "call_id": {"owner": {"uploader"}},
    "webhook_id": {"owner": {"subscriber"}},
    "worker_id": {"media worker": {"worker"}, "admin": {"admin"}},
    "message_id": _IN_THE_MEETING | {"participant": {"accepted", "sender"}},
}
# Nobody else learns that it exists.
MAY_KNOW: dict[str, set[str]] = {
    "meeting_id": {"owner", "accepted", "invited", "guest", "worker"},
    "invitation_id": {"owner", "invitee"},
    "participant_id": {"owner", "accepted", "guest_inside", "self"},
    "recording_id": {"owner", "accepted", "guest_inside", "service", "records"},
    "upload_id": {"uploader"},
    "call_id": {"uploader"},
    "webhook_id": {"subscriber"},
    "worker_id": {"worker", "admin"},
    "message_id": {"owner", "accepted", "guest_inside"},
}
# Whose session or identity it is, the service asks; see the test at the end. A part is one of its upload; an emoji,
# a provider, and a banned person, is nobody's.
OFFER = (Path(__file__).parent / "data" / "sdp" / "chromium_audio_video.sdp").read_bytes().decode()
NOT_A_SUBJECT = {"track_file_id", "session_id", "identity_id", "provider", "number", "emoji", "user_id", "secret"}
NOT_A_SUBJECT |= {"job_id", "export_id", "share_id", "delivery_id"}


# Bodies that are accepted, of the operations that take one. {actor} and {other} are participants.
class Text(NamedTuple):
    """A body that is no JSON."""

    content_type: str
    data: str


Body = dict[str, Any] | Text
BODIES: dict[str, Callable[[World, str], Body]] = {
    "POST /auth/register": lambda *_: {
        "email": "new@example.org",
        "password": PASSWORD,
        "display_name": "New",
    },
    "POST /auth/login": lambda *_: {"email": "olga@example.org", "password": PASSWORD},
    "POST /auth/refresh": lambda world, _: {"refresh_token": world.people["owner"].tokens["refresh_token"]},
    "POST /auth/oidc/{provider}/exchange": lambda *_: {"code": "never-given", "code_verifier": "v" * 43},
    "POST /auth/me/identities": lambda *_: {
        "provider": "google",
        "password": PASSWORD,
        "code": "never-given",
        "code_verifier": "v" * 43,
    },
    "POST /auth/verify": lambda *_: {"token": "never-mailed"},
    "POST /auth/password/forgot": lambda *_: {"email": "olga@example.org"},
    "POST /auth/password/reset": lambda *_: {"token": "never-mailed", "new_password": PASSWORD},
    "PATCH /auth/me": lambda *_: {"locale": "de"},
    "DELETE /auth/me": lambda *_: {"password": PASSWORD},
    "POST /auth/password": lambda *_: {"current_password": PASSWORD, "new_password": "another password"},
    "POST /meetings": lambda *_: {"title": "Another"},
    "PATCH /meetings/{meeting_id}": lambda *_: {"title": "Renamed"},
    "POST /meetings/{meeting_id}/invitations": lambda *_: {"invitees": [{"email": "una@example.org"}]},
    "POST /invitations/{invitation_id}/propose": lambda *_: {"starts_at": "2026-12-01T10:00:00Z"},
    "POST /meetings/look-up-code": lambda world, _: {"code": world.meeting["code"]},
    "POST /meetings/join-by-code": lambda world, _: {"code": world.meeting["code"], "display_name": "Gil"},
    "POST /meetings/{meeting_id}/join": lambda *_: {"device": "tablet"},
    "PATCH /participants/{participant_id}": lambda *_: {"muted": True},
    "POST /participants/{participant_id}/stats": lambda *_: {"lost": 0.01},
    "PUT /participants/{participant_id}/role": lambda *_: {"role": "co_host"},
    "POST /meetings/{meeting_id}/rtc/signals": lambda world, actor: {
        "from": _participant(world, actor),
        "messages": [{"to": _other_participant(world, actor), "type": "rtc.restart", "payload": {}}],
    },
    "POST /meetings/{meeting_id}/messages": lambda *_: {"text": "Hello"},
    "PUT /meetings/{meeting_id}/messages/read": lambda *_: {"up_to": 1},
    "PATCH /messages/{message_id}": lambda *_: {"text": "Hello again"},
    "POST /rtc/ack": lambda world, actor: {"up_to": 0, **_own_worker(world, actor)},
    "POST /meetings/{meeting_id}/rtc/reports": lambda *_: {"epoch": 1, "speakers": []},
    "POST /meetings/{meeting_id}/whip": lambda *_: Text("application/sdp", OFFER),
    "POST /meetings/{meeting_id}/whep": lambda *_: Text("application/sdp", OFFER.replace("sendrecv", "recvonly")),
    "PATCH /participants/{participant_id}/whip": lambda *_: Text("application/trickle-ice-sdpfrag", "a=mid:0"),
    "PATCH /participants/{participant_id}/whep": lambda *_: Text("application/trickle-ice-sdpfrag", "a=mid:0"),
    "POST /media/workers": lambda *_: {"name": "host-a/2", "engine": "portable", "version": "1", "capacity": 9},
    "PUT /media/workers/{worker_id}": lambda *_: {"load": 0, "participants": 0, "tracks": 0},
    "POST /uploads": lambda world, actor: {
        "purpose": "recording_track" if actor in world.workers else "chat_file",
        "name": "notes.webm",
        "size": 5,
        "media_type": "audio/webm",
    },
    "POST /uploads/{upload_id}/parts": lambda *_: {"numbers": [1]},
    "POST /uploads/{upload_id}/complete": lambda *_: {"sha256": "0" * 64},
    "PUT /uploads/{upload_id}/parts/{number}": lambda *_: {},
    "POST /meetings/{meeting_id}/recordings": lambda *_: {},
    "PATCH /recordings/{recording_id}": lambda *_: {"title": "Renamed"},
    "POST /recordings/{recording_id}/compose": lambda *_: {},
    "POST /recordings/{recording_id}/exports": lambda *_: {},
    "POST /recordings/{recording_id}/shares": lambda *_: {},
    "POST /recordings/look-up-share": lambda *_: {"secret": "never-made"},
    "POST /recordings/{recording_id}/consent": lambda *_: {"consent": True},
    "POST /recordings/{recording_id}/reports": lambda *_: {"state": "stopped", "epoch": 1},
    "POST /recordings/{recording_id}/tracks": lambda world, _: {
        "participant_id": world.participants["participant"],
        "kind": "audio",
        "source": "microphone",
        "mime": "audio/webm",
        "started_at": "2026-11-20T10:00:00Z",
        "clock_offset_ms": 0,
        "clock_uncertainty_ms": 0,
    },
    "POST /recordings/{recording_id}/tracks/{track_file_id}/finish": lambda *_: {
        "size": 5,
        "sha256": "0" * 64,
        "duration_s": 1.5,
    },
    "PUT /recordings/{recording_id}/tracks/{track_file_id}": lambda world, _: {
        "epoch": 1,
        "participant_id": world.participants["participant"],
        "track_id": "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f",
        "kind": "audio",
        "source": "microphone",
        "codec": "opus",
        "content_type": "audio/webm",
        "state": "recording",
        "started_at": "2026-11-20T10:00:00Z",
    },
    "POST /meetings/{meeting_id}/notes": lambda *_: {},
    "POST /meetings/{meeting_id}/notes/retry": lambda *_: {},
    "PATCH /meetings/{meeting_id}/transcript": lambda *_: {},
    "POST /webhooks": lambda *_: {"url": "https://crm.example.org/parley"},
    "PATCH /webhooks/{webhook_id}": lambda *_: {"description": "CRM"},
    "POST /calls": lambda world, _: {"upload_id": world.ids["upload_id"]},
    "POST /calls/{call_id}/retry": lambda *_: {},
    "PATCH /calls/{call_id}/transcript": lambda *_: {},
    "PUT /admin/users/{user_id}/role": lambda *_: {"role": "admin"},
}
QUERIES: dict[str, Callable[[World, str], dict[str, str]]] = {
    "GET /auth/oidc/{provider}/start": lambda *_: {"code_challenge": "c" * 43},
    "GET /rtc/inbox": lambda world, actor: _own_worker(world, actor),
    "GET /search": lambda *_: {"q": "review"},
}
# Allowed, and then refused for what the example is: a token that was never mailed, a participant that one is not, what
# the meeting's owner permits to hosts only.
ALLOWED_PROBLEMS = {
    "provider_unavailable",
    "token_not_usable",
    "not_your_participant",
    "notes_missing",
    "not_found",  # to an upload for something else
    "email_already_verified",
    "share_unknown",
    "code_unknown",  # to the one whose invitation was taken back
    "not_permitted",
    "banned",  # from the meeting whose code one has
}


OPERATIONS = [(method, path, operation) for method, path, operation in operations()]


def _own_worker(world: World, actor: str) -> dict[str, str]:
    """A media worker's inbox is the worker's; everybody else's is their session's."""
    return {"worker_id": world.workers[actor]} if actor in world.workers else {}


def _participant(world: World, actor: str) -> str:
    return world.participants.get(actor, world.participants["participant"])


def _other_participant(world: World, actor: str) -> str:
    return world.participants["participant" if actor == "owner" else "owner"]


def key_of(method: str, path: str) -> str:
    return f"{method} {path.removeprefix('/api/v1')}"


def expected(method: str, path: str, actor: str) -> tuple[int, str] | None:
    """Status and code that refuse `actor`; None: allowed."""
    rule = {str(who) for who in access.RULES[key_of(method, path)]}
    if rule == {"anyone"} or ("anyone" in rule and actor == "nobody"):
        return None
    if "signed_url" in rule:  # whoever asks, the path alone is no signed address
        return 403, "url_not_signed"
    if actor in REFUSED_AT_THE_DOOR:
        return 401, REFUSED_AT_THE_DOOR[actor]
    is_of_admins = rule == {"admin"}  # whatever it is about: they are nothing to it
    subjects = [name for name in re.findall(r"\{(\w+)\}", path) if name not in NOT_A_SUBJECT]
    if not subjects or is_of_admins:
        return None if ROLES[actor] & rule else (403, "forbidden")
    relations = RELATIONS[subjects[0]].get(actor, set())
    if "banned" in relations:
        return 403, "banned"
    if not relations & MAY_KNOW[subjects[0]]:
        return 404, "not_found"
    return None if relations & rule else (403, "forbidden")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_database: Any) -> Iterator[World]:
    with built_world(tmp_path_factory.mktemp("access"), migrated_database, ManualClock(NOW)) as built:
        yield built


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{o[0]} {o[1]}" for o in OPERATIONS])
def test_an_operation_admits_those_whom_its_rule_names_and_refuses_the_others_as_designed(
    world: World,
    method: str,
    path: str,
    operation: dict[str, Any],
    record_property: Callable[[str, object], None],
) -> None:
    surprises = []
    for actor in ROLES:
        world.restore()
        answer = _ask(world, actor, method, path, operation)
        code = answer.get_json(force=True).get("code") if answer.status_code >= 400 else None
        refusal = expected(method, path, actor)
        if refusal is not None:
            fits = (answer.status_code, code) == refusal
        else:
            fits = answer.status_code < 400 or answer.status_code == 409 or code in ALLOWED_PROBLEMS
        if not fits:
            surprises.append(f"{actor}: {refusal or 'allowed'} expected, came {answer.status_code} {code}")
    assert not surprises, "\n".join(surprises)
    record_property("figure: access checks (operations × actors)", len(ROLES))


def _ask(world: World, actor: str, method: str, path: str, operation: dict[str, Any]) -> Any:
    key = key_of(method, path)
    given: dict[str, Any] = {}
    if "requestBody" in operation:
        if key not in BODIES:
            pytest.fail(f"{key} takes a body: add one that is accepted to BODIES in {__file__}")
        body = BODIES[key](world, actor)
        given |= body._asdict() if isinstance(body, Text) else {"json": body}
    if key in QUERIES:
        given["query_string"] = QUERIES[key](world, actor)
    if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", [])):
        given["headers"] = {"If-Match": '"1", "2", "3"'}
    ids = world.ids_for(actor)
    for name in re.findall(r"\{(\w+)\}", path):
        if name not in ids or (name not in NOT_A_SUBJECT and name not in MAY_KNOW):
            pytest.fail(f"{key}: say in tests/support/world.py and in {__file__} what {{{name}}} names")
        path = path.replace(f"{{{name}}}", ids[name])
    return world.request(actor, method, path, **given)


def test_the_document_shows_every_operation_that_has_a_rule() -> None:
    assert {key_of(method, path) for method, path, _ in OPERATIONS} == set(access.RULES)


def test_an_operation_without_a_rule_stops_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Rule("/api/v1/meetings/<id:meeting_id>/explode", endpoint="unruled", methods=["POST"])
    routes = Map([*(rule.empty() for rule in world.app.url_map.iter_rules()), new], converters={"id": IdConverter})
    monkeypatch.setattr(world.app, "url_map", routes)
    with pytest.raises(RuntimeError, match=r"no rule for \['POST /meetings/{meeting_id}/explode'\]"):
        access.check_complete(world.app, access.RULES)


def test_a_rule_without_an_operation_stops_the_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(access.RULES, "POST /meetings/{meeting_id}/explode", access.OWNER)
    with pytest.raises(RuntimeError, match=r"no operation for \['POST /meetings/{meeting_id}/explode'\]"):
        access.check_complete(world.app, access.RULES)


# Ids that stand in bodies and queries, or name what is no subject of the table


def test_a_session_of_somebody_else_looks_as_if_there_were_none(world: World) -> None:
    world.restore()
    others = world.people["owner"].session_id
    problem(world.people["another user"].delete(f"/auth/sessions/{others}"), 404, "not_found")
    assert world.people["owner"].get("/auth/me").status_code == 200


@pytest.mark.parametrize("actor", ["another user", "invited", "another participant", "owner", "admin"])
def test_an_inbox_of_somebody_else_looks_as_if_there_were_none(world: World, actor: str) -> None:
    world.restore()
    others = world.participants["participant"]
    person = world.people[actor]
    problem(person.get("/rtc/inbox", participant_id=others, wait=0), 404, "not_found")
    problem(person.post("/rtc/ack", {"participant_id": others, "up_to": 0}), 404, "not_found")


@pytest.mark.parametrize("actor", ["accepted", "another participant", "owner"])
def test_nobody_sends_signals_as_somebody_else(world: World, actor: str) -> None:
    world.restore()
    sender = {"id": world.participants["participant"]}
    signal = {"to": world.participants["owner"], "type": "rtc.restart", "payload": {}}
    problem(world.people[actor].signal(world.meeting, sender, signal), 403, "not_your_participant")


def test_a_guest_learns_nothing_of_what_a_meeting_leaves_behind(world: World) -> None:
    world.restore()
    meeting, recording = world.meeting["id"], world.ids["recording_id"]
    for path in ("recordings", "notes", "transcript", "invitations"):
        problem(world.request("guest of this meeting", "GET", f"/api/v1/meetings/{meeting}/{path}"), 403, "forbidden")
    for path in (f"/recordings/{recording}", f"/recordings/{recording}/download"):
        problem(world.request("guest of this meeting", "GET", f"/api/v1{path}"), 403, "forbidden")
        problem(world.request("guest at the door", "GET", f"/api/v1{path}"), 404, "not_found")


def test_nobody_goes_on_as_the_participant_of_somebody_else(world: World) -> None:
    world.restore()
    body = {"device": "tablet", "replaces": world.participants["participant"]}
    answer = world.people["accepted"].post(f"/meetings/{world.meeting['id']}/join", body)
    problem(answer, 404, "not_found")
    still = world.people["participant"].get(f"/participants/{world.participants['participant']}")
    assert still.json["epoch"] == 1
