import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.accounts import events
from app.accounts.mail.memory import MemoryMailer
from app.core.flask_app import ParleyApp
from tests.accounts.visitors import Visitor, faulty_fields
from tests.support.people import ok, problem


def test_registering_signs_in(visitor: Visitor, client: FlaskClient) -> None:
    tokens = ok(visitor.try_to_register(locale="pt-BR"), 201)
    assert tokens["token_type"] == "Bearer"
    assert tokens["access_expires_at"] == "2026-11-20T10:15:00.000000Z"
    assert tokens["refresh_expires_at"] == "2026-12-20T10:00:00.000000Z"
    me = client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert ok(me) == tokens["user"] | {"integrations": []}
    assert tokens["user"].pop("id")
    assert tokens["user"] == {
        "email": "anna@example.org",
        "display_name": "Anna",
        "locale": "pt-BR",
        "role": "user",
        "email_verified": True,
        "has_password": True,
        "ai": {"transcribe": True, "analyse": True},
        "created_at": "2026-11-20T10:00:00.000000Z",
        "version": 1,
    }


def test_the_answer_with_tokens_is_kept_by_no_cache_and_shows_no_password(visitor: Visitor) -> None:
    response = visitor.try_to_register()
    assert response.headers["Cache-Control"] == "no-store"
    assert "correct horse" not in response.text
    assert "argon2" not in response.text


def test_registering_is_told_to_others(visitor: Visitor, heard: list[object]) -> None:
    anna = visitor.register()
    assert heard == [
        events.UserRegistered(anna.user_id, "anna@example.org"),
        events.EmailVerified(anna.user_id, "anna@example.org"),
        events.SessionStarted(anna.session_id, anna.user_id, "Anna"),
    ]


@pytest.mark.parametrize("again", ["anna@example.org", "  ANNA@Example.ORG "])
def test_an_address_has_one_account_however_it_is_written(visitor: Visitor, again: str) -> None:
    visitor.register()
    problem(visitor.try_to_register(email=again), 409, "email_taken")


def test_of_several_who_register_one_address_at_once_one_succeeds(app: ParleyApp) -> None:
    together = threading.Barrier(4)

    def register(_number: int) -> int:
        together.wait()
        return Visitor(app).try_to_register().status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(register, range(4))) == [201, 409, 409, 409]


def test_an_address_that_is_taken_after_the_first_look_is_taken(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.accounts import service

    visitor.register()
    monkeypatch.setattr(service, "_is_taken", lambda work, email: False)
    problem(visitor.try_to_register(), 409, "email_taken")


@pytest.mark.parametrize(
    "email",
    ["", "anna", "anna@", "@example.org", "anna@localhost", "anna@example..org", "Anna <anna@example.org>",
     "anna@example.org\nBcc: all@example.org", "an na@example.org", "a" * 65 + "@example.org",
     "anna@" + "long." * 60 + "org", "x" * 100_000, None, 5, ["anna@example.org"]],
)  # fmt: skip
def test_what_is_no_address_is_refused(visitor: Visitor, email: Any) -> None:
    assert faulty_fields(visitor.try_to_register(email=email)) == ["email"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Jürgen@Bücher.Example", "jürgen@bücher.example"),
        ("anna@xn--bcher-kva.example", "anna@bücher.example"),
        ("anna@team.test", "anna@team.test"),
    ],
)
def test_addresses_outside_ascii_and_for_tests_are_welcome(visitor: Visitor, given: str, kept: str) -> None:
    assert visitor.register(email=given).email == kept
    visitor.login(given.upper())


@pytest.mark.parametrize("password", ["", "123456789", "x" * 201, "x" * 500_000, None, 1234567890])
def test_a_password_has_ten_to_two_hundred_characters(visitor: Visitor, password: Any) -> None:
    assert faulty_fields(visitor.try_to_register(password=password)) == ["password"]


@pytest.mark.parametrize(
    "password", ["x" * 10, "ü" * 200, "  blanks around  ", "密码密码密码密码密码", "🔑" * 10, "tab\tand\nline"]
)
def test_a_password_may_have_any_letters(visitor: Visitor, password: str) -> None:
    visitor.register(password=password)
    visitor.login(password=password)
    problem(visitor.try_to_login(password=password[1:]), 401, "bad_credentials")


def test_a_password_with_nul_is_refused(visitor: Visitor) -> None:
    problem(visitor.try_to_register(password="abc\x00defghij"), 422, "validation_failed")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Anna\n  Berg\t", "Anna Berg"),
        ("Ζωή 会议 🎉", "Ζωή 会议 🎉"),
        ("<b>Anna</b>", "<b>Anna</b>"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_name_is_kept_on_one_line(visitor: Visitor, given: str, kept: str) -> None:
    assert visitor.register(display_name=given).tokens["user"]["display_name"] == kept


@pytest.mark.parametrize("name", ["", "   ", "\u200b\u2060", "x" * 101, "Anna\x07", "Anna\x1b[31m", None, {"a": 1}])
def test_a_name_can_be_seen_and_has_at_most_a_hundred_characters(visitor: Visitor, name: Any) -> None:
    assert faulty_fields(visitor.try_to_register(display_name=name)) == ["display_name"]


@pytest.mark.parametrize("locale", ["", "english", "e", "de_DE", "en-" + "x" * 40, "en\nde", None])
def test_a_locale_is_a_language_tag(visitor: Visitor, locale: Any) -> None:
    assert set(faulty_fields(visitor.try_to_register(locale=locale))) == {"locale"}


def test_a_role_cannot_be_asked_for(visitor: Visitor) -> None:
    assert faulty_fields(visitor.try_to_register(role="admin")) == ["role"]


def test_everything_that_is_missing_is_named(visitor: Visitor) -> None:
    assert faulty_fields(visitor.post("/auth/register", {})) == ["display_name", "email", "password"]


def test_a_body_that_is_no_json_is_refused(client: FlaskClient) -> None:
    url = "/api/v1/auth/register"
    problem(client.post(url, data="{", content_type="application/json"), 400, "malformed_json")
    problem(client.post(url, data={"email": "anna@example.org"}), 415, "unsupported_media_type")


class TestWhereAddressesAreToBeVerified:
    @pytest.fixture
    def overrides(self) -> dict[str, Any]:
        return {"auto_verify_email": False}

    def test_an_address_is_not_verified_until_its_link_is_opened(
        self, visitor: Visitor, mailer: MemoryMailer, heard: list[object]
    ) -> None:
        anna = visitor.register()
        assert anna.tokens["user"]["email_verified"] is False
        assert not any(isinstance(event, events.EmailVerified) for event in heard)
        [mail] = mailer.sent
        assert (mail.to, mail.subject) == ("anna@example.org", "Confirm your e-mail address")

    def test_who_is_refused_gets_no_mail(self, visitor: Visitor, mailer: MemoryMailer) -> None:
        visitor.register()
        visitor.try_to_register()
        assert len(mailer.sent) == 1

    def test_nobody_can_have_their_own_words_mailed_to_strangers(self, visitor: Visitor, mailer: MemoryMailer) -> None:
        visitor.register(display_name="Win at https://evil.example")
        assert "evil" not in mailer.sent[0].text + mailer.sent[0].subject
