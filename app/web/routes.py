"""Serves the pages: one HTML shell under every address that the client knows, and its static files.

The page is a client like any other: it gets no session from here, only files. Everything it may load or call comes
from this server, so the policy below can be strict, and a page works with no other network.
"""

from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from app.core.flask_app import ParleyApp
from app.core.settings import Settings

blp = Blueprint("web", __name__, static_folder="static", static_url_path="/web", template_folder="templates")


def content_security_policy(settings: Settings) -> str:
    store = urlsplit(settings.s3_public_endpoint or settings.s3_endpoint)
    files = f" {store.scheme}://{store.netloc}" if store.netloc else ""  # parts are sent to it, recordings come from it
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",  # pictures of the chat, likewise
            f"media-src 'self' blob:{files}",  # recordings at signed addresses; captions, fetched by token
            f"connect-src 'self'{files}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


@blp.get("/")
@blp.get("/sign-in")
@blp.get("/register")
@blp.get("/account")
@blp.get("/webhooks")
@blp.get("/webhooks/<webhook_id>")
@blp.get("/join")
@blp.get("/join/<code>")
@blp.get("/recordings")
@blp.get("/search")
@blp.get("/calls")
@blp.get("/calls/<call_id>")
@blp.get("/shared")
@blp.get("/meetings/<meeting_id>")
@blp.get("/meetings/<meeting_id>/room")
def shell(**_named: str) -> ResponseReturnValue:
    """The HTML shell; the client reads the address and draws the screen."""
    response = Response(render_template("shell.html"), mimetype="text/html")
    response.add_etag()
    return response.make_conditional(request)


@blp.after_request
def _headers(response: Response) -> Response:
    app = cast(ParleyApp, current_app)
    response.headers["Content-Security-Policy"] = content_security_policy(app.runtime.settings)
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(self), display-capture=(self)"
    response.headers["Referrer-Policy"] = "no-referrer"  # addresses name meetings
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Stored, but asked about each time: a page never runs modules of two versions.
    response.headers["Cache-Control"] = "no-cache"
    return response
