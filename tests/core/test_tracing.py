"""Traces, as a collector gets them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from werkzeug.test import Client

from app.accounts import links
from app.core.flask_app import ParleyApp
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.serving.bridged import bridged
from tests.support.people import Call, Person, ok
from tests.support.trace_collector import TraceCollector

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def collector() -> Iterator[TraceCollector]:
    with TraceCollector() as collector:
        yield collector


@pytest.fixture
def settings(settings: Settings, collector: TraceCollector) -> Settings:
    told = {"otel_exporter_otlp_endpoint": collector.url, "otel_exporter_otlp_headers": SecretStr("api-key=k-1")}
    return settings.model_copy(update=told)


def flush(runtime: Runtime) -> None:
    assert runtime.tracing is not None
    runtime.tracing.flush()


def test_a_request_is_a_span_of_the_callers_trace_with_its_work_and_statements_within(
    app: ParleyApp, anna: Person, collector: TraceCollector
) -> None:
    meeting = anna.create_meeting(title="Hush-hush")
    headers = {"traceparent": TRACEPARENT, "X-Request-ID": "r-17"}
    anna.request("GET", f"/meetings/{meeting['id']}", headers=headers)
    flush(app.runtime)
    span = collector.named("GET /api/v1/meetings/<id:meeting_id>")
    assert (span.trace_id, span.parent_id) == (TRACE, PARENT)
    assert span.attributes["http.response.status_code"] == 200
    assert (span.attributes["parley.request_id"], span.attributes["parley.meeting_id"]) == ("r-17", meeting["id"])
    within = [one for one in collector.spans if one.trace_id == TRACE and one is not span]
    [unit] = [one for one in within if one.name == "unit of work, reading"]
    assert unit.parent_id == span.span_id
    assert {one.parent_id for one in within if one.name == "SELECT"} <= {span.span_id, unit.span_id}
    assert any("FROM meetings" in one.attributes.get("db.query.text", "") for one in within)
    assert b"Hush-hush" not in collector.raw
    assert anna.tokens["access_token"].encode() not in collector.raw
    assert collector.headers[0]["api-key"] == "k-1"


def test_what_fails_is_marked_and_its_values_stay_here(
    app: ParleyApp, anna: Person, collector: TraceCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.meetings import service as meetings

    def fail(work: Any, *_: Any, **__: Any) -> None:
        work.execute(text("INSERT INTO nowhere VALUES (:password)"), {"password": "hunter2"})

    monkeypatch.setattr(meetings, "create", fail)
    assert anna.post("/meetings", {"title": "a"}).status_code == 503
    flush(app.runtime)
    assert collector.named("POST /api/v1/meetings").failed
    assert [one.failed for one in collector.spans if "nowhere" in one.attributes.get("db.query.text", "")] == [True]
    assert b"hunter2" not in collector.raw


def test_polls_and_checks_of_health_make_no_spans(app: ParleyApp, call: Call, collector: TraceCollector) -> None:
    flush(app.runtime)
    before = len(collector.spans)
    call.owner.poll(call.owners)
    app.test_client().get("/health/live")
    flush(app.runtime)
    assert len(collector.spans) == before > 0


def test_signals_that_pass_flask_by_are_spans_as_well(app: ParleyApp, call: Call, collector: TraceCollector) -> None:
    with bridged(app) as served:
        guest, path = call.guest, f"/api/v1/meetings/{call.meeting['id']}/rtc/signals"
        headers = {"Authorization": f"Bearer {guest.tokens['access_token']}", "traceparent": TRACEPARENT}
        for _ in range(2):  # the first goes through Flask, which shows how it answers
            body = {"from": call.guests["id"], "messages": [call.candidate()]}
            assert Client(served).post(path, json=body, headers=headers).status_code == 201
        flush(app.runtime)
        sent = [one for one in collector.spans if one.trace_id == TRACE and one.parent_id == PARENT]
    assert [one.name for one in sent] == ["POST /api/v1/meetings/<id:meeting_id>/rtc/signals"] * 2
    assert [one.attributes.get("parley.request_id") is None for one in sent] == [False, True]


class TestInTheBackground:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"jobs": "leased", "auto_verify_email": False})

    def test_a_job_and_what_it_asks_of_others_belong_to_the_trace_of_the_request(
        self, app: ParleyApp, anna: Person, collector: TraceCollector
    ) -> None:
        runtime = app.runtime

        def ask(runtime: Runtime, _payload: dict[str, Any]) -> None:
            with httpx.Client() as client:
                client.post(f"{collector.url}/asked?key=hunter2", content=b"")

        def fail(runtime: Runtime, _payload: dict[str, Any]) -> None:
            raise RuntimeError("hunter2")

        runtime.tasks.add(links.SEND_VERIFICATION, ask)
        runtime.tasks.add("later", fail)
        with runtime.writing() as work:
            work.enqueue("later", {})
        ok(anna.post("/auth/verify/send", headers={"traceparent": TRACEPARENT}), 202)
        assert isinstance(runtime.jobs, LeasedJobs)
        runtime.jobs.run_due(runtime)
        runtime.jobs.plan(runtime)
        flush(runtime)
        request = collector.named("POST /api/v1/auth/verify/send")
        [job] = [one for one in collector.spans if one.name.startswith("job acc") and one.trace_id == TRACE]
        assert job.parent_id in {one.span_id for one in collector.spans if one.trace_id == request.trace_id}
        call = next(one for one in collector.spans if one.name == "POST 127.0.0.1" and one.trace_id == TRACE)
        assert call.parent_id == job.span_id
        failed = collector.named("job later")
        assert failed.failed
        assert failed.trace_id != TRACE
        assert b"hunter2" not in collector.raw


def test_a_collector_that_is_away_keeps_nobody_waiting(app: ParleyApp, anna: Person, collector: TraceCollector) -> None:
    collector.__exit__()
    ok(anna.get("/meetings"))
