"""Waiting for what happens in another thread, without sleeping for luck."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from werkzeug.test import TestResponse

from app.core.runtime import Runtime
from app.inbox.parking import Parking
from tests.support.people import Person

LONGEST_S = 60.0  # what comes at once, on a machine that stood still for a while
LONG_S = 50  # of a poll that something ends: no stall may, and no more than POLL_MAX_WAIT_S


def eventually(condition: Callable[[], Any], what: str = "the condition", within_s: float = LONGEST_S) -> Any:
    """The first truthy value of `condition`; fails when it stays away for `within_s`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what} did not come true within {within_s} s")


class ParkedPoll:
    """A poll in a thread of its own that is known to be parked once this is made."""

    def __init__(
        self, runtime: Runtime, person: Person, participant: dict[str, Any] | None = None, **query: Any
    ) -> None:
        parking: Parking = runtime.drivers[Parking]
        query = {"wait": LONG_S, **query} | ({"participant_id": participant["id"]} if participant else {})
        before = parking.parked
        self._response: TestResponse | None = None
        self._thread = threading.Thread(target=self._poll, args=(person, query), daemon=True)
        self._thread.start()
        eventually(
            lambda: self._response or [poll for poll in parking.parked if all(poll is not one for one in before)],
            "the poll to be parked",
        )

    def _poll(self, person: Person, query: dict[str, Any]) -> None:
        self._response = person.get("/rtc/inbox", **query)

    @property
    def is_parked(self) -> bool:
        return self._response is None

    def response(self) -> TestResponse:
        self._thread.join(LONGEST_S)
        assert self._response is not None, "the poll is still parked"
        return self._response

    def reply(self) -> dict[str, Any]:
        response = self.response()
        assert response.status_code == 200, response.get_data(as_text=True)
        body: dict[str, Any] = response.json
        return body
