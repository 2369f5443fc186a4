"""A server with OpenAI's /chat/completions, which may be unable to keep to a schema.

Three ways to have JSON are tried, the strictest first: a schema that the server enforces, any JSON object, the prompt
alone. What a server refused is remembered once another way has worked.
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
from app.notes.model_server import ModelServer, ServerFailed, ServerUnusable, refused

ANSWERS = 3  # that may be wrong until it is given up
ANSWER_S = 180.0  # small models on small machines take their time
_FORMATS = ("json_schema", "json_object", None)


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
        self._format = 0  # the first of _FORMATS that is worth trying
        self._server = ModelServer(url, key, answer_s=answer_s, sleep=sleep)

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
            self._server.check()
        except ServerUnusable as error:
            raise AnalystUnusable(str(error)) from error

    def close(self) -> None:
        self._server.close()

    def _complete(self, messages: list[Message], shape: type[BaseModel], spent: Spent) -> tuple[str, bool]:
        """What the model says, in the strictest format that the server takes, and whether it is all."""
        try:
            return self._answer(messages, shape, spent)
        except ServerFailed as error:
            raise AnalysisFailed(str(error)) from error
        except ServerUnusable as error:
            raise AnalystUnusable(str(error)) from error

    def _answer(self, messages: list[Message], shape: type[BaseModel], spent: Spent) -> tuple[str, bool]:
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
            response = self._server.post("chat/completions", json=request)
            if response.status_code in (400, 404, 415, 422) and kind is not None:
                continue  # whatever it complains of: without the format it may go
            self._format = max(self._format, number) if response.is_success else self._format
            return _said(response, spent)
        raise AssertionError("the last format is never gone on from")


def _said(response: httpx.Response, spent: Spent) -> tuple[str, bool]:
    if not response.is_success:
        raise refused(response)
    body = response.json()
    spent.add(body.get("usage") if isinstance(body, dict) else None)
    try:
        choice = body["choices"][0]
        content, ending = choice["message"]["content"], choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise AnalysisFailed("the model's server answered in another shape than OpenAI's") from None
    return content if isinstance(content, str) else "", ending != "length"


def _sum(so_far: int | None, more: Any) -> int | None:
    return so_far + more if so_far is not None and isinstance(more, int) and not isinstance(more, bool) else None
