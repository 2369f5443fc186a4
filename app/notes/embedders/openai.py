"""The rung that asks a server with OpenAI's /embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from app.notes.embedders.base import EmbedderFailed
from app.notes.model_server import ModelServer, ServerFailed, ServerUnusable, refused

if TYPE_CHECKING:
    from app.notes.embedders.base import Vectors
    from app.notes.spending import Bill

ANSWER_S = 60.0  # for some texts
QUESTION_S = 2.0  # somebody waits for it, and has the words' answer without it
TEXTS_AT_ONCE = 100
LONGEST_TEXT = 6_000  # characters; models take 8,191 tokens, and a character is seldom more than one
QUESTIONS_KEPT = 1_000  # page after page the same is asked

log = structlog.get_logger()


class OpenAiEmbedder:
    """An Embedder; it is told what people said and wrote."""

    is_remote = True

    def __init__(
        self,
        url: str,
        key: str | None,
        model: str,
        threshold: float,
        usd_per_million_tokens: float | None = None,
        *,
        answer_s: float = ANSWER_S,
        question_s: float = QUESTION_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"openai:{model}"[:64]
        self.threshold = threshold
        self._model = model
        self._usd_per_million_tokens = usd_per_million_tokens
        self._server = ModelServer(url, key, answer_s=answer_s, sleep=sleep)
        self._quick = ModelServer(url, key, answer_s=question_s, tries=1)
        self._question = lru_cache(QUESTIONS_KEPT)(lambda text: self._ask(self._quick, [text], None)[0])

    def embed(self, texts: Sequence[str], bill: Bill | None = None) -> Vectors:
        cut = [text[:LONGEST_TEXT] for text in texts]
        asked = [place for place, text in enumerate(cut) if text.strip()]  # of nothing there is nothing to ask
        vectors: Vectors | None = None
        for begin in range(0, len(asked), TEXTS_AT_ONCE):
            places = asked[begin : begin + TEXTS_AT_ONCE]
            rows = self._ask(self._server, [cut[place] for place in places], bill)
            if vectors is None:
                vectors = np.zeros((len(cut), rows.shape[1]), np.float32)
            if rows.shape[1] != vectors.shape[1]:
                raise EmbedderFailed("the model's server gave vectors of different lengths")
            vectors[places] = rows
        return np.zeros((len(cut), 1), np.float32) if vectors is None else vectors

    def embed_question(self, text: str) -> Vectors | None:
        if not text.strip():
            return None
        try:
            vector: Vectors = self._question(text)
        except EmbedderFailed as error:
            log.warning("searched by words alone", reason=str(error))
            return None
        return vector

    def price(self, texts: Sequence[str]) -> float | None:
        """At most: a token is a byte or more."""
        if self._usd_per_million_tokens is None:
            return None
        return sum(len(text[:LONGEST_TEXT].encode()) for text in texts) * self._usd_per_million_tokens / 1e6

    def close(self) -> None:
        self._server.close()
        self._quick.close()

    def _ask(self, server: ModelServer, texts: Sequence[str], bill: Bill | None) -> Vectors:
        try:
            response = server.post("embeddings", json={"model": self._model, "input": list(texts)})
            if not response.is_success:
                raise refused(response)
        except (ServerFailed, ServerUnusable) as error:
            raise EmbedderFailed(str(error)) from error
        body = response.json()
        if bill is not None:
            self._charge(bill, body)
        return _unit(_rows(body, len(texts)))

    def _charge(self, bill: Bill, body: Any) -> None:
        """What the server says that it took; without a word of it, the most that it can have been stays."""
        usage = body.get("usage") if isinstance(body, dict) else None
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        bill.model = self._model
        if isinstance(tokens, int) and tokens >= 0:
            bill.input_tokens = (bill.input_tokens or 0) + tokens
            if self._usd_per_million_tokens is not None:
                bill.cost_usd = bill.input_tokens * self._usd_per_million_tokens / 1e6


def _rows(body: Any, wanted: int) -> Vectors:
    listed = body.get("data") if isinstance(body, dict) else None
    data = listed if isinstance(listed, list) else []
    told = {one.get("index"): one.get("embedding") for one in data if isinstance(one, dict)}
    if set(told) != set(range(wanted)):
        raise EmbedderFailed("the model's server left vectors out")
    try:
        rows = np.array([told[place] for place in range(wanted)], np.float32)
    except (TypeError, ValueError):
        rows = np.zeros((0, 0), np.float32)
    if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
        raise EmbedderFailed("the model's server answered in another shape than OpenAI's")
    return rows


def _unit(rows: Vectors) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
