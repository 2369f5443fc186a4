"""How gunicorn serves Parley: one process of many threads, which share wake-ups and parked polls."""

import signal
import threading
from typing import Any

from app.core.settings import SettingsError, load_settings

try:
    settings = load_settings()
except SettingsError as error:
    raise SystemExit(f"Parley cannot start with these settings:\n{error}") from None

bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = 1
threads = settings.web_threads
worker_connections = 1000  # waiting and kept-alive connections hold no thread
keepalive = 75  # seconds; proxies keep theirs for 60, so that it is never this side that hangs up first
graceful_timeout = 3  # seconds; honcho kills what is left 5 s after Ctrl-C
reload = settings.debug
loglevel = "warning"  # requests are logged by the app, with their ids
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """The app is loaded and its socket listens. (`when_ready` comes too early: before the app is loaded.)"""
    _answer_parked_polls_at_exit(worker)
    print(f"Parley is ready: {settings.address}/  (explorer: {settings.address}/docs)", flush=True)


def worker_exit(_server: Any, worker: Any) -> None:
    """Sign off in the table of processes, and close every connection."""
    if hasattr(worker.wsgi, "runtime"):
        worker.wsgi.runtime.close()


def _answer_parked_polls_at_exit(worker: Any) -> None:
    """On SIGTERM a worker waits for its requests; polls that are parked end then, with an empty answer."""
    wakeups = worker.wsgi.runtime.wakeups
    wait_for_requests = signal.getsignal(signal.SIGTERM)

    def answer_and_wait(number: int, frame: Any) -> None:
        # In a thread: this handler may have interrupted one that holds the lock of the wake-ups.
        threading.Thread(target=wakeups.close).start()
        wait_for_requests(number, frame)  # type: ignore[operator, misc]

    signal.signal(signal.SIGTERM, answer_and_wait)
