import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from app.accounts import events, tasks, tokens
from app.accounts.models import UserSession
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor
from tests.support.people import Person, ok, problem


def ended_reason(runtime: Runtime, person: Person) -> str | None:
    with runtime.reading() as work:
        return work.get_one(UserSession, person.session_id).ended_reason


def refresh_at_once(app: ParleyApp, person: Person) -> list[TestResponse]:
    """What three answer that refresh with one token at the same moment."""
    together = threading.Barrier(3)

    def refresh(_number: int) -> TestResponse:
        together.wait()
        return Visitor(app).try_to_refresh(person)

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(refresh, range(3)))


def next_token_in(app: ParleyApp, answer: TestResponse) -> str:
    """The id of the refresh token that an answer brings."""
    with app.app_context():
        return tokens.read_refresh(ok(answer)["refresh_token"], app.runtime.clock.now()).jti


class TestRefreshing:
    def test_gives_new_tokens_of_the_same_session(self, visitor: Visitor, clock: ManualClock, anna: Person) -> None:
        clock.advance(days=1)
        fresh = visitor.refresh(anna)
        assert fresh.session_id == anna.session_id
        assert fresh.tokens["access_expires_at"] == "2026-11-21T10:15:00.000000Z"
        assert fresh.tokens["refresh_expires_at"] == "2026-12-21T10:00:00.000000Z"
        ok(fresh.get("/auth/me"))

    def test_can_go_on_for_as_long_as_it_is_done_in_time(
        self, visitor: Visitor, clock: ManualClock, anna: Person
    ) -> None:
        for _ in range(5):
            clock.advance(days=29)
            anna = visitor.refresh(anna)
        clock.advance(days=30)
        problem(visitor.try_to_refresh(anna), 401, "session_ended")

    def test_is_repeated_when_its_answer_was_lost(
        self, visitor: Visitor, clock: ManualClock, runtime: Runtime, anna: Person, heard: list[object]
    ) -> None:
        lost = visitor.refresh(anna)
        clock.advance(seconds=29)
        fresh = visitor.refresh(anna)
        ok(fresh.get("/auth/me"))
        ok(lost.get("/auth/me"))  # the answer was only late
        visitor.refresh(fresh)
        assert ended_reason(runtime, anna) is None
        assert heard == []

    def test_is_repeated_by_whichever_of_two_windows_came_second(self, visitor: Visitor, anna: Person) -> None:
        first, second = visitor.refresh(anna), visitor.refresh(anna)
        first = visitor.refresh(first)
        second = visitor.refresh(second)
        ok(first.get("/auth/me"))
        ok(second.get("/auth/me"))

    def test_is_not_repeated_once_the_next_token_was_used(
        self, visitor: Visitor, runtime: Runtime, anna: Person
    ) -> None:
        fresh = visitor.refresh(visitor.refresh(anna))
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        problem(fresh.get("/auth/me"), 401, "session_ended")
        assert ended_reason(runtime, anna) == "refresh_reused"

    def test_again_and_again_does_not_prolong_the_time_for_it(
        self, visitor: Visitor, clock: ManualClock, runtime: Runtime, anna: Person
    ) -> None:
        for _ in range(3):
            visitor.refresh(anna)
            clock.advance(seconds=10)
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        assert ended_reason(runtime, anna) == "refresh_reused"

    def test_by_several_at_once_gives_each_the_same_next_token(
        self, app: ParleyApp, runtime: Runtime, anna: Person
    ) -> None:
        answers = refresh_at_once(app, anna)
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert len({next_token_in(app, answer) for answer in answers}) == 1
        assert ended_reason(runtime, anna) is None

    def test_is_not_repeated_for_whoever_has_signed_out_since(self, visitor: Visitor, anna: Person) -> None:
        visitor.refresh(anna).post("/auth/logout")
        problem(visitor.try_to_refresh(anna), 401, "session_ended")

    def test_twice_with_one_token_ends_the_session_after_a_while(
        self, visitor: Visitor, clock: ManualClock, runtime: Runtime, anna: Person, heard: list[object]
    ) -> None:
        fresh = visitor.refresh(anna)
        clock.advance(seconds=30)
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        problem(fresh.get("/auth/me"), 401, "session_ended")
        problem(visitor.try_to_refresh(fresh), 401, "session_ended")
        assert ended_reason(runtime, anna) == "refresh_reused"
        assert heard == [events.SessionEnded(anna.session_id, anna.user_id)]

    def test_by_a_thief_leaves_other_sessions_alone(self, visitor: Visitor, clock: ManualClock, anna: Person) -> None:
        phone = visitor.login()
        visitor.refresh(anna)
        clock.advance(minutes=1)
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        ok(phone.get("/auth/me"))
        visitor.refresh(phone)

    def test_is_no_use_after_signing_out(self, visitor: Visitor, anna: Person) -> None:
        anna.post("/auth/logout")
        problem(visitor.try_to_refresh(anna), 401, "session_ended")

    def test_needs_a_token(self, visitor: Visitor) -> None:
        problem(visitor.post("/auth/refresh", {}), 422, "validation_failed")
        problem(visitor.post("/auth/refresh", {"refresh_token": "x" * 5_000}), 422, "validation_failed")


