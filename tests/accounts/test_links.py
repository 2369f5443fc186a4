from datetime import timedelta
from typing import Any

import pytest

from app.accounts import events, links, tasks
from app.accounts.mail.base import MailNotSent, MailRefused
from app.accounts.mail.memory import MemoryMailer
from app.accounts.models import EmailToken
from app.core.clock import ManualClock
from app.core.jobs.inline import InlineJobs
from app.core.runtime import Runtime
from tests.accounts.visitors import Visitor, link_in
from tests.support.databases import stored_rows
from tests.support.people import PASSWORD, Person, ok, problem
from tests.support.statements import record_statements


@pytest.fixture
def overrides() -> dict[str, Any]:
    return {"auto_verify_email": False}


def verify(visitor: Visitor, token: str) -> Any:
    return visitor.post("/auth/verify", {"token": token})


def reset(visitor: Visitor, token: str, password: str = "another password") -> Any:
    return visitor.post("/auth/password/reset", {"token": token, "new_password": password})


def forget(visitor: Visitor, email: str = "anna@example.org") -> Any:
    return visitor.post("/auth/password/forgot", {"email": email})


class TestVerifying:
    def test_the_mailed_link_verifies_the_address_once(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer, heard: list[object]
    ) -> None:
        token = link_in(mailer, "verify")
        user = ok(verify(visitor, token))
        assert (user["id"], user["email_verified"]) == (anna.user_id, True)
        assert ok(anna.get("/auth/me")) == user | {"integrations": []}
        assert heard == [events.EmailVerified(anna.user_id, "anna@example.org")]
        problem(verify(visitor, token), 422, "token_not_usable")

    def test_is_possible_for_24_hours(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer, clock: ManualClock
    ) -> None:
        clock.advance(hours=24)
        problem(verify(visitor, link_in(mailer, "verify")), 422, "token_not_usable")

    @pytest.mark.parametrize("token", ["x", "ü" * 40, "x" * 2_000])
    def test_takes_no_other_token(self, visitor: Visitor, anna: Person, token: str) -> None:
        problem(verify(visitor, token), 422, "token_not_usable")
        problem(reset(visitor, token), 422, "token_not_usable")

    def test_takes_no_link_of_another_purpose(self, visitor: Visitor, anna: Person, mailer: MemoryMailer) -> None:
        forget(visitor)
        problem(verify(visitor, link_in(mailer, "reset")), 422, "token_not_usable")
        problem(reset(visitor, link_in(mailer, "verify")), 422, "token_not_usable")
        assert ok(anna.get("/auth/me"))["email_verified"] is False

    def test_needs_a_token(self, visitor: Visitor) -> None:
        for body in ({}, {"token": ""}, {"token": 5}, {"token": "x" * 2_049}):
            problem(visitor.post("/auth/verify", body), 422, "validation_failed")

    def test_works_with_every_link_that_was_sent_until_one_is_used(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer, clock: ManualClock
    ) -> None:
        clock.advance(minutes=1)
        assert anna.post("/auth/verify/send").status_code == 202
        first, second = link_in(mailer, "verify", 0), link_in(mailer, "verify", 1)
        assert first != second
        ok(verify(visitor, first))
        problem(verify(visitor, second), 422, "token_not_usable")

    def test_needs_no_second_mail_within_a_minute(self, anna: Person, mailer: MemoryMailer, clock: ManualClock) -> None:
        clock.advance(seconds=59)
        response = anna.post("/auth/verify/send")
        problem(response, 429, "too_many_requests")
        assert response.headers["Retry-After"] == "60"
        assert len(mailer.sent) == 1

    def test_is_asked_for_only_while_there_is_need(self, visitor: Visitor, anna: Person, mailer: MemoryMailer) -> None:
        ok(verify(visitor, link_in(mailer, "verify")))
        problem(anna.post("/auth/verify/send"), 409, "email_already_verified")


