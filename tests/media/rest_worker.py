"""A media worker as the API sees one: it registers, renews, polls and posts, and forwards nothing."""

from __future__ import annotations

from typing import Any

from werkzeug.test import TestResponse

from app.accounts import service as accounts
from app.core.flask_app import ParleyApp
from tests.support.people import ok


def service_key(app: ParleyApp, name: str = "Media") -> str:
    with app.runtime.writing() as work:
        email = f"{name.lower()}@example.org"
        user = accounts.create(work, email=email, display_name=name, role="service", password=None)
        work.flush()
        return accounts.add_service_key(work, user)


class RestWorker:
    """`state`: what it was told last of itself."""

    def __init__(self, app: ParleyApp, key: str, name: str = "host-a/1", capacity: int = 10) -> None:
        self._app = app
        self._key = key
        self.state: dict[str, Any] = {}
        body = {"name": name, "engine": "portable", "version": "0.1.0", "capacity": capacity}
        self.state = ok(self.request("POST", "/media/workers", body), 201)
        self._acked = 0

    @property
    def id(self) -> str:
        return str(self.state["id"])

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self._key}"}
        kwargs = {"json": body} if body is not None else {}
        return self._app.test_client().open(
            f"/api/v1{path}", method=method, headers=headers, query_string=query or None, **kwargs
        )

    def renew(self, load: float = 0.1, **told: Any) -> TestResponse:
        body = {"load": load, "participants": 0, "tracks": 0, **told}
        return self.request("PUT", f"/media/workers/{self.id}", body)

    def placements(self) -> list[dict[str, Any]]:
        placements: list[dict[str, Any]] = ok(self.renew())["placements"]
        return placements

    def poll(self) -> list[dict[str, Any]]:
        """What is new in its inbox; it is acknowledged with the next poll."""
        reply = ok(self.request("GET", "/rtc/inbox", worker_id=self.id, ack=self._acked, wait=0))
        self._acked = reply["head_seq"]
        messages: list[dict[str, Any]] = reply["messages"]
        return messages

    def signal(self, placement: dict[str, Any], *messages: dict[str, Any], **more: Any) -> TestResponse:
        body = {"from": placement["sfu_participant_id"], "epoch": placement["epoch"], "messages": [*messages], **more}
        return self.request("POST", f"/meetings/{placement['meeting_id']}/rtc/signals", body)

    def report(self, placement: dict[str, Any], **told: Any) -> TestResponse:
        body = {"epoch": placement["epoch"], **told}
        return self.request("POST", f"/meetings/{placement['meeting_id']}/rtc/reports", body)
