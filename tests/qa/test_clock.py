from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from tests.accounts.visitors import faulty_fields
from tests.support.people import Person, ok, problem

DAY_S = 86_400


def move(client: FlaskClient, **body: Any) -> Any:
    return client.post("/api/v1/qa/clock", json=body)


def test_it_moves_for_every_process_at_once(client: FlaskClient, app: ParleyApp, settings: Settings) -> None:
    other = create_app(settings).runtime
    ok(move(client, advance_s=DAY_S))
    for runtime in (app.runtime, other):
        ahead = runtime.clock.now() - datetime.now(UTC)
        assert timedelta(days=1) - timedelta(seconds=5) < ahead <= timedelta(days=1)
    ok(move(client))
    assert other.clock.now() - datetime.now(UTC) <= timedelta()
    other.close()


def test_tokens_expire_by_it_and_it_goes_on(client: FlaskClient, anna: Person) -> None:
    ok(move(client, advance_s=16 * 60))
    problem(anna.get("/auth/me"), 401, "token_expired")
    first = ok(client.get("/api/v1/qa/clock"))["now"]
    assert ok(client.get("/api/v1/qa/clock"))["now"] > first
    ok(move(client, advance_s=-16 * 60))
    ok(anna.get("/auth/me"))


def test_it_is_put_to_a_time(client: FlaskClient) -> None:
    there = (datetime.now(UTC) + timedelta(days=40)).replace(microsecond=0)
    told = datetime.fromisoformat(ok(move(client, now=there.isoformat()))["now"])
    assert timedelta() <= told - there < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"advance_s": 1e12}, "advance_s"),
        ({"now": "2000-01-01T00:00:00Z"}, "now"),
        ({"advance_s": 1, "now": "2026-12-24T09:00:00Z"}, ""),
        ({"now": "tomorrow"}, "now"),
    ],
)
def test_it_does_not_go_anywhere(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    assert faulty_fields(move(client, **body)) == [field]
