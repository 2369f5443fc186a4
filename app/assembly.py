"""What `create_app` does: the parts of an application, put together."""

from app import access, audited, wiring
from app.accounts.oidc.routes import blp as oidc_blp
from app.accounts.routes import blp as accounts_blp
from app.accounts.tokens import init_tokens
from app.admin.routes import blp as admin_blp
from app.calendar.routes import blp as calendar_blp
from app.calls.routes import blp as calls_blp
from app.chat.routes import blp as chat_blp
from app.core import openapi
from app.core.api import Api, Blueprint, refuse_unread_query
from app.core.clock import Clock
from app.core.flask_app import ParleyApp
from app.core.logs import configure_logs
from app.core.processes import ProcessBeat
from app.core.settings import Settings, load_settings
from app.events.routes import blp as events_blp
from app.health.routes import blp as health_blp
from app.inbox.routes import blp as inbox_blp
from app.invitations.routes import blp as invitations_blp
from app.media.quality_routes import blp as quality_blp
from app.media.routes import blp as media_blp
from app.media.whip_routes import blp as whip_blp
from app.meetings.routes import blp as meetings_blp
from app.notes.routes import blp as notes_blp
from app.notes.search.routes import blp as search_blp
from app.participants.host_routes import blp as moderation_blp
from app.participants.routes import blp as participants_blp
from app.personal_data.routes import blp as personal_data_blp
from app.rate_limits import HEADERS as RATE_LIMIT_HEADERS
from app.rate_limits import RateLimits
from app.recordings.exports_routes import blp as exports_blp
from app.recordings.local_routes import blp as local_tracks_blp
from app.recordings.routes import blp as recordings_blp
from app.recordings.sharing_routes import blp as shares_blp
from app.signaling.routes import blp as signaling_blp
from app.uploads.routes import blp as uploads_blp
from app.uploads.storage_routes import blp as storage_blp
from app.usage.routes import blp as usage_blp
from app.web.explorer import explorer
from app.web.routes import blp as web_blp
from app.webhooks.routes import blp as webhooks_blp

FEATURES: tuple[Blueprint, ...] = (
    accounts_blp,
    oidc_blp,
    meetings_blp,
    invitations_blp,
    calendar_blp,
    participants_blp,
    moderation_blp,
    signaling_blp,
    inbox_blp,
    media_blp,
    whip_blp,
    quality_blp,
    uploads_blp,
    storage_blp,
    chat_blp,
    recordings_blp,
    exports_blp,
    shares_blp,
    local_tracks_blp,
    notes_blp,
    calls_blp,
    usage_blp,
    personal_data_blp,
    search_blp,
    events_blp,
    webhooks_blp,
    admin_blp,
)

VERSIONED = frozenset(
    {
        *("/api/v1/meetings/{meeting_id}", "/api/v1/auth/me"),
        *("/api/v1/meetings/{meeting_id}/transcript", "/api/v1/calls/{call_id}/transcript"),
    }
)


def assemble(settings: Settings | None, clock: Clock | None) -> ParleyApp:
    """The WSGI application: see `create_app`."""
    settings = settings or load_settings()
    configure_logs(settings)
    if settings.profile == "qa":
        return _assemble_for_qa(settings, clock)
    return _assemble(settings, clock, FEATURES)


def _assemble_for_qa(settings: Settings, clock: Clock | None) -> ParleyApp:
    """The one place that knows of `app/qa`; in other profiles it is not even imported."""
    from app.qa.clock import MovableClock
    from app.qa.database_mark import require_mark
    from app.qa.routes import blp as qa_blp
    from app.qa.state import QaState

    state = QaState(settings.storage_dir)
    app = _assemble(settings, clock or MovableClock(state), (*FEATURES, qa_blp))
    app.runtime.drivers[QaState] = state
    require_mark(app.runtime)
    return app


def _assemble(settings: Settings, clock: Clock | None, features: tuple[Blueprint, ...]) -> ParleyApp:
    app = ParleyApp("app", wiring.build(settings, clock))
    app.config.update(
        DEBUG=settings.debug,
        MAX_CONTENT_LENGTH=settings.request_max_bytes,
        API_TITLE="Parley",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    init_tokens(app, wiring.jwt_secret(settings), settings.former(settings.jwt_secrets_former))
    limits: RateLimits = app.runtime.drivers[RateLimits]
    app.guard, app.limits_told = access.guard, limits.told
    app.admit, app.admit_sender = access.admit, access.admit_sender
    app.after_request(limits.tell)
    if settings.trusted_proxies:
        _read_addresses_of_proxies(app, settings)
    refuse_unread_query(app)
    _register_features(app, features)
    app.register_blueprint(explorer)
    app.register_blueprint(web_blp)
    access.check_complete(app, access.RULES | access.QA_RULES if settings.profile == "qa" else access.RULES)
    audited.write_down(app)
    if settings.cors_origins:
        _let_pages_call(app, settings)
    _beat_from_first_request(app)
    if app.runtime.tracing is not None:
        app.runtime.tracing.watch_requests(app)
    return app


def _let_pages_call(app: ParleyApp, settings: Settings) -> None:
    from flask_cors import CORS

    CORS(
        app,
        resources={r"/api/.*": {"origins": list(settings.cors_origins)}},
        expose_headers=[
            "Date",
            "ETag",
            "Link",
            "Location",
            "Accept-Post",
            "Accept-Patch",
            "Retry-After",
            "X-Request-ID",
            "Content-Range",
            *RATE_LIMIT_HEADERS,
        ],
        max_age=7200,  # seconds, as long as Chromium allows: else a page that polls asks twice each time
    )


def _read_addresses_of_proxies(app: ParleyApp, settings: Settings) -> None:
    from werkzeug.middleware.proxy_fix import ProxyFix

    fixed = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # what else proxies say is not read
    app.wsgi_app = fixed  # type: ignore[method-assign]


def _register_features(app: ParleyApp, features: tuple[Blueprint, ...]) -> None:
    api = Api(
        app,
        finish=lambda spec: openapi.finish(spec, access.who_may, VERSIONED),
        spec_kwargs={"info": {"description": openapi.INTRODUCTION}, "security": [{"bearer": []}]},
    )
    for blueprint in features:
        api.register_blueprint(blueprint, url_prefix=access.API_PREFIX)
    api.register_blueprint(health_blp)


def _beat_from_first_request(app: ParleyApp) -> None:
    """From its first request on, this process says that it is there (see `core/processes.py`): not at import, and
    after any fork."""

    @app.before_request
    def beat() -> None:
        if not app.testing:
            app.runtime.drivers[ProcessBeat].start()
