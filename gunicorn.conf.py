"""How gunicorn serves Parley: one process of many threads, which share wake-ups and parked polls."""

from typing import Any

from app.core.settings import load_settings

settings = load_settings()

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
    print(f"Parley is ready: {settings.address}/  (explorer: {settings.address}/docs)", flush=True)