class TestAForgottenPassword:
    def test_is_replaced_by_the_mailed_link_once_and_every_session_ends(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer
    ) -> None:
        assert forget(visitor).status_code == 202
        token = link_in(mailer, "reset")
        assert reset(visitor, token).status_code == 204
        problem(anna.get("/auth/me"), 401, "session_ended")
        problem(visitor.try_to_refresh(anna), 401, "session_ended")
        problem(visitor.try_to_login(), 401, "bad_credentials")
        visitor.login(password="another password")
        problem(reset(visitor, token), 422, "token_not_usable")

    def test_is_answered_alike_for_an_address_that_nobody_has(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer
    ) -> None:
        mailer.sent.clear()
        known, unknown = forget(visitor), forget(visitor, "nobody@example.org")
        assert known.status_code == unknown.status_code == 202
        assert known.data == unknown.data
        assert [mail.to for mail in mailer.sent] == ["anna@example.org"]

    def test_is_the_same_work_for_an_address_that_nobody_has(
        self, visitor: Visitor, anna: Person, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whether there is an account is looked up in the background, where no answer waits for it."""
        runtime.tasks.add(links.SEND_RESET, lambda runtime, payload: None)
        statements = record_statements(runtime.database.writer, monkeypatch)
        forget(visitor)
        known = statements.copy()
        statements.clear()
        forget(visitor, "nobody@example.org")
        assert statements == known

    def test_is_asked_for_by_an_address(self, visitor: Visitor) -> None:
        problem(forget(visitor, "anna"), 422, "validation_failed")

    def test_link_lives_an_hour(self, visitor: Visitor, anna: Person, mailer: MemoryMailer, clock: ManualClock) -> None:
        forget(visitor)
        clock.advance(hours=1)
        problem(reset(visitor, link_in(mailer, "reset")), 422, "token_not_usable")
        visitor.login()

    def test_link_proves_that_the_address_is_theirs(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer, heard: list[object]
    ) -> None:
        forget(visitor)
        reset(visitor, link_in(mailer, "reset"))
        assert events.EmailVerified(anna.user_id, "anna@example.org") in heard
        assert visitor.login(password="another password").tokens["user"]["email_verified"] is True

    def test_link_is_no_use_once_the_password_was_changed_otherwise(
        self, visitor: Visitor, anna: Person, mailer: MemoryMailer
    ) -> None:
        forget(visitor)
        body = {"current_password": PASSWORD, "new_password": "another password"}
        assert anna.post("/auth/password", body).status_code == 204
        problem(reset(visitor, link_in(mailer, "reset"), "a third password"), 422, "token_not_usable")

    def test_needs_a_new_one_that_keeps_the_rules(self, visitor: Visitor, anna: Person, mailer: MemoryMailer) -> None:
        forget(visitor)
        problem(reset(visitor, link_in(mailer, "reset"), "short"), 422, "validation_failed")
        assert reset(visitor, link_in(mailer, "reset")).status_code == 204

    def test_floods_no_mailbox(self, visitor: Visitor, anna: Person, mailer: MemoryMailer, clock: ManualClock) -> None:
        mailer.sent.clear()
        for _ in range(3):
            assert forget(visitor).status_code == 202
        assert len(mailer.sent) == 1
        clock.advance(minutes=1)
        forget(visitor)
        assert len(mailer.sent) == 2


def test_neither_database_nor_job_holds_the_secret_of_a_link(
    visitor: Visitor, anna: Person, runtime: Runtime, mailer: MemoryMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[Any] = []
    real = InlineJobs.enqueue

    def watch(self: InlineJobs, work: Any, task: str, payload: dict[str, Any], **options: Any) -> None:
        enqueued.append((task, payload))
        real(self, work, task, payload, **options)

    monkeypatch.setattr(InlineJobs, "enqueue", watch)
    forget(visitor)
    assert enqueued == [(links.SEND_RESET, {"email": "anna@example.org"})]
    dump = "\n".join(stored_rows(runtime.database))
    assert anna.user_id in dump
    assert link_in(mailer, "reset") not in dump
    assert link_in(mailer, "verify") not in dump


def test_a_mail_that_could_not_be_sent_is_tried_again(
    visitor: Visitor, anna: Person, runtime: Runtime, mailer: MemoryMailer
) -> None:
    mailer.sent.clear()
    mailer.outage = MailNotSent("the server is away")
    assert forget(visitor).status_code == 202
    with pytest.raises(MailNotSent):  # so that the jobs try again
        tasks.send_reset(runtime, {"email": anna.email})
    mailer.outage = None
    tasks.send_reset(runtime, {"email": anna.email})
    assert reset(visitor, link_in(mailer, "reset")).status_code == 204


def test_a_mail_that_is_refused_is_given_up(anna: Person, runtime: Runtime, mailer: MemoryMailer) -> None:
    mailer.sent.clear()
    mailer.outage = MailRefused("no such mailbox")
    tasks.send_reset(runtime, {"email": anna.email})
    assert mailer.sent == []


def test_a_job_that_runs_twice_sends_one_mail(anna: Person, runtime: Runtime, mailer: MemoryMailer) -> None:
    mailer.sent.clear()
    for _ in range(2):
        tasks.send_reset(runtime, {"email": anna.email})
    assert len(mailer.sent) == 1


def test_nobody_who_is_gone_or_verified_gets_a_link(
    visitor: Visitor, anna: Person, ben: Person, runtime: Runtime, mailer: MemoryMailer, clock: ManualClock
) -> None:
    old_link = link_in(mailer, "verify", 0)
    assert anna.delete("/auth/me", {"password": PASSWORD}).status_code == 204
    problem(verify(visitor, old_link), 422, "token_not_usable")
    ok(verify(visitor, link_in(mailer, "verify", 1)))
    mailer.sent.clear()
    clock.advance(minutes=2)
    for user_id in (anna.user_id, ben.user_id, "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"):
        tasks.send_verification(runtime, {"user_id": user_id})
    forget(visitor)
    assert mailer.sent == []


def test_a_link_of_a_user_who_was_disabled_does_not_work(
    visitor: Visitor, anna: Person, runtime: Runtime, mailer: MemoryMailer, clock: ManualClock
) -> None:
    from app.accounts.models import User

    forget(visitor)
    with runtime.writing() as work:
        work.get_one(User, anna.user_id).disabled_at = clock.now()
    problem(verify(visitor, link_in(mailer, "verify")), 422, "token_not_usable")
    problem(reset(visitor, link_in(mailer, "reset")), 422, "token_not_usable")


def test_expired_links_are_forgotten_by_the_sweep(
    visitor: Visitor, anna: Person, runtime: Runtime, clock: ManualClock
) -> None:
    clock.advance(hours=23, minutes=30)
    forget(visitor)
    clock.advance(minutes=45)
    tasks.sweep(runtime, {})
    with runtime.reading() as work:
        [left] = work.query(EmailToken).all()
    assert left.purpose == "reset"
    assert left.expires_at == clock.now() + timedelta(minutes=15)
