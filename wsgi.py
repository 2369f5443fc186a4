"""Entry point for flask, gunicorn and any other WSGI server."""

from app import create_app
from app.core.settings import SettingsError

try:
    app = create_app()
except SettingsError as error:
    raise SystemExit(f"Parley cannot start with these settings:\n{error}") from None
