"""Entry point for flask and any WSGI server; there a parked poll holds a thread. `asgi.py` has one that parks them."""

import gc

from app import create_app
from app.core.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    raise SystemExit(f"Parley cannot start with these settings:\n{error}") from None

# Not before: create_app is quicker at importing what this needs.
from app.cli import register_commands

register_commands(app)
gc.freeze()  # all of it stays: no garbage collection need look through it again
