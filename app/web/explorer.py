"""The explorer at /docs and ReDoc at /redoc, from files that are installed with Parley: they work with no network."""

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, make_response, send_from_directory

SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
ASSETS = Path(__file__).parent / "explorer"
A_DAY_S = 86_400

explorer = Blueprint("explorer", __name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self' data:; worker-src 'self' blob:; media-src 'self' blob:; "
    "base-uri 'none'; frame-ancestors 'none'"
)  # both write styles into elements; neither needs inline scripts


@explorer.get("/docs")
def docs() -> Response:
    return _page("docs.html")


@explorer.get("/redoc")
def redoc() -> Response:
    return _page("redoc.html")


@explorer.get("/docs/assets/<path:name>")
def swagger_ui_asset(name: str) -> Response:
    return send_from_directory(SWAGGER_UI, name, max_age=A_DAY_S)


@explorer.get("/docs/own/<path:name>")
def own_asset(name: str) -> Response:
    return send_from_directory(ASSETS, name, max_age=A_DAY_S)


def _page(name: str) -> Response:
    response = make_response(send_from_directory(ASSETS, name))
    response.headers["Content-Security-Policy"] = POLICY
    return response
