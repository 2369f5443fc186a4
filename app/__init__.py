"""Parley: a self-hosted meeting backend for apps that speak plain HTTP."""

from pathlib import Path

from flask_cors import CORS
from flask_migrate import Migrate

from app import access, wiring
from app.accounts.routes import blp as accounts_blp
from app.accounts.tokens import init_tokens
from app.cli import register_commands
from app.core import openapi
from app.core.api import Api, Blueprint, refuse_unread_query
from app.core.clock import Clock
from app.core.flask_app import ParleyApp
from app.core.logs import configure_logs
from app.core.processes import ProcessBeat
from app.core.secret_files import keep_secret
from app.core.settings import Settings, load_settings
from app.health.routes import blp as health_blp
from app.inbox.routes import blp as inbox_blp
from app.invitations.routes import blp as invitations_blp
from app.media.routes import blp as media_blp
from app.meetings.routes import blp as meetings_blp
from app.notes.routes import blp as notes_blp
from app.participants.routes import blp as participants_blp
from app.recordings.routes import blp as recordings_blp
from app.signaling.routes import blp as signaling_blp
from app.web.explorer import explorer
from app.web.routes import blp as web_blp

FEATURES: tuple[Blueprint, ...] = (
    accounts_blp,
    meetings_blp,
    invitations_blp,
    participants_blp,
    signaling_blp,
    inbox_blp,
    media_blp,
    recordings_blp,
    notes_blp,
)

VERSIONED = frozenset({"/api/v1/meetings/{meeting_id}", "/api/v1/auth/me"})


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> ParleyApp:
    """The WSGI application. Without settings, the environment and `.env` are read.

    :raises SettingsError: a setting is wrong or missing.
    """
    settings = settings or load_settings()
    configure_logs(settings)
    app = ParleyApp(__name__, wiring.build(settings, clock))
    app.config.update(
        DEBUG=settings.debug,
        MAX_CONTENT_LENGTH=settings.request_max_bytes,
        API_TITLE="Parley",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    init_tokens(app, _jwt_secret(settings))
    app.guard = access.guard
    refuse_unread_query(app)
    _register_features(app)
    app.register_blueprint(explorer)
    app.register_blueprint(web_blp)
    access.check_complete(app)
    CORS(
        app,
        resources={r"/api/.*": {"origins": list(settings.cors_origins)}},
        expose_headers=["ETag", "Location", "Retry-After", "X-Request-ID", "Content-Range"],
        max_age=7200,  # seconds, as long as Chromium allows: else a page that polls asks twice each time
    )
    Migrate(app, app.runtime.database, directory=str(Path(__file__).parent.parent / "migrations"))
    register_commands(app)
    _beat_from_first_request(app)
    return app


def _jwt_secret(settings: Settings) -> str:
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    return keep_secret(settings.storage_dir, "jwt_secret")


def _register_features(app: ParleyApp) -> None:
    api = Api(
        app,
        spec_kwargs={
            "info": {"description": openapi.INTRODUCTION},
            "security": [{"bearer": []}],
        },
    )
    api.spec.components.security_scheme("bearer", openapi.BEARER)
    for blueprint in FEATURES:
        api.register_blueprint(blueprint, url_prefix=access.API_PREFIX)
    api.register_blueprint(health_blp)
    openapi.finish(api.spec, access.who_may, VERSIONED)


def _beat_from_first_request(app: ParleyApp) -> None:
    """From its first request on, this process says that it is there (see `core/processes.py`): not at import, and
    after any fork."""

    @app.before_request
    def beat() -> None:
        if not app.testing:
            app.runtime.drivers[ProcessBeat].start()
