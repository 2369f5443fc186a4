"""A server that speaks as OpenAI's does, as it really is: busy, slow and cut off.

What passes by itself (429, 5xx, a connection that breaks, a proxy's page in HTML) is tried again after a pause, a few
times; what does not is said at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

TRIES = 4  # of one request
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
CONNECT_S = 5.0
USABLE_S = 3.0
LONGEST_QUOTE = 300  # characters of what a server said
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class ServerFailed(Exception):
    """No usable answer came this time; asking again may help."""


class ServerUnusable(Exception):
    """It can't be worked with: it doesn't answer, or refuses the key."""


class ModelServer:
    """Safe to share between threads. `url` is all before `/chat/completions` and its like."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        answer_s: float,
        tries: int = TRIES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self._tries = tries
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(answer_s, connect=min(CONNECT_S, answer_s))
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout)

    def post(self, path: str, **content: Any) -> httpx.Response:
        """The first answer that is no passing trouble; it is JSON. `content` as httpx takes it.

        :raises ServerFailed: there was none. :raises ServerUnusable: the key is refused.
        """
        trouble = ""
        for attempt in range(self._tries):
            wanted_s: float | None = None
            try:
                response = self._client.post(path, **content)
                if response.status_code in (401, 403):
                    raise ServerUnusable("the model's server refuses the key")  # its words may quote the key
                if response.status_code not in _PASSING and _is_json(response):
                    return response
                trouble = f"it answered {response.status_code}"
                wanted_s = _retry_after(response)
            except (httpx.TransportError, httpx.DecodingError) as error:
                trouble = f"{type(error).__name__}: {error}"[:LONGEST_QUOTE]
            if attempt < self._tries - 1:
                self._sleep(min(LONGEST_PAUSE_S, wanted_s or FIRST_PAUSE_S * 2**attempt))
        raise ServerFailed(f"the model's server failed {self._tries} times, at last: {trouble}")

    def check(self) -> None:
        """:raises ServerUnusable:"""
        try:
            response = self._client.get("models", timeout=USABLE_S)
        except httpx.HTTPError as error:
            raise ServerUnusable(f"the model's server does not answer ({type(error).__name__})") from None
        if response.status_code in (401, 403):
            raise ServerUnusable("the model's server refuses the key")
        if response.status_code >= 500:
            raise ServerUnusable(f"the model's server answers {response.status_code}")

    def close(self) -> None:
        self._client.close()


def refused(response: httpx.Response) -> ServerFailed:
    """What to raise for an answer that is a refusal."""
    body = response.json()
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return ServerFailed(f"the model's server refused with {response.status_code}: {str(message)[:LONGEST_QUOTE]}")


def _is_json(response: httpx.Response) -> bool:
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


def _retry_after(response: httpx.Response) -> float | None:
    """RFC 9110 §10.2.3, in seconds; a date is not waited for."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
