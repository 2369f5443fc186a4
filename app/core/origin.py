"""What a job goes back to: it is kept with the job, so that the lines that its run logs are found by the request that
brought it about, by whose it was, and by its meeting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from app.core.logs import ids_at_hand

if TYPE_CHECKING:
    from app.core.runtime import Runtime


def at_hand(runtime: Runtime) -> dict[str, str]:
    """Of the request, or the job, that runs now: `request_id`, `user_id`, `meeting_id`, as far as they are known, and
    where traces are kept `traceparent`."""
    traced = runtime.tracing.traceparent() if runtime.tracing is not None else {}
    return ids_at_hand() | traced


@contextmanager
def resumed(origin: Mapping[str, str], payload: Mapping[str, Any], about: Mapping[str, object]) -> Iterator[None]:
    """What is logged within, and what jobs are enqueued, go back to `origin`, and to the meeting of `payload`."""
    ids = {name: value for name, value in origin.items() if name != "traceparent"}
    of_payload = {"meeting_id": payload["meeting_id"]} if isinstance(payload.get("meeting_id"), str) else {}
    with structlog.contextvars.bound_contextvars(**{**ids, **of_payload, **about}):
        yield
