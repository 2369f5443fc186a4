"""The server that the drivers for OpenAI-compatible services are tried against misbehaves as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.openai_server import (
    KEY,
    OpenAiServer,
    busy,
    chat,
    cut_off,
    fenced,
    never,
    openai_server,
    transcription,
    vector_of,
)


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with openai_server() as server:
        yield server


def ask(server: OpenAiServer, what: str = "/chat/completions", *, key: str = KEY, **request: Any) -> httpx.Response:
    if "files" not in request:
        request.setdefault("json", {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]})
    request.setdefault("timeout", 20)
    return httpx.post(server.url + what, headers={"Authorization": f"Bearer {key}"}, **request)


def test_a_key_that_it_does_not_know_is_refused(server: OpenAiServer) -> None:
    server.answers(chat("Hi."))
    assert ask(server, key="sk-wrong").status_code == 401
    assert ask(server).json()["choices"][0]["message"]["content"] == "Hi."
    assert server.prompts == ["Hello?", "Hello?"]


def test_answers_come_in_their_order_and_nothing_is_made_up_afterwards(server: OpenAiServer) -> None:
    server.answers(busy("2"), fenced({"a": None}))
    first = ask(server)
    assert (first.status_code, first.headers["Retry-After"]) == (429, "2")
    assert "```json" in ask(server).text
    assert ask(server).status_code == 400


def test_a_format_can_be_refused(server: OpenAiServer) -> None:
    server.refuses_formats = {"json_schema"}
    server.answers(chat("{}"))
    asked = {"messages": [{"role": "user", "content": "?"}], "response_format": {"type": "json_schema"}}
    refused = ask(server, json=asked)
    assert refused.status_code == 400
    assert "response_format" in refused.text
    assert ask(server, json={**asked, "response_format": {"type": "json_object"}}).status_code == 200


def test_an_answer_can_end_in_its_middle(server: OpenAiServer) -> None:
    server.answers(cut_off(chat("A long story.")))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(server)


def test_an_answer_can_stay_away(server: OpenAiServer) -> None:
    server.answers(never())
    with pytest.raises(httpx.ReadTimeout):
        ask(server, timeout=0.05)


def test_a_file_arrives_with_the_fields_of_its_form(server: OpenAiServer) -> None:
    server.answers(transcription("hello there"))
    data = {"model": "whisper-1", "timestamp_granularities[]": ["word", "segment"]}
    answer = ask(server, "/audio/transcriptions", data=data, files={"file": ("anna.wav", b"RIFF wave")})
    assert answer.json() == {
        "text": "hello there",
        "language": "english",
        "duration": 1.0,
        "segments": None,
        "words": None,
    }
    [asked] = server.asked
    assert asked.body == {"model": "whisper-1", "timestamp_granularities[]": ["word", "segment"]}
    assert (asked.file, asked.file_name) == (b"RIFF wave", "anna.wav")


def test_a_text_always_has_the_same_vector(server: OpenAiServer) -> None:
    answer = ask(server, "/embeddings", json={"model": "e", "input": ["one", "two", "one"]})
    vectors = [one["embedding"] for one in answer.json()["data"]]
    assert vectors == [vector_of("one"), vector_of("two"), vector_of("one")]
    assert vectors[0] != vectors[1]
