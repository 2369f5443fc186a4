"""Parley: a self-hosted meeting backend for apps that speak plain HTTP."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.clock import Clock
    from app.core.flask_app import ParleyApp
    from app.core.settings import Settings


def create_app(settings: "Settings | None" = None, clock: "Clock | None" = None) -> "ParleyApp":
    """The WSGI application. Without settings, the environment and `.env` are read.

    :raises SettingsError: a setting is wrong or missing.
    """
    with _nothing_thrown_away():
        from app.assembly import assemble  # here, so that all that it imports is made in peace

        return assemble(settings, clock)


_is_first = True


@contextmanager
def _nothing_thrown_away() -> Iterator[None]:
    """No garbage collection: a start makes hundreds of modules that stay, and looking through them over and over for
    what could go takes a fifth of its time. What the first start has made is never looked through, not even then."""
    global _is_first
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if _is_first:  # counting what is frozen already would take longer than all else here
                gc.freeze()
                _is_first = False
            gc.enable()
