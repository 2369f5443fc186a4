"""A server with OpenAI's /chat/completions, as it really is: busy, slow, cut off, and unable to keep to a schema.

Three ways to have JSON are tried, the strictest first: a schema that the server enforces, any JSON object, the prompt
alone. What a server refused is remembered once another way has worked. What passes by itself (429, 5xx, a connection
that breaks) is tried again after a pause, a few times; what does not is said at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel

from app.notes.analysts.base import AnalysisFailed, AnalystUnusable
from app.notes.analysts.llm import prompts
from app.notes.analysts.llm.answers import A, BadAnswer, read
from app.notes.analysts.llm.prompts import Message

TRIES = 4  # of one request
ANSWERS = 3  # that may be wrong until it is given up
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
CONNECT_S = 5.0
ANSWER_S = 180.0  # small models on small machines take their time
USABLE_S = 3.0
LONGEST_QUOTE = 300  # characters of what a server said
_FORMATS = ("json_schema", "json_object", None)
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass
class Spent:
    """Tokens, of all answers together; None as soon as one came without a count."""

    input_tokens: int | None = 0
    output_tokens: int | None = 0

    def add(self, usage: Any) -> None:
        counted = usage if isinstance(usage, dict) else {}
        self.input_tokens = _sum(self.input_tokens, counted.get("prompt_tokens"))
        self.output_tokens = _sum(self.output_tokens, counted.get("completion_tokens"))


class Chat:
    """Safe to share between threads."""

    def __init__(
        self,
        url: str,
        key: str | None,
        model: str,
        *,
        answer_s: float = ANSWER_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._model = model
        self._sleep = sleep
        self._format = 0  # the first of _FORMATS that is worth trying
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(answer_s, connect=CONNECT_S)
        self._client = httpx.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout)

    def ask(self, messages: list[Message], shape: type[A], spent: Spent) -> A:
        """An answer of that shape. :raises AnalysisFailed: :raises AnalystUnusable:"""
        complaint = ""
        for _ in range(ANSWERS):
            text, is_whole = self._complete(messages, shape, spent)
            try:
                return read(text, shape)
            except BadAnswer as bad:
                complaint = str(bad) if is_whole else "It was too long and has been cut off: say less."
                self._format = max(self._format, 1)  # a server that kept to the schema would not have let it pass
                messages = prompts.again(messages, text, complaint)
        raise AnalysisFailed(f"the model gave no usable answer in {ANSWERS} attempts: {complaint}")

    def check(self) -> None:
        """:raises AnalystUnusable:"""
        try:
            response = self._client.get("models", timeout=USABLE_S)
        except httpx.HTTPError as error:
            raise AnalystUnusable(f"the model's server does not answer ({type(error).__name__})") from None
        if response.status_code in (401, 403):
            raise AnalystUnusable("the model's server refuses the key")
        if response.status_code >= 500:
            raise AnalystUnusable(f"the model's server answers {response.status_code}")

    def close(self) -> None:
        self._client.close()

    def _complete(self, messages: list[Message], shape: type[BaseModel], spent: Spent) -> tuple[str, bool]:
        """What the model says, in the strictest format that the server takes, and whether it is all."""
        for number in range(self._format, len(_FORMATS)):
            kind = _FORMATS[number]
            request: dict[str, Any] = {"model": self._model, "messages": messages}
            if kind != "json_schema":
                request["messages"] = prompts.with_shape(messages, shape)
            if kind is not None:
                request["response_format"] = {"type": kind}
            if kind == "json_schema":
                schema = {"name": shape.__name__, "strict": True, "schema": shape.model_json_schema()}
                request["response_format"]["json_schema"] = schema
            response = self._post(request)
            if response.status_code in (400, 404, 415, 422) and kind is not None:
                continue  # whatever it complains of: without the format it may go
            self._format = max(self._format, number) if response.is_success else self._format
            return self._said(response, spent)
        raise AssertionError("the last format is never gone on from")

    def _post(self, request: dict[str, Any]) -> httpx.Response:
        """The first answer that is no passing trouble. :raises AnalysisFailed: there was none."""
        trouble = ""
        for attempt in range(TRIES):
            wanted_s: float | None = None
            try:
                response = self._client.post("chat/completions", json=request)
                if response.status_code not in _PASSING and _is_json(response):
                    return response
                trouble = f"it answered {response.status_code}"
                wanted_s = _retry_after(response)
            except (httpx.TransportError, httpx.DecodingError) as error:
                trouble = f"{type(error).__name__}: {error}"[:LONGEST_QUOTE]
            if attempt < TRIES - 1:
                self._sleep(min(LONGEST_PAUSE_S, wanted_s or FIRST_PAUSE_S * 2**attempt))
        raise AnalysisFailed(f"the model's server failed {TRIES} times, at last: {trouble}")

    def _said(self, response: httpx.Response, spent: Spent) -> tuple[str, bool]:
        if response.status_code in (401, 403):
            raise AnalystUnusable("the model's server refuses the key")  # its words may quote the key
        body = response.json()
        if not response.is_success:
            raise AnalysisFailed(f"the model's server refused with {response.status_code}: {_complaint(body)}")
        spent.add(body.get("usage") if isinstance(body, dict) else None)
        try:
            choice = body["choices"][0]
            content, ending = choice["message"]["content"], choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise AnalysisFailed("the model's server answered in another shape than OpenAI's") from None
        return content if isinstance(content, str) else "", ending != "length"


def _is_json(response: httpx.Response) -> bool:
    """What a proxy says in HTML is a passing trouble, too, unless it is a refusal."""
    if response.status_code in (401, 403):
        return True
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


def _retry_after(response: httpx.Response) -> float | None:
    """RFC 9110 §10.2.3, in seconds; a date is not waited for."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _complaint(body: Any) -> str:
    error = body.get("error", body) if isinstance(body, dict) else body
    message = error.get("message", error) if isinstance(error, dict) else error
    return str(message)[:LONGEST_QUOTE]


def _sum(so_far: int | None, more: Any) -> int | None:
    return so_far + more if so_far is not None and isinstance(more, int) and not isinstance(more, bool) else None
