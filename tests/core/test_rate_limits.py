"""How often who may do what, over HTTP; the clock stands still until a test moves it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from werkzeug.test import TestResponse

from app import create_app
from app.access import RULES
from app.core.clock import ManualClock
from app.core.counters.base import Counters
from app.core.counters.redis import RedisCounters
from app.core.flask_app import ParleyApp
from app.core.settings import Settings, SettingsError, load_settings
from app.rate_limits import OPEN_WITH_OWN, OWN, WHAT, RateLimits
from tests.support import limits
from tests.support.people import PASSWORD, Call, Person, ok, problem
from tests.support.redis_server import redis_url

FEW = "3/minute"


@pytest.fixture
def limited() -> dict[str, str]:
    """The limits that a test switches on."""
    return {}


@pytest.fixture
def settings(settings: Settings, limited: dict[str, str]) -> Settings:
    return settings.model_copy(update=limited)


def limiting(**some: str) -> Any:
    return pytest.mark.parametrize("limited", [some])


def refusal(answer: TestResponse, limit: str, wait_s: int = 60) -> dict[str, Any]:
    told = problem(answer, 429, "too_many_requests")
    assert told["limit"] == limit
    assert answer.headers["Retry-After"] == str(wait_s)
    assert answer.headers["RateLimit"] == f'"{limit}";r=0;t={wait_s}'
    return told


def sign_in(
    app: ParleyApp, email: str, address: str = "192.0.2.1", password: str = "wrong guess", **headers: str
) -> Any:
    return app.test_client().post(
        "/api/v1/auth/login",
        json={"email": email, "password": password},
        environ_base={"REMOTE_ADDR": address},
        headers=headers,
    )


class TestUser:
    @limiting(rate_limit_user=FEW)
    def test_is_told_what_is_left_and_then_when_to_come_again(self, anna: Person, clock: ManualClock) -> None:
        for left in (2, 1, 0):
            answer = anna.get("/meetings")
            ok(answer)
            assert answer.headers["RateLimit-Policy"] == '"user";q=3;w=60'
            assert answer.headers["RateLimit"] == f'"user";r={left}'
        clock.advance(seconds=45.5)
        told = refusal(anna.get("/meetings"), "user", wait_s=15)
        assert told["detail"] == "At most 3 requests of one user in a minute; again in 15 s."

    @limiting(rate_limit_user=FEW)
    def test_may_go_on_when_the_time_is_over(self, anna: Person, clock: ManualClock) -> None:
        for _ in range(4):
            anna.get("/meetings")
        clock.advance(seconds=60)
        ok(anna.get("/meetings"))

    @limiting(rate_limit_user=FEW)
    def test_does_not_use_up_what_others_have(self, anna: Person, ben: Person) -> None:
        for _ in range(4):
            anna.get("/meetings")
        refusal(anna.get("/meetings"), "user")
        ok(ben.get("/meetings"))

    @limiting(rate_limit_user=FEW)
    def test_is_refused_before_anything_is_done(self, anna: Person, clock: ManualClock) -> None:
        for _ in range(4):
            anna.post("/meetings", {"title": "Review"})
        clock.advance(minutes=2)
        assert len(ok(anna.get("/meetings"))["items"]) == 3

    @limiting(rate_limit_user="1/hour", rate_limit_address="1000/hour")
    def test_may_poll_and_acknowledge_by_it_as_often_as_they_like(self, anna: Person) -> None:
        for _ in range(10):
            anna.poll(ack=0)

    @limiting(rate_limit_user="1/hour")
    def test_is_counted_once_for_a_request_that_is_run_again(
        self, anna: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def twice(action: Callable[[], Any]) -> Any:
            action()
            return action()

        monkeypatch.setattr("app.core.flask_app.retried", twice)
        answer = anna.get("/meetings")
        assert (answer.status_code, answer.headers["RateLimit"]) == (200, '"user";r=0')

    @limiting(rate_limit_people="2/minute", rate_limit_user="4/minute")
    def test_has_a_limit_of_its_own_for_some_operations_beside_that_for_all(self, anna: Person) -> None:
        for _ in range(2):
            ok(anna.get("/users"))
        refusal(anna.get("/users"), "people")
        ok(anna.get("/meetings"))
        refusal(anna.get("/meetings"), "user")

    @limiting(rate_limit_signals="20/minute", rate_limit_user="12/minute")
    def test_sends_signals_beside_all_else(self, call: Call) -> None:
        for _ in range(20):
            ok(call.send(call.candidate()), 201)
        refusal(call.send(call.candidate()), "signals")
        ok(call.guest.get(f"/meetings/{call.meeting['id']}"))


class TestService:
    @limiting(rate_limit_user="1/hour")
    def test_is_not_limited(self, app: ParleyApp) -> None:
        made = app.test_cli_runner().invoke(args=["users", "create", "robot@example.org", "--service"])
        key = next(word for word in made.output.split() if word.startswith("parley_sk_"))
        for _ in range(5):
            ok(app.test_client().get("/api/v1/auth/me", headers={"Authorization": f"Bearer {key}"}))


class TestAddress:
    @limiting(rate_limit_address=FEW)
    def test_without_a_token_is_limited_and_others_are_not(self, app: ParleyApp) -> None:
        for _ in range(3):
            problem(sign_in(app, "anna@example.org"), 401, "bad_credentials")
        refusal(sign_in(app, "anna@example.org"), "address")
        problem(sign_in(app, "anna@example.org", "192.0.2.2"), 401, "bad_credentials")

    @limiting(rate_limit_address=FEW)
    def test_counts_tokens_that_are_not_valid(self, app: ParleyApp) -> None:
        client = app.test_client()
        for path in ("/meetings", "/rtc/inbox", "/auth/me"):
            bad = client.get(f"/api/v1{path}", headers={"Authorization": "Bearer forged"})
            problem(bad, 401, "token_invalid")
        refusal(client.get("/api/v1/rtc/inbox", headers={"Authorization": "Bearer forged"}), "address")

    @limiting(rate_limit_address=FEW)
    def test_that_is_used_up_does_not_stop_those_who_are_signed_in(self, anna: Person, app: ParleyApp) -> None:
        for _ in range(5):
            app.test_client().get("/api/v1/meetings")
        ok(anna.get("/meetings"))
        anna.poll()

    @limiting(rate_limit_address="1/hour")
    def test_may_always_ask_how_the_server_is_and_load_pages(self, app: ParleyApp) -> None:
        for path in ("/health/live", "/health/ready", "/api/v1/health", "/", "/docs/", "/openapi.json") * 2:
            assert app.test_client().get(path).status_code == 200, path

    @limiting(rate_limit_register="2/hour", rate_limit_address="1000/hour")
    def test_registers_so_many_accounts(self, app: ParleyApp, person: Callable[[str], Person]) -> None:
        person("Anna")
        person("Ben")
        body = {"email": "cleo@example.org", "password": PASSWORD, "display_name": "Cleo"}
        refused = app.test_client().post("/api/v1/auth/register", json=body)
        assert refusal(refused, "register", wait_s=3600)["detail"].startswith(
            "At most 2 registrations from one address"
        )

    @limiting(rate_limit_address=FEW)
    def test_of_version_6_is_its_subscribers_network(self, app: ParleyApp) -> None:
        for host in ("1", "abcd:ef01:2345:6789", "ffff:ffff:ffff:ffff"):
            sign_in(app, "anna@example.org", f"2001:db8:1:2:{host}".replace(":1:2:1", ":1:2::1"))
        refusal(sign_in(app, "anna@example.org", "2001:db8:1:2::9"), "address")
        problem(sign_in(app, "anna@example.org", "2001:db8:1:3::9"), 401, "bad_credentials")

    @limiting(rate_limit_address=FEW)
    def test_of_version_4_is_the_same_when_it_is_written_as_one_of_version_6(self, app: ParleyApp) -> None:
        for address in ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"):
            sign_in(app, "anna@example.org", address)
        refusal(sign_in(app, "anna@example.org", "::ffff:192.0.2.1"), "address")


class TestBehindProxies:
    @limiting(rate_limit_address=FEW, trusted_proxies=1)
    def test_an_address_is_the_one_that_the_proxy_has_seen(self, app: ParleyApp) -> None:
        for _ in range(3):
            sign_in(app, "anna@example.org", "10.0.0.1", **{"X-Forwarded-For": "192.0.2.1"})
        refusal(sign_in(app, "anna@example.org", "10.0.0.1", **{"X-Forwarded-For": "192.0.2.1"}), "address")
        problem(
            sign_in(app, "anna@example.org", "10.0.0.1", **{"X-Forwarded-For": "192.0.2.2"}), 401, "bad_credentials"
        )

    @limiting(rate_limit_address=FEW, trusted_proxies=1)
    def test_what_a_client_claims_before_the_proxy_does_not_count(self, app: ParleyApp) -> None:
        for number in range(3):
            sign_in(app, "anna@example.org", "10.0.0.1", **{"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.1"})
        refusal(sign_in(app, "a@example.org", "10.0.0.1", **{"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}), "address")

    @limiting(rate_limit_address=FEW)
    def test_without_a_trusted_proxy_the_header_is_not_read(self, app: ParleyApp) -> None:
        for number in range(3):
            sign_in(app, "anna@example.org", "192.0.2.1", **{"X-Forwarded-For": f"203.0.113.{number}"})
        refusal(sign_in(app, "anna@example.org", "192.0.2.1", **{"X-Forwarded-For": "203.0.113.9"}), "address")


@pytest.mark.sqlite  # counted by the process, whatever the database is
@limiting(**limits.DEFAULTS)
class TestDefaults:
    def test_let_an_office_of_200_behind_one_address_sign_in_join_and_call(self, app: ParleyApp) -> None:
        """In one minute, as the clock stands still."""
        everybody = [Person(app, name, f"{name}@example.org", {}) for name in (f"person{n}" for n in range(200))]
        for one in everybody:
            body = {"email": one.email, "password": PASSWORD, "display_name": one.name}
            one.tokens = ok(app.test_client().post("/api/v1/auth/register", json=body), 201)
        for one in everybody:
            mistyped = sign_in(app, one.email, "127.0.0.1") if one.name.endswith("7") else None
            assert mistyped is None or mistyped.status_code == 401
            one.tokens = ok(sign_in(app, one.email, "127.0.0.1", PASSWORD))
            refreshed = {"refresh_token": one.tokens["refresh_token"]}
            one.tokens = ok(app.test_client().post("/api/v1/auth/refresh", json=refreshed))
            for path in ("/auth/me", "/meetings", "/invitations"):
                ok(one.get(path))

    def test_let_a_browser_send_every_candidate_by_itself(self, call: Call) -> None:
        for _ in range(15):
            call.owner.poll(call.owners, ack=call.owner.poll(call.owners)["head_seq"])
            for _ in range(30):
                ok(call.send(call.candidate()), 201)

    def test_are_told_on_every_answer_but_that_to_a_poll(self, anna: Person) -> None:
        assert anna.get("/meetings").headers["RateLimit-Policy"] == '"user";q=1200;w=60'
        assert "RateLimit" not in anna.get("/rtc/inbox", wait=0).headers


class TestRedis:
    @pytest.fixture
    def settings(self, settings: Settings, limited: dict[str, str]) -> Settings:
        return load_settings(
            **{**settings.model_dump(), **limited, "redis_url": redis_url(), "wakeups": "in_process"}, _env_file=None
        )

    @pytest.fixture
    def other(self, app: ParleyApp, settings: Settings, clock: ManualClock) -> Iterator[ParleyApp]:
        """Another process of the same Parley."""
        other = create_app(settings, clock)
        other.testing = True
        yield other
        other.runtime.close()

    @limiting(rate_limit_user=FEW)
    def test_counts_the_requests_to_all_processes_together(self, anna: Person, other: ParleyApp) -> None:
        elsewhere = Person(other, anna.name, anna.email, anna.tokens)
        for _ in range(2):
            ok(anna.get("/meetings"))
        assert elsewhere.get("/meetings").headers["RateLimit"] == '"user";r=0'
        assert problem(elsewhere.get("/meetings"), 429, "too_many_requests")["limit"] == "user"
        assert 0 < int(anna.get("/meetings").headers["Retry-After"]) <= 60

    @limiting(rate_limit_user=FEW)
    def test_that_goes_away_is_replaced_by_this_process(
        self, anna: Person, app: ParleyApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counters = app.runtime.drivers[Counters]
        assert isinstance(counters, RedisCounters)

        def refuse(*_: Any) -> int:
            raise ConnectionRefusedError

        monkeypatch.setattr(counters._redis, "add", refuse)
        for _ in range(3):
            ok(anna.get("/meetings"))
        refusal(anna.get("/meetings"), "user")


class TestSettings:
    @pytest.mark.parametrize("rate", ["3", "0/minute", "3/year", "-1/minute", "3/0 minutes", "often", "3 per minute"])
    def test_a_rate_that_is_none_stops_the_start_and_is_named(self, rate: str) -> None:
        with pytest.raises(SettingsError, match=r"^RATE_LIMIT_LOGIN: .*must be such as 300/hour"):
            load_settings(rate_limit_login=rate, _env_file=None)

    @limiting(rate_limit_user="4/15 minutes")
    def test_a_window_may_be_several_units_long(self, anna: Person) -> None:
        assert anna.get("/meetings").headers["RateLimit-Policy"] == '"user";q=4;w=900'

    def test_off_is_off(self, anna: Person) -> None:
        assert "RateLimit" not in anna.get("/meetings").headers

    def test_every_limit_has_a_setting_and_every_operation_in_the_table_exists(self) -> None:
        assert {f"rate_limit_{name}" for name in WHAT} == {n for n in limits.HOW_OFTEN if n.startswith("rate_limit_")}
        assert set(OWN) <= set(RULES)
        assert set(OWN.values()) <= set(WHAT)
        assert {operation for operation in OWN if "anyone" in RULES[operation]} == OPEN_WITH_OWN


@limiting(rate_limit_user=FEW)
class TestPagesOfOtherOrigins:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": ("https://app.example.org",), "rate_limit_user": FEW})

    def test_may_read_what_is_left(self, anna: Person) -> None:
        answer = anna.request("GET", "/meetings", headers={"Origin": "https://app.example.org"})
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


class TestWarning:
    @pytest.mark.parametrize(("trusted_proxies", "warned"), [(0, 1), (1, 0)])
    def test_of_a_proxy_that_nobody_has_told_of_comes_once(
        self, settings: Settings, app: ParleyApp, trusted_proxies: int, warned: int
    ) -> None:
        told = settings.model_copy(update={"trusted_proxies": trusted_proxies, "rate_limit_address": FEW})
        app.runtime.drivers[RateLimits] = RateLimits(told, app.runtime.drivers[Counters])
        with structlog.testing.capture_logs() as logged:
            for _ in range(3):
                sign_in(app, "anna@example.org", **{"X-Forwarded-For": "192.0.2.9"})
        warnings = [line for line in logged if line["event"] == "requests come through a proxy"]
        assert [line["log_level"] for line in warnings] == ["warning"] * warned
