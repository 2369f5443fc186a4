"""Guessing is slow, and no attack on an account keeps its owner out."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from app.accounts.mail.memory import MemoryMailer
from app.accounts.passwords import PasswordHasher
from app.accounts.throttling import COOKIE, LoginThrottle, device_cookie, known_device
from app.core import errors
from app.core.clock import ManualClock
from app.core.counters.in_process import InProcessCounters
from app.core.counters.redis import RedisCounters
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.accounts.visitors import link_in
from tests.conftest import NOW
from tests.support.people import PASSWORD, Person, ok, problem
from tests.support.races import at_once, statuses
from tests.support.redis_server import redis_url

ATTACKERS = [f"198.51.100.{number}" for number in range(1, 30)]
HOME = "192.0.2.1"  # of Anna
CAFE = "192.0.2.200"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limited = {
        "login_failures_device": "3/15 minutes",
        "login_failures_address": "6/15 minutes",
        "login_failures_account": "8/hour",
    }
    return settings.model_copy(update=limited)


@pytest.fixture(params=["memory", "redis"], autouse=True)
def counted_in(request: pytest.FixtureRequest, app: ParleyApp, settings: Settings, clock: ManualClock) -> Iterator[str]:
    if request.param == "redis":
        counters = RedisCounters(redis_url(), InProcessCounters(clock), prefix=f"parley:test:{uuid4().hex}")
        app.runtime.drivers[LoginThrottle] = LoginThrottle(settings, counters)
        yield "redis"
        counters.close()
    else:
        yield "memory"


in_memory_only = pytest.mark.parametrize("counted_in", ["memory"], indirect=True)


class Device:
    """Something to sign in with, at an address; it keeps cookies if it is one of those."""

    def __init__(self, app: ParleyApp, address: str, *, keeps_cookies: bool = False) -> None:
        self._client = app.test_client(use_cookies=keeps_cookies)
        self.address = address

    def post(self, path: str, **body: Any) -> TestResponse:
        return self._client.post(f"/api/v1{path}", json=body, environ_base={"REMOTE_ADDR": self.address})

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/auth/login", email=email, password=password)

    def guess(self, email: str) -> TestResponse:
        return self.sign_in(email, "a wrong guess")


@pytest.fixture
def email(app: ParleyApp) -> str:
    """Anna's, who registered at an address where she never comes again."""
    body = {"email": "anna@example.org", "password": PASSWORD, "display_name": "Anna"}
    ok(Device(app, "203.0.113.77").post("/auth/register", **body), 201)
    return "anna@example.org"


def refused(answer: TestResponse, why: str) -> dict[str, Any]:
    told = problem(answer, 429, "too_many_requests")
    assert told["limit"] == f"login_failures_{why}"
    assert int(answer.headers["Retry-After"]) > 0
    return told


def attack(app: ParleyApp, email: str, times: int = 1) -> None:
    """Guesses from many addresses until the account is closed to strangers."""
    for address in ATTACKERS:
        for _ in range(times):
            if Device(app, address).guess(email).status_code == 429:
                return
    raise AssertionError("the account can be guessed at for ever")


