"""Typed domain events, handled **in the emitter's transaction**.

An event is a frozen dataclass of the feature that emits it; `app/wiring.py` alone names who hears it. A handler that
raises undoes the emitter's change with its own: what must not do that enqueues a job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.runtime import Work

Handler = Callable[["Work", Any], None]


class Bus:
    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler]] = defaultdict(list)

    def on(self, event_type: type, *handlers: Handler) -> None:
        """Let `handlers` hear `event_type`, in this order."""
        self._handlers[event_type].extend(handlers)

    def emit(self, work: Work, event: object) -> None:
        for handler in self._handlers[type(event)]:
            handler(work, event)
