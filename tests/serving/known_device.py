"""A device that a real server knows from its polls, with as many connections as it likes."""

import json
import threading
from http.client import HTTPConnection
from typing import Any

from tests.support.people import Call, ok
from tests.support.waiting import LONGEST_S


class Device:
    """The call's owner, on connections of her own; known to the server, with two messages that she has read."""

    def __init__(self, port: int, call: Call) -> None:
        self._port, self._call = port, call
        self.before = self.poll(wait=0)["acked_seq"]
        ok(call.send(call.offer(), call.offer()), 201)
        self.read_up_to = self.poll(wait=0)["head_seq"]

    def poll(self, **query: Any) -> Any:
        return self.sent_poll(**query).reply()

    def sent_poll(self, **query: Any) -> "Request":
        named = "&".join(f"{name}={value}" for name, value in query.items())
        return self._sent("GET", f"/rtc/inbox?participant_id={self._call.owners['id']}&{named}")

    def sent_ack(self, up_to: int) -> "Request":
        return self._sent("POST", "/rtc/ack", {"participant_id": self._call.owners["id"], "up_to": up_to})

    def _sent(self, method: str, path: str, body: Any = None) -> "Request":
        headers = {"Authorization": f"Bearer {self._call.owner.tokens['access_token']}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = HTTPConnection("127.0.0.1", self._port, timeout=LONGEST_S)
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        return Request(connection)


class Request:
    """One that was sent; its answer is read in a thread."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._answer: tuple[int, Any] | None = None
        self._thread = threading.Thread(target=self._read, args=(connection,), daemon=True)
        self._thread.start()

    def _read(self, connection: HTTPConnection) -> None:
        answer = connection.getresponse()
        self._answer = answer.status, json.load(answer)

    @property
    def is_answered(self) -> bool:
        return self._answer is not None

    def reply(self) -> Any:
        self._thread.join(LONGEST_S)
        assert self._answer is not None, "no answer"
        assert self._answer[0] == 200, self._answer
        return self._answer[1]