class TestGuesser:
    def test_of_one_account_at_one_address_is_stopped(self, app: ParleyApp, email: str) -> None:
        device = Device(app, ATTACKERS[0])
        for _ in range(3):
            problem(device.guess(email), 401, "bad_credentials")
        told = refused(device.guess(email), "device")
        assert told["detail"].startswith("Too many wrong passwords for this account from here. Again in ")
        refused(device.sign_in(email), "device")

    def test_of_many_accounts_at_one_address_is_stopped(self, app: ParleyApp, email: str) -> None:
        device = Device(app, ATTACKERS[0])
        for number in range(6):
            problem(device.guess(f"person{number}@example.org"), 401, "bad_credentials")
        refused(device.guess(email), "address")
        problem(Device(app, ATTACKERS[1]).guess(email), 401, "bad_credentials")

    def test_of_one_account_at_many_addresses_is_stopped(self, app: ParleyApp, email: str) -> None:
        for address in ATTACKERS[:8]:
            problem(Device(app, address).guess(email), 401, "bad_credentials")
        refused(Device(app, ATTACKERS[9]).guess(email), "account")
        refused(Device(app, ATTACKERS[10]).sign_in(email), "account")

    def test_who_changes_addresses_within_their_network_of_version_6_is_stopped(
        self, app: ParleyApp, email: str
    ) -> None:
        for host in range(3):
            problem(Device(app, f"2001:db8:7:7::{host}").guess(email), 401, "bad_credentials")
        refused(Device(app, "2001:db8:7:7:ffff::1").guess(email), "device")

    def test_with_an_account_of_their_own_wins_nothing_by_signing_in_to_it(
        self, app: ParleyApp, email: str, ben: Person
    ) -> None:
        device = Device(app, ATTACKERS[0])
        for number in range(6):
            device.guess(f"person{number}@example.org")
            if number < 5:
                ok(device.sign_in(ben.email))
        refused(device.guess(email), "address")

    def test_of_an_address_without_an_account_is_told_the_same(self, app: ParleyApp, email: str) -> None:
        answers = {}
        for who, name in ((email, "known"), ("nobody@example.org", "unknown")):
            device = Device(app, ATTACKERS[len(answers)])
            answers[name] = [device.guess(who) for _ in range(5)]
        for one, other in zip(answers["known"], answers["unknown"], strict=True):
            assert one.status_code == other.status_code
            assert {**one.get_json(force=True), "request_id": ""} == {**other.get_json(force=True), "request_id": ""}
            assert one.headers.get("Retry-After") == other.headers.get("Retry-After")

    def test_with_many_requests_at_once_gets_no_more_guesses(self, app: ParleyApp, email: str) -> None:
        device = Device(app, ATTACKERS[0])
        answers = at_once(*[lambda: Device(app, device.address).guess(email)] * 8)
        assert statuses(answers) == {401: 3, 429: 5}

    def test_is_stopped_before_a_password_is_hashed(
        self, app: ParleyApp, email: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        device = Device(app, ATTACKERS[0])
        for _ in range(3):
            device.guess(email)
        monkeypatch.setitem(runtime.drivers, PasswordHasher, None)
        refused(device.guess(email), "device")


class TestVictim:
    def test_signs_in_on_a_device_that_has_before_whatever_its_address(self, app: ParleyApp, email: str) -> None:
        phone = Device(app, HOME, keeps_cookies=True)
        ok(phone.sign_in(email))
        attack(app, email)
        phone.address = CAFE
        ok(phone.sign_in(email))

    def test_signs_in_on_that_device_beside_the_attacker(self, app: ParleyApp, email: str) -> None:
        """In the same house, behind the same address."""
        phone = Device(app, HOME, keeps_cookies=True)
        ok(phone.sign_in(email))
        for _ in range(9):
            Device(app, HOME).guess(email)
        refused(Device(app, HOME).guess(email), "device")
        ok(phone.sign_in(email))

    def test_signs_in_from_an_address_that_is_known_without_a_cookie(self, app: ParleyApp, email: str) -> None:
        ok(Device(app, HOME).sign_in(email))
        attack(app, email)
        ok(Device(app, HOME).sign_in(email))
        refused(Device(app, CAFE).sign_in(email), "account")

    def test_gets_in_elsewhere_with_a_new_password_by_mail(
        self, app: ParleyApp, email: str, mailer: MemoryMailer
    ) -> None:
        attack(app, email)
        new_phone = Device(app, CAFE)
        refused(new_phone.sign_in(email), "account")
        assert new_phone.post("/auth/password/forgot", email=email).status_code == 202
        token = link_in(mailer, "reset")
        changed = new_phone.post("/auth/password/reset", token=token, new_password="another good one")
        assert changed.status_code == 204
        ok(new_phone.sign_in(email, "another good one"))

    def test_who_mistypes_begins_anew_once_it_was_right(self, app: ParleyApp, email: str) -> None:
        laptop = Device(app, HOME)
        for _ in range(4):
            laptop.guess(email)
            laptop.guess(email)
            ok(laptop.sign_in(email))

    @in_memory_only
    def test_is_let_in_again_when_the_time_is_over(self, app: ParleyApp, email: str, clock: ManualClock) -> None:
        laptop = Device(app, HOME)
        for _ in range(4):
            laptop.guess(email)
        refused(laptop.sign_in(email), "device")
        clock.advance(minutes=15)
        ok(laptop.sign_in(email))

    def test_has_a_budget_on_a_known_device_too(self, app: ParleyApp, email: str) -> None:
        phone = Device(app, HOME, keeps_cookies=True)
        ok(phone.sign_in(email))
        for _ in range(3):
            problem(phone.guess(email), 401, "bad_credentials")
        refused(phone.guess(email), "device")


class TestFailuresThatAreNone:
    def test_of_a_hasher_that_is_busy_are_not_counted(self, app: ParleyApp, email: str, runtime: Runtime) -> None:
        real = runtime.drivers[PasswordHasher]

        class Busy:
            def verify(self, _stored: str | None, _password: str) -> bool:
                raise errors.Unavailable()

            def close(self) -> None:
                """Nothing is held."""

        runtime.drivers[PasswordHasher] = Busy()
        device = Device(app, HOME)
        for _ in range(5):
            busy = device.guess(email)
            problem(busy, 503, "unavailable")
            assert busy.headers["Retry-After"] == "1"
        runtime.drivers[PasswordHasher] = real
        ok(device.sign_in(email))


@in_memory_only
class TestCookie:
    SECRET = "s" * 32

    def test_names_its_device_for_its_account_alone(self) -> None:
        cookie = device_cookie(self.SECRET, "anna@example.org", NOW)
        device = known_device(self.SECRET, "anna@example.org", cookie, NOW)
        assert device
        assert device != known_device(
            self.SECRET, "anna@example.org", device_cookie(self.SECRET, "anna@example.org", NOW), NOW
        )
        assert known_device(self.SECRET, "ben@example.org", cookie, NOW) is None
        assert known_device("t" * 32, "anna@example.org", cookie, NOW) is None

    @pytest.mark.parametrize("forged", [None, "", ".", "..", "1.x", "1.x.y", "9999999999.x." + "0" * 64, "é.é.é"])
    def test_that_is_forged_names_none(self, forged: str | None) -> None:
        assert known_device(self.SECRET, "anna@example.org", forged, NOW) is None

    def test_is_old_some_day(self, clock: ManualClock) -> None:
        cookie = device_cookie(self.SECRET, "anna@example.org", clock.now())
        clock.advance(days=399)
        assert known_device(self.SECRET, "anna@example.org", cookie, clock.now())
        clock.advance(days=1)
        assert known_device(self.SECRET, "anna@example.org", cookie, clock.now()) is None

    def test_is_for_signing_in_alone_and_no_script_reads_it(self, app: ParleyApp, email: str) -> None:
        cookie = Device(app, HOME).sign_in(email).headers["Set-Cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        attributes = set(cookie.split("; ")[1:])
        assert {"HttpOnly", "Path=/api/v1/auth/login", "SameSite=Strict", "Secure"} <= attributes

    def test_is_not_given_for_a_wrong_password(self, app: ParleyApp, email: str) -> None:
        assert "Set-Cookie" not in Device(app, HOME).guess(email).headers
