import json
import os
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import update

from app.accounts.models import User
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.models import Job
from app.core.processes import ProcessBeat
from app.core.runtime import Runtime
from app.core.settings import Settings, SettingsError, load_settings
from app.health import metrics
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


def figures_of(app: ParleyApp, runtime: Runtime, anna: Person) -> list[str]:
    """As an admin reads them, after this process has beaten."""
    with runtime.writing() as work:
        work.execute(update(User).where(User.id == anna.user_id).values(role="admin"))
    runtime.drivers[ProcessBeat].beat()
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {anna.tokens['access_token']}"})
    return answer.get_data(as_text=True).splitlines()


def test_requests_are_counted_by_what_was_asked_and_answered(app: ParleyApp, anna: Person, runtime: Runtime) -> None:
    for _ in range(3):
        ok(anna.get("/meetings"))
    anna.get("/meetings/nothing-here")
    process = f'process="{socket.gethostname()}:{os.getpid()}"'
    lines = figures_of(app, runtime, anna)
    asked = f'parley_requests_total{{{process},method="GET",route="/api/v1/meetings",status="200"}} 3'
    assert asked in lines
    assert any(line.startswith("parley_request_seconds_total{") and "/api/v1/meetings" in line for line in lines)
    assert any('status="404"' in line for line in lines)
    assert lines.count("# TYPE parley_requests_total counter") == 1
    assert f"parley_polls_parked{{{process}}} 0" in lines


def test_jobs_that_are_not_done_are_counted(app: ParleyApp, anna: Person, runtime: Runtime) -> None:
    with runtime.writing() as work:
        for number, state in enumerate(("queued", "queued", "failed", "done")):
            times = {"run_at": work.now() - timedelta(seconds=90), "created_at": work.now()}
            work.add(Job(id=f"j{number}", task="mail", payload={}, state=state, max_attempts=1, **times))
    lines = figures_of(app, runtime, anna)
    assert 'parley_jobs{task="mail",state="queued"} 2' in lines
    assert 'parley_jobs{task="mail",state="failed"} 1' in lines
    assert not [line for line in lines if 'state="done"' in line]
    assert "parley_job_waits_seconds 90.0" in lines


def test_waits_fall_into_buckets(app: ParleyApp, anna: Person, runtime: Runtime) -> None:
    for seconds in (0.0005, 0.002, 0.002, 60.0):
        runtime.figures.observe("parley_wake_seconds", seconds)
    lines = [line for line in figures_of(app, runtime, anna) if "wake_seconds" in line]
    assert lines[0] == "# TYPE parley_wake_seconds histogram"
    told = {line.split("}")[0].rpartition("le=")[2]: float(line.split()[-1]) for line in lines if "_bucket" in line}
    assert (told['"0.001"'], told['"0.0025"'], told['"10.0"'], told['"+Inf"']) == (1, 3, 3, 4)
    assert any(line.startswith("parley_wake_seconds_count{") and line.endswith(" 4.0") for line in lines)
    assert len([line for line in lines if line.startswith("#")]) == 1


def test_what_a_dead_process_told_is_not_told_any_more(
    app: ParleyApp, anna: Person, runtime: Runtime, clock: ManualClock
) -> None:
    assert any("parley_polls_parked" in line for line in figures_of(app, runtime, anna))
    clock.advance(seconds=60)
    answer = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {anna.tokens['access_token']}"})
    assert "parley_polls_parked" not in answer.get_data(as_text=True)


class TestDashboard:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        told = {"events_broker_url": SecretStr("amqp://guest:guest@127.0.0.1:1//"), "webhook_networks": "127.0.0.0/8"}
        return Settings.model_validate({**settings.model_dump(), **told, "webhook_http": True, "jobs": "leased"})

    def test_each_panel_asks_for_figures_that_there_are(self, app: ParleyApp, anna: Person, runtime: Runtime) -> None:
        """Each comes from where it is counted; how long a poll took to be woken, tests/serving/test_polls.py holds."""
        ok(RestWorker(app, service_key(app), "host-a/1").renew(0.5, stats=dict.fromkeys(metrics._COUNTED, 1)))
        ok(anna.post("/webhooks", {"url": "http://127.0.0.1:1/"}), 201)
        runtime.figures.observe("parley_wake_seconds", 0.1)
        with runtime.writing() as work:
            work.enqueue("notes.analyse", {})  # of no notes that there are
        assert LeasedJobs().run_one(runtime)
        with runtime.writing() as work:
            work.enqueue("notes.analyse", {})
        there = {re.split("[ {]", line)[0] for line in figures_of(app, runtime, anna) if not line.startswith("#")}
        dashboard = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())
        asked = {name for panel in dashboard["panels"] for target in panel["targets"] for name in _names(target)}
        assert len(asked) > 10
        assert asked <= there


def _names(target: dict[str, str]) -> list[str]:
    return re.findall(r"\bparley_[a-z_]+", target["expr"])


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
