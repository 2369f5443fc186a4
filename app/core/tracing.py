"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set: this file alone knows of it, and is imported by
nobody else.

A request makes a span, and within it each unit of work, each of SQLAlchemy's statements, and each call to another
server. A job's span goes back to the request that brought it about, by the `traceparent` (W3C Trace Context) that is
kept with the job. What nobody asked for makes none: sweeps by the clock, and what polls do from memory. No span has a
value of a statement, a path with ids in it, or an address with its query: among these are secrets.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import structlog
from flask import Flask, g, request
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event

from app.core.settings import Settings

EXPORT_S = 2  # of one try to hand over: a shutdown waits for it
LONGEST_STATEMENT = 2_000  # characters
NOT_TRACED = frozenset({"/api/v1/rtc/inbox", "/api/v1/rtc/ack", "/health/live", "/health/ready"})

_w3c = TraceContextTextMapPropagator()


class Tracing:
    """The traces of one process. Nothing is started before the first span, and so after any fork."""

    def __init__(self, settings: Settings, engines: tuple[Engine, ...]) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._provider: TracerProvider | None = None
        self._replaced: list[tuple[type, str, Callable[..., Any]]] = []
        for engine in dict.fromkeys(engines):
            event.listen(engine, "before_cursor_execute", self._before_statement)
            event.listen(engine, "after_cursor_execute", self._after_statement)
            event.listen(engine, "handle_error", self._failed_statement)

    # What is traced

    def watch_requests(self, app: Flask) -> None:
        app.before_request(self._begin_request)
        app.after_request(self._name_request)
        app.teardown_request(self._end_request)

    @contextmanager
    def signal(self, route: str, headers: Mapping[str, str]) -> Iterator[None]:
        """A request that passes Flask by, such as one with signals."""
        with self._tracer().start_as_current_span(
            f"POST {route}", context=_w3c.extract(headers), kind=SpanKind.SERVER
        ) as span:
            span.set_attributes({"http.request.method": "POST", "http.route": route})
            yield

    @contextmanager
    def job(self, task: str, job_id: str, attempt: int, origin: Mapping[str, str]) -> Iterator[None]:
        """`origin`: of the job, with its `traceparent`."""
        attributes: dict[str, Any] = {"parley.task": task, "parley.job_id": job_id, "parley.attempt": attempt}
        with self._tracer().start_as_current_span(
            f"job {task}", context=_w3c.extract(origin), kind=SpanKind.CONSUMER, attributes=attributes
        ):
            yield

    @contextmanager
    def within(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: Any) -> Iterator[Span]:
        """A part of what is traced already; of anything else no span is made."""
        if not trace.get_current_span().is_recording():
            yield trace.INVALID_SPAN
            return
        with self._tracer().start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                self.failed(error)
                raise

    def traceparent(self) -> dict[str, str]:
        """What to keep with a job that is enqueued now: `traceparent`, or nothing."""
        carrier: dict[str, str] = {}
        _w3c.inject(carrier)
        return {name: value for name, value in carrier.items() if name == "traceparent"}

    def failed(self, error: BaseException) -> None:
        """Of what is traced now. Its type alone: an error's text may carry values."""
        trace.get_current_span().set_status(Status(StatusCode.ERROR, type(error).__name__))

    def units(self, name: str, open_unit: Callable[[], Any]) -> Callable[[], Any]:
        """`Runtime.writing` or `reading`, with a span of each."""

        @contextmanager
        @wraps(open_unit)
        def opened() -> Iterator[Any]:
            with self.within(name), open_unit() as work:
                yield work

        return opened

    def watch_calls(self, place: type, name: str, told: Callable[..., tuple[str, str]]) -> None:
        """A client's method that asks another server, for as long as this is open; `told` gives the method and the host
        of its arguments. No header is added: whose server it is does not matter, nor what it makes of ours."""
        call: Callable[..., Any] = getattr(place, name)

        @wraps(call)
        def asking(*args: Any, **kwargs: Any) -> Any:
            method, host = told(*args, **kwargs)
            attributes = {"http.request.method": method, "server.address": host}
            with self.within(f"{method} {host}", SpanKind.CLIENT, **attributes) as span:
                response = call(*args, **kwargs)
                status = getattr(response, "status", None) or getattr(response, "status_code", None)
                if status is not None:
                    span.set_attribute("http.response.status_code", status)
                return response

        self._replaced.append((place, name, call))
        setattr(place, name, asking)

    # Life

    def flush(self) -> None:
        if self._provider is not None:
            self._provider.force_flush()

    def close(self) -> None:
        for place, name, call in self._replaced:
            setattr(place, name, call)
        with self._lock:
            provider, self._provider = self._provider, None
        if provider is not None:
            provider.shutdown()

    def _tracer(self) -> trace.Tracer:
        if self._provider is None:
            self._start()
        return self._provider.get_tracer("parley") if self._provider is not None else trace.NoOpTracer()

    def _start(self) -> None:
        with self._lock:
            if self._provider is not None:
                return
            settings = self._settings
            for name in ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk"):
                logging.getLogger(name).setLevel(logging.ERROR)
            ratio = TraceIdRatioBased(settings.otel_traces_ratio)
            provider = TracerProvider(
                resource=Resource.create({"service.name": "parley"}),
                sampler=ParentBased(ratio, remote_parent_sampled=ratio),
                shutdown_on_exit=False,  # `close` does that
            )
            endpoint = settings.otel_exporter_otlp_endpoint + "/v1/traces"
            told = settings.otel_exporter_otlp_headers.get_secret_value()
            headers = dict(pair.strip().split("=", 1) for pair in told.split(",") if "=" in pair)
            exporter = OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=EXPORT_S)
            provider.add_span_processor(BatchSpanProcessor(exporter))
            self._provider = provider

    # Requests

    def _begin_request(self) -> None:
        if request.path.rstrip("/") in NOT_TRACED:
            return
        parent = _w3c.extract({name.lower(): value for name, value in request.headers.items()})
        g.span = self._tracer().start_span(request.method, context=parent, kind=SpanKind.SERVER)
        g.span_token = context.attach(trace.set_span_in_context(g.span))
        structlog.contextvars.bind_contextvars(trace_id=f"{g.span.get_span_context().trace_id:032x}")

    @staticmethod
    def _name_request(response: Any) -> Any:
        span = g.get("span")
        if span is not None:
            route = request.url_rule.rule if request.url_rule else "unknown"
            span.update_name(f"{request.method} {route}")
            span.set_attributes(
                {
                    "http.request.method": request.method,
                    "http.route": route,
                    "http.response.status_code": response.status_code,
                    "parley.request_id": g.get("request_id", ""),
                }
            )
            if "meeting_id" in g:
                span.set_attribute("parley.meeting_id", g.meeting_id)
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
        return response

    @staticmethod
    def _end_request(_error: BaseException | None) -> None:
        span = g.pop("span", None)
        if span is not None:
            span.end()
            context.detach(g.pop("span_token"))
            structlog.contextvars.unbind_contextvars("trace_id")

    # Statements

    def _before_statement(self, _c: Any, _cur: Any, statement: str, _p: Any, run: Any, _many: bool) -> None:
        # (Engines that differ in their options share their listeners.)
        if run is not None and not hasattr(run, "span") and trace.get_current_span().is_recording():
            run.span = self._tracer().start_span(
                statement.lstrip().partition(" ")[0].upper(),
                kind=SpanKind.CLIENT,
                attributes={"db.query.text": statement[:LONGEST_STATEMENT]},
            )

    @staticmethod
    def _after_statement(_c: Any, _cur: Any, _statement: str, _p: Any, run: Any, _many: bool) -> None:
        span = getattr(run, "span", None)
        if span is not None and span.is_recording():
            span.end()

    @staticmethod
    def _failed_statement(failure: Any) -> None:
        span = getattr(failure.execution_context, "span", None)
        if span is not None and span.is_recording():
            span.set_status(Status(StatusCode.ERROR, type(failure.original_exception).__name__))
            span.end()


def begin(runtime: Any) -> Tracing:
    """Trace what happens in a process with this `Runtime`."""
    import httpx
    import urllib3

    tracing = Tracing(runtime.settings, (runtime.database.reader, runtime.database.writer))
    runtime.writing = tracing.units("unit of work, writing", runtime.writing)
    runtime.reading = tracing.units("unit of work, reading", runtime.reading)
    # Between them they carry all that Parley asks over HTTP: stores of files, sign-in providers; models.
    tracing.watch_calls(urllib3.HTTPConnectionPool, "urlopen", lambda pool, method, *_, **__: (method, pool.host))
    tracing.watch_calls(httpx.Client, "send", lambda _, request, *__, **___: (request.method, request.url.host))
    return tracing
