"""The people of `people.py` at a server that runs for itself, which they reach over HTTP."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from werkzeug import Response

from tests.support.people import PASSWORD, Person, ok

LONGEST_S = 90.0  # of an answer; longer than any poll waits


def ask(
    port: int, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, token: str = ""
) -> Response:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection = HTTPConnection("127.0.0.1", port, timeout=LONGEST_S)
    try:
        address = f"/api/v1{path}" + (f"?{urlencode(query)}" if query else "")
        connection.request(method, address, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return Response(answer.read(), answer.status, dict(answer.getheaders()))
    finally:
        connection.close()


class RemotePerson(Person):
    def __init__(self, port: int, name: str) -> None:
        email = f"{name.lower()}@example.org"
        body = {"email": email, "password": PASSWORD, "display_name": name}
        tokens = ok(ask(port, "POST", "/auth/register", body), 201)
        super().__init__(None, name, email, tokens)  # type: ignore[arg-type]
        self._port = port

    def request(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        return ask(self._port, method, path, body, kwargs.get("query_string"), self.tokens["access_token"])
