"""A server that speaks as OpenAI's does, and misbehaves as those do that say so.

What it answers is scripted a call at a time; it records what it was asked. Nothing in it understands a word.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

KEY = "sk-of-the-tests"
CHAT = "/v1/chat/completions"
AUDIO = "/v1/audio/transcriptions"
EMBEDDINGS = "/v1/embeddings"
DIMENSIONS = 16


@dataclass(frozen=True)
class Asked:
    """One request: `body` is its JSON or the fields of its form, a field that came twice as a list; `file` what was
    uploaded with it.
    """

    path: str
    key: str | None
    body: dict[str, Any]
    file: bytes | None = None
    file_name: str | None = None

    @property
    def prompt(self) -> str:
        """All that a chat was told."""
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def format(self) -> str | None:
        """`json_schema`, `json_object`, of a transcription `verbose_json` or `json`; None: none was asked for."""
        wanted = self.body.get("response_format")
        return wanted.get("type") if isinstance(wanted, dict) else wanted


@dataclass(frozen=True)
class Reply:
    body: Any  # JSON, or bytes as they are
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_off: bool = False  # the connection ends in the middle of the body
    never: bool = False  # the head does not come before the client hangs up

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Answer = Reply | Callable[[Asked], Reply]


def chat(content: Any, *, tokens: tuple[int, int] | None = (100, 20), finish: str = "stop") -> Reply:
    """What a model said; anything but a text as JSON. `tokens`: of prompt and answer; None: the server counts none."""
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    body: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "model": "test", "choices": [choice]}
    if tokens is not None:
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return Reply(body)


def fenced(content: Any) -> Reply:
    """JSON as many models give it whatever they are told: in a fence, with a friendly word before it."""
    return chat(f"Sure, here are the notes:\n```json\n{json.dumps(content, indent=1)}\n```\nAnything else?")


def transcription(text: str, *, segments: Any = None, words: Any = None, language: str = "english") -> Reply:
    """`verbose_json`; `segments` and `words` are there and null where a server has none, as some do."""
    lasts_s = segments[-1]["end"] if segments else 1.0
    return Reply({"text": text, "language": language, "duration": lasts_s, "segments": segments, "words": words})


def embeddings(asked: Asked) -> Reply:
    """The same vector for the same text."""
    texts = asked.body["input"]
    texts = [texts] if isinstance(texts, str) else texts
    data = [{"object": "embedding", "index": n, "embedding": vector_of(text)} for n, text in enumerate(texts)]
    tokens = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return Reply({"object": "list", "model": asked.body["model"], "data": data, "usage": usage})


def vector_of(text: str) -> list[float]:
    return [byte / 127.5 - 1 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]


def error(status: int, message: str = "it went wrong", **headers: str) -> Reply:
    """`retry_after="2"` becomes the header Retry-After."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Reply({"error": {"message": message, "type": "error", "code": None}}, status, named)


def busy(retry_after: str | None = None) -> Reply:
    return error(429, "rate limit reached", **({"retry_after": retry_after} if retry_after else {}))


def cut_off(reply: Reply) -> Reply:
    return replace(reply, cut_off=True)


def never() -> Reply:
    """Slower than any client waits."""
    return Reply({}, never=True)


@dataclass
class OpenAiServer:
    """`url` is what a client is configured with, down to its `/v1`."""

    url: str = ""
    key: str = KEY
    refuses_formats: set[str] = field(default_factory=set)  # of those that are asked for: 400
    asked: list[Asked] = field(default_factory=list)
    otherwise: dict[str, Answer] = field(default_factory=lambda: {EMBEDDINGS: embeddings})  # by path
    _script: list[Answer] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answers(self, *replies: Answer) -> None:
        """The next requests are answered with these, one after the other; afterwards with those of `otherwise`."""
        self._script.extend(replies)

    @property
    def prompts(self) -> Sequence[str]:
        return [one.prompt for one in self.asked if one.path == CHAT]

    def reply_to(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            if asked.key != self.key:
                return error(401, "Incorrect API key provided.")
            if asked.path not in (CHAT, AUDIO, EMBEDDINGS):
                return error(404, f"there is nothing at {asked.path}")
            if asked.format in self.refuses_formats:  # takes nothing from the script
                return error(400, f"unsupported response_format: {asked.format}")
            answer = self._script.pop(0) if self._script else self.otherwise.get(asked.path)
        if answer is None:
            return error(400, "the test has scripted no answer to this")
        return answer if isinstance(answer, Reply) else answer(asked)


@contextmanager
def openai_server() -> Iterator[OpenAiServer]:
    spoken = OpenAiServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            reply = spoken.reply_to(self._asked())
            if reply.never:
                self.rfile.read(1)  # nothing more comes: it returns when the client hangs up
                self.close_connection = True
                return
            body = reply.bytes
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.cut_off else body)
            self.close_connection = reply.cut_off

        def do_GET(self) -> None:
            """/models, which clients ask whether all is well."""
            knows = self.headers["Authorization"] == f"Bearer {spoken.key}"
            body = b'{"object": "list", "data": []}' if knows else b'{"error": {"message": "Incorrect API key"}}'
            self.send_response(200 if knows else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _asked(self) -> Asked:
            raw = self.rfile.read(int(self.headers["Content-Length"] or 0))
            scheme, _, key = (self.headers["Authorization"] or "").partition(" ")
            token = key if scheme == "Bearer" else None
            kind, options = parse_options_header(self.headers["Content-Type"])
            if kind != "multipart/form-data":
                return Asked(self.path, token, json.loads(raw))
            _, form, files = FormDataParser().parse(BytesIO(raw), kind, len(raw), options)
            fields = {name: sent if len(sent) > 1 else sent[0] for name, sent in form.to_dict(flat=False).items()}
            file: FileStorage | None = files.get("file")
            if file is None:
                return Asked(self.path, token, fields)
            return Asked(self.path, token, fields, file.read(), file.filename)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    spoken.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield spoken
    finally:
        server.shutdown()
        server.server_close()
