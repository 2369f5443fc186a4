"""A connection to a server that can be cut and mended: a TCP proxy on loopback between Parley and its database."""

from __future__ import annotations

import contextlib
import socket
import threading

from sqlalchemy import make_url


class CutLink:
    """Forwards bytes both ways to `host:port` until it is cut; then nobody gets through until it is mended.

    It listens on `port`, or on one that is free.
    """

    def __init__(self, host: str, far_port: int, port: int = 0) -> None:
        self._far = (host, far_port)
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = self._listen(port)
        self.port: int = self._listener.getsockname()[1]

    def url(self, database_url: str) -> str:
        """The same database, by way of this link."""
        near = make_url(database_url).set(host="127.0.0.1", port=self.port)
        return near.render_as_string(hide_password=False)

    def cut(self) -> None:
        """End every connection; new ones are refused."""
        with self._lock:
            for one in (self._listener, *self._sockets):
                _end(one)
            self._sockets.clear()

    def mend(self) -> None:
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._far)
            except OSError:
                return  # cut
            with self._lock:
                if listener.fileno() == -1:
                    _end(near)
                    _end(far)
                    return
                self._sockets |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)  # wakes whoever is blocked on it in another thread
    one.close()
