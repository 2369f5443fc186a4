"""A server of errors on loopback that speaks as much of Sentry's protocol as its client asks for: it keeps events."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class ErrorServer:
    """`with ErrorServer() as server:` takes what is sent to its `dsn`."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.raw = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server._take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.dsn = f"http://public@127.0.0.1:{self._server.server_port}/1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, envelope: bytes) -> None:
        """https://develop.sentry.dev/sdk/data-model/envelopes/: a line of headers, then two of each item."""
        self.raw += envelope.decode()
        _, *lines = envelope.decode().splitlines()
        for headers, body in zip(lines[::2], lines[1::2], strict=False):
            if json.loads(headers).get("type") == "event":
                self.events.append(json.loads(body))
