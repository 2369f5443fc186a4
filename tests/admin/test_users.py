"""Accounts as admins see them, and what they do with them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from app.accounts import service as accounts
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.runtime import Runtime
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import PASSWORD, Call, Person, ok, problem
from tests.support.races import at_once, statuses


def sign_in(app: ParleyApp, person: Person) -> Any:
    body = {"email": person.email, "password": PASSWORD}
    return app.test_client().post("/api/v1/auth/login", json=body)


def names(page: dict[str, Any]) -> list[str]:
    return [user["display_name"] for user in page["items"]]


def test_accounts_are_found_by_name_address_role_and_whether_they_are_disabled(
    admin: Person, anna: Person, ben: Person, cleo: Person
) -> None:
    ok(admin.post(f"/admin/users/{ben.user_id}/disable"))
    assert names(ok(admin.get("/admin/users"))) == ["Cleo", "Ben", "Anna", "Ada"]
    assert names(ok(admin.get("/admin/users", q="NN"))) == ["Anna"]
    assert names(ok(admin.get("/admin/users", q="leo@exa"))) == ["Cleo"]
    assert names(ok(admin.get("/admin/users", q="%"))) == []
    assert names(ok(admin.get("/admin/users", role="admin"))) == ["Ada"]
    assert names(ok(admin.get("/admin/users", disabled="true"))) == ["Ben"]
    first = ok(admin.get("/admin/users", disabled="false", limit=2))
    second = ok(admin.get("/admin/users", disabled="false", limit=2, cursor=first["next_cursor"]))
    assert names(first) + names(second) == ["Cleo", "Anna", "Ada"]


def test_guests_and_those_who_have_gone_are_no_accounts(admin: Person, anna: Person, app: ParleyApp) -> None:
    meeting = anna.create_meeting()
    joined = {"code": meeting["code"], "display_name": "Gil"}
    guest = ok(app.test_client().post("/api/v1/meetings/join-by-code", json=joined))
    ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
    assert names(ok(admin.get("/admin/users"))) == ["Ada"]
    for user_id in (anna.user_id, guest["tokens"]["user"]["id"], new_id()):
        for action in ("disable", "enable"):
            problem(admin.post(f"/admin/users/{user_id}/{action}"), 404, "not_found")
        problem(admin.get(f"/admin/users/{user_id}"), 404, "not_found")


def test_an_account_shows_its_sessions_and_what_it_uses(admin: Person, anna: Person, app: ParleyApp) -> None:
    ok(sign_in(app, anna))
    shown = ok(admin.get(f"/admin/users/{anna.user_id}"))
    assert (shown["email"], shown["role"], shown["sessions"], shown["disabled_at"]) == (anna.email, "user", 2, None)
    assert shown["last_used_at"] == "2026-11-20T10:00:00.000000Z"
    assert shown["usage"] == ok(anna.get("/auth/me/usage"))


def test_who_is_locked_out_is_out_of_every_meeting_and_comes_in_no_more_until_let_in_again(
    admin: Person, call: Call, app: ParleyApp
) -> None:
    guest = call.guest
    shown = ok(admin.post(f"/admin/users/{guest.user_id}/disable"))
    assert (shown["disabled_at"], shown["sessions"]) == ("2026-11-20T10:00:00.000000Z", 0)
    assert problem(guest.get("/auth/me"), 401, "session_ended")["reason"] == "disabled"
    problem(guest.post("/auth/refresh", {"refresh_token": guest.tokens["refresh_token"]}), 401, "session_ended")
    problem(sign_in(app, guest), 401, "bad_credentials")
    left = ok(call.owner.get(f"/participants/{call.guests['id']}"))
    assert left["state"] == "left"
    assert ok(admin.post(f"/admin/users/{guest.user_id}/disable")) == shown
    assert ok(admin.post(f"/admin/users/{guest.user_id}/enable"))["disabled_at"] is None
    ok(sign_in(app, guest))
    problem(guest.get("/auth/me"), 401, "session_ended")


def test_a_programs_key_counts_no_more_and_its_account_becomes_no_admins(
    admin: Person, app: ParleyApp, runtime: Runtime
) -> None:
    worker = RestWorker(app, service_key(app))
    [program] = ok(admin.get("/admin/users", role="service"))["items"]
    path = f"/admin/users/{program['id']}"
    refused = problem(admin.request("PUT", f"{path}/role", {"role": "admin"}), 409, "account_state_conflict")
    assert refused["role"] == "service"
    ok(admin.post(f"{path}/disable"))
    problem(worker.renew(), 401, "token_invalid")
    ok(admin.post(f"{path}/enable"))
    ok(worker.renew())


def test_who_cannot_sign_in_any_more_is_erased_by_an_admin_as_by_themselves(
    admin: Person, anna: Person, ben: Person, app: ParleyApp
) -> None:
    meeting = anna.create_meeting()
    ben.accept(anna.invite(meeting, ben)[0])
    ok(admin.post(f"/admin/users/{anna.user_id}/disable"))
    problem(ben.delete(f"/admin/users/{anna.user_id}"), 403, "forbidden")
    ok(admin.delete(f"/admin/users/{anna.user_id}"), 204)
    problem(admin.get(f"/admin/users/{anna.user_id}"), 404, "not_found")
    problem(admin.delete(f"/admin/users/{anna.user_id}"), 404, "not_found")
    problem(sign_in(app, anna), 401, "bad_credentials")
    assert ok(ben.get(f"/meetings/{meeting['id']}"))["state"] == "cancelled"
    [line, _] = ok(admin.get("/admin/audit", user_id=anna.user_id))["items"]
    assert (line["action"], line["actor"]["user_id"]) == ("user.erase", admin.user_id)
    problem(admin.delete(f"/admin/users/{admin.user_id}"), 409, "last_admin")


def test_an_admin_is_made_and_unmade_but_never_the_last_one(admin: Person, anna: Person) -> None:
    own = f"/admin/users/{admin.user_id}"
    problem(anna.get("/admin/users"), 403, "forbidden")
    problem(admin.request("PUT", f"{own}/role", {"role": "user"}), 409, "last_admin")
    problem(admin.post(f"{own}/disable"), 409, "last_admin")
    made = ok(admin.request("PUT", f"/admin/users/{anna.user_id}/role", {"role": "admin"}))
    assert made["role"] == "admin"
    assert ok(anna.request("PUT", f"{own}/role", {"role": "user"}))["role"] == "user"
    problem(admin.get("/admin/users"), 403, "forbidden")
    problem(anna.post(f"/admin/users/{anna.user_id}/disable"), 409, "last_admin")


def test_of_two_admins_who_unmake_each_other_at_once_one_stays(admin: Person, anna: Person, runtime: Runtime) -> None:
    with runtime.writing() as work:
        accounts.set_role(work, accounts.get_user(work, anna.user_id), "admin")
    answers = at_once(
        partial(admin.post, f"/admin/users/{anna.user_id}/disable"),
        partial(anna.request, "PUT", f"/admin/users/{admin.user_id}/role", {"role": "user"}),
    )
    assert statuses(answers)[200] == 1
    with runtime.reading() as work:
        users = [accounts.get_user(work, admin.user_id).role] if answers[1].status_code != 200 else []
        users += [accounts.get_user(work, anna.user_id).role] if answers[0].status_code != 200 else []
    assert users == ["admin"]


@pytest.mark.parametrize("role", ["service", "guest", ""])
def test_nobody_is_made_anything_else(admin: Person, anna: Person, role: str) -> None:
    problem(admin.request("PUT", f"/admin/users/{anna.user_id}/role", {"role": role}), 422, "validation_failed")