@pytest.mark.parametrize("overrides", [{"refresh_grace_s": 0}])
class TestRefreshingWithoutGrace:
    def test_twice_with_one_token_ends_the_session_at_once(
        self, visitor: Visitor, runtime: Runtime, anna: Person
    ) -> None:
        fresh = visitor.refresh(anna)
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        problem(fresh.get("/auth/me"), 401, "session_ended")
        assert ended_reason(runtime, anna) == "refresh_reused"

    def test_by_several_at_once_ends_the_session(self, app: ParleyApp, runtime: Runtime, anna: Person) -> None:
        assert sorted(answer.status_code for answer in refresh_at_once(app, anna)) == [200, 401, 401]
        assert ended_reason(runtime, anna) == "refresh_reused"


def test_signing_out_ends_the_session_at_once(
    visitor: Visitor, runtime: Runtime, anna: Person, heard: list[object]
) -> None:
    phone = visitor.login()
    heard.clear()
    assert anna.post("/auth/logout").status_code == 204
    problem(anna.get("/auth/me"), 401, "session_ended")
    problem(anna.post("/auth/logout"), 401, "session_ended")
    ok(phone.get("/auth/me"))
    assert ended_reason(runtime, anna) == "logout"
    assert heard == [events.SessionEnded(anna.session_id, anna.user_id)]


def test_sessions_are_listed_newest_first_and_say_which_is_this_one(
    visitor: Visitor, clock: ManualClock, anna: Person, ben: Person
) -> None:
    clock.advance(minutes=5)
    agent = {"User-Agent": "Parley/1.0 (Android 16) " + "x" * 500}
    body = {"email": anna.email, "password": "correct horse battery", "device": "Anna’s phone"}
    ok(visitor.post("/auth/login", body, headers=agent))
    clock.advance(minutes=1)
    anna = visitor.refresh(anna)
    page = ok(anna.get("/auth/sessions"))
    assert page["next_cursor"] is None
    phone, laptop = page["items"]
    assert (phone["device"], phone["current"]) == ("Anna’s phone", False)
    assert phone["user_agent"].startswith("Parley/1.0 (Android 16) ")
    assert len(phone["user_agent"]) == 300
    assert laptop == {
        "id": anna.session_id,
        "current": True,
        "device": None,
        "user_agent": laptop["user_agent"],
        "created_at": "2026-11-20T10:00:00.000000Z",
        "last_used_at": "2026-11-20T10:06:00.000000Z",
        "expires_at": "2026-12-20T10:06:00.000000Z",
    }


def test_sessions_come_in_pages(visitor: Visitor, clock: ManualClock, anna: Person) -> None:
    for _ in range(4):
        clock.advance(seconds=1)
        visitor.login()
    seen: list[str] = []
    cursor = None
    while True:
        page = ok(anna.get("/auth/sessions", limit=2, **({"cursor": cursor} if cursor else {})))
        seen += [item["created_at"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"cursor": "nonsense"}, {"user_id": "x"}])
def test_a_wrong_query_is_refused(anna: Person, query: dict[str, object]) -> None:
    problem(anna.get("/auth/sessions", **query), 422, "validation_failed")


def test_ended_and_expired_sessions_are_not_listed(visitor: Visitor, clock: ManualClock, anna: Person) -> None:
    visitor.login().post("/auth/logout")
    clock.advance(days=20)
    current = visitor.login()
    assert len(ok(current.get("/auth/sessions"))["items"]) == 2
    clock.advance(days=10)
    current = visitor.refresh(current)
    assert [item["id"] for item in ok(current.get("/auth/sessions"))["items"]] == [current.session_id]


def test_a_session_is_ended_from_another_one(visitor: Visitor, runtime: Runtime, anna: Person) -> None:
    phone = visitor.login()
    for _ in range(2):
        assert anna.delete(f"/auth/sessions/{phone.session_id}").status_code == 204
    problem(phone.get("/auth/me"), 401, "session_ended")
    problem(visitor.try_to_refresh(phone), 401, "session_ended")
    assert ended_reason(runtime, phone) == "revoked"
    ok(anna.get("/auth/me"))


def test_the_own_session_can_be_ended_too(anna: Person) -> None:
    assert anna.delete(f"/auth/sessions/{anna.session_id}").status_code == 204
    problem(anna.get("/auth/me"), 401, "session_ended")


def test_sessions_of_others_do_not_exist(anna: Person, ben: Person) -> None:
    theirs = problem(anna.delete(f"/auth/sessions/{ben.session_id}"), 404, "not_found")
    unknown = problem(anna.delete("/auth/sessions/01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"), 404, "not_found")
    assert theirs["detail"] == unknown["detail"]
    problem(anna.delete("/auth/sessions/1"), 404, "not_found")
    ok(ben.get("/auth/me"))


def test_sessions_that_nobody_refreshed_are_ended_by_the_sweep(
    visitor: Visitor, runtime: Runtime, clock: ManualClock, anna: Person, ben: Person, heard: list[object]
) -> None:
    clock.advance(days=29)
    ben = visitor.refresh(ben)
    clock.advance(days=1)
    for _ in range(2):
        tasks.sweep(runtime, {})
    assert heard == [events.SessionEnded(anna.session_id, anna.user_id)]
    assert ended_reason(runtime, anna) == "expired"
    visitor.refresh(ben)


def test_the_sweep_ends_more_than_one_transaction_takes(
    visitor: Visitor, runtime: Runtime, clock: ManualClock, anna: Person, heard: list[object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from app.accounts import sessions

    monkeypatch.setattr(sessions, "EXPIRED_AT_A_TIME", 2)
    for _ in range(4):
        visitor.login()
    heard.clear()
    clock.advance(days=31)
    tasks.sweep(runtime, {})
    assert len(heard) == 5
