"""A server that receives webhooks, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drips_s: float = 0  # seconds between the letters of its head


@dataclass
class Receiver:
    """`answer` is asked for each; `received` has all, those too that were refused."""

    port: int
    received: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Reply] = lambda _: Reply()
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self) -> list[dict[str, Any]]:
        return [one.event for one in self.received]

    def names(self) -> list[str]:
        return [event["name"] for event in self.events()]


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            receiver.connections += 1

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it was killed
                self.close_connection = True
                return
            one = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            reply = receiver.answer(one)
            receiver.received.append(one)
            if reply.drips_s:
                self._drip(reply.drips_s)
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def _drip(self, pause_s: float) -> None:
            self.close_connection = True
            try:
                for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
                    self.wfile.write(bytes([letter]))
                    self.wfile.flush()
                    if ending.wait(pause_s):
                        return
            except OSError:
                pass

        def log_message(self, *_: Any) -> None:
            """Not a word."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Whoever hung up had their reasons."""

    ending = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
