from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.models import User
from app.core.flask_app import ParleyApp
from app.core.runtime import Runtime
from app.core.settings import SettingsError, load_settings
from app.health.metrics import may_read
from tests.media.rest_worker import RestWorker, service_key
from tests.support.people import Person, ok, problem


def allowed(**settings: str) -> Callable[[str, str], bool]:
    read = load_settings(jwt_secret="s" * 40, **settings)
    return lambda authorization, address: may_read(read, authorization, address)


def test_figures_are_those_that_each_worker_told_last(app: ParleyApp, anna: Person, runtime: Runtime) -> None:
    key = service_key(app)
    for name, load in (("host-a/1", 0.25), ('host "b"', 0.5)):
        worker = RestWorker(app, key, name)
        stats = {"packets_out": 5_000, "jitter_ms": 2.5, "note": "text", "pid": 7, "Not a name": 1, "odd": True}
        ok(worker.renew(load, stats=stats))
    with runtime.writing() as work:
        work.execute(update(User).where(User.id == anna.user_id).values(role="admin"))
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {anna.tokens['access_token']}"})
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.get_data(as_text=True).splitlines()
    assert "# TYPE parley_media_worker_packets_out_total counter" in lines
    assert "# TYPE parley_media_worker_load gauge" in lines
    assert 'parley_media_worker_load{worker="host-a/1"} 0.25' in lines
    assert 'parley_media_worker_load{worker="host \\"b\\""} 0.5' in lines
    assert 'parley_media_worker_packets_out_total{worker="host-a/1"} 5000' in lines
    assert "parley_media_meetings_waiting 0" in lines
    assert not [line for line in lines if "pid" in line or "note" in line or "odd" in line or "Not" in line]


def test_nobody_else_reads_them(client: FlaskClient, anna: Person) -> None:
    problem(client.get("/metrics"), 401, "token_missing")
    problem(
        client.get("/metrics", headers={"Authorization": f"Bearer {anna.tokens['access_token']}"}), 403, "forbidden"
    )


def test_a_token_or_an_address_that_is_set_lets_in_and_no_other() -> None:
    nothing_set = allowed()
    assert not nothing_set("", "127.0.0.1")
    assert not nothing_set("Bearer ", "127.0.0.1")
    by_token = allowed(metrics_token="figures")
    assert by_token("Bearer figures", "192.0.2.1")
    assert not by_token("Bearer figure", "192.0.2.1")
    by_address = allowed(metrics_addresses="10.0.0.0/8, 2001:db8::1")
    assert [by_address("", one) for one in ("10.1.2.3", "2001:db8::1", "11.0.0.1", "", "2001:db8::2")] == [
        *(True, True),
        *(False, False, False),
    ]


def test_an_address_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="METRICS_ADDRESSES"):
        load_settings(jwt_secret="s" * 40, metrics_addresses="10.0.0.300")
