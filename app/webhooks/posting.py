"""One signed request to an address that a person has named: to public addresses alone, within its time, and of the
answer only as much as is kept.

httpcore, httpx's own half: its network backend is where a name becomes an address, so the address that was judged is
the one that is connected to, while TLS (SNI, the certificate) and `Host` keep the name. It follows no redirects and
reads no proxies from the environment.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from ssl import SSLContext
from typing import Any, NamedTuple

import httpcore
import httpx

from app.webhooks.addresses import may_reach

IDLE_S = 5.0  # a connection is kept for the next event; fewer than servers wait, so that none ends just then
LONGEST_ERROR = 200  # characters
_KEPT_CONNECTIONS = 100

_limits = threading.local()  # `until`, by time.monotonic(): the end of what this thread is sending


class Answer(NamedTuple):
    """`status` None: there was none, and `error` says why. `text`: how its body begins."""

    status: int | None
    error: str | None
    duration_ms: int
    text: str
    retry_after: str | None


class AddressRefused(httpcore.ConnectError):
    """Where the name leads, no webhook may go."""


class Poster:
    """Shared by threads. `allowed`: networks beside the public ones; `answer_bytes`: of an answer's body, at most."""

    def __init__(self, *, allowed: Sequence[str], time_s: float, answer_bytes: int, at_once: int) -> None:
        self._time_s = time_s
        self._answer_bytes = answer_bytes
        self._resolving = ThreadPoolExecutor(at_once, thread_name_prefix="webhook-names")
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=at_once + _KEPT_CONNECTIONS,
            max_keepalive_connections=_KEPT_CONNECTIONS,
            keepalive_expiry=IDLE_S,
            network_backend=_Backend(tuple(allowed), self._resolving),
        )

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for what is at the other side's."""
        began = time.monotonic()
        _limits.until = began + self._time_s
        status, text, error, retry_after = None, b"", None, None
        try:
            with self._pool.stream(
                "POST",
                _as_httpcore(url),
                headers=[(name.encode(), value.encode()) for name, value in _all_headers(url, headers, body)],
                content=body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._time_s)},
            ) as response:
                status = response.status
                retry_after = {name.lower(): value for name, value in response.headers}.get(b"retry-after")
                for piece in response.iter_stream():
                    text += piece[: self._answer_bytes - len(text)]
                    if len(text) >= self._answer_bytes:
                        break  # and with it the connection ends
        except (httpcore.TimeoutException, TookTooLong, TimeoutError):
            if status is None:
                error = f"No answer within {self._time_s:g} s."
        except AddressRefused as refused:
            error = str(refused)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.InvalidURL, OSError, ValueError) as failure:
            if status is None:
                error = _in_short(failure)
        took_ms = round((time.monotonic() - began) * 1000)
        told = None if retry_after is None else retry_after.decode("latin-1")
        return Answer(status, error, took_ms, text.decode(errors="replace").replace("\0", ""), told)

    def close(self) -> None:
        self._pool.close()
        self._resolving.shutdown(wait=False)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, allowed: Sequence[str], resolving: ThreadPoolExecutor) -> None:
        self._allowed = allowed
        self._resolving = resolving
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first of the host's addresses that may be reached, and can be."""
        found = self._resolving.submit(look_up, host, port).result(_left_s())  # it keeps to no time limit itself
        public = [address for address in found if may_reach(address, self._allowed)]
        if not public:
            raise AddressRefused(f"{host} leads to no public address; see WEBHOOK_NETWORKS.")
        for address in public[:-1]:
            try:
                share_s = _left_s() / 2  # so that the others get some time too
                return _Stream(self._sockets.connect_tcp(address, port, share_s, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return _Stream(self._sockets.connect_tcp(public[-1], port, _left_s(), local_address, socket_options))

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise AddressRefused("A webhook leads to no file.")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def look_up(host: str, port: int) -> list[str]:
    """The addresses to which a name leads now. :raises OSError: to none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class _Stream(httpcore.NetworkStream):
    """A connection on which all that is done for one request ends with the request's time, not each part of it with its
    own: who answers a byte a second would hold a thread for hours."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left_s()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left_s() -> float:
    """:raises TimeoutError: nothing is left."""
    left: float = _limits.until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _as_httpcore(url: str) -> httpcore.URL:
    parsed = httpx.URL(url)
    return httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path or b"/"
    )


def _all_headers(url: str, headers: Mapping[str, str], body: bytes) -> Iterable[tuple[str, str]]:
    yield "Host", httpx.URL(url).netloc.decode("ascii")
    yield "User-Agent", "Parley-Webhooks/1"
    yield "Accept", "*/*"
    yield "Content-Type", "application/json"
    yield "Content-Length", str(len(body))
    yield from headers.items()


def _in_short(failure: Exception) -> str:
    said = str(failure) or type(failure).__name__
    return said.replace("\0", "")[:LONGEST_ERROR]
