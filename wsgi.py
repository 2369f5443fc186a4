"""Entry point for flask, gunicorn and any other WSGI server."""

from app import create_app

app = create_app()
