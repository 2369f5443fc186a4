from typing import Any

from flask import Response, request
from flask.views import MethodView
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.authentication import authenticate
from app.core import errors
from app.core.api import Blueprint
from app.core.db import MIGRATIONS
from app.core.flask_app import work
from app.core.runtime import Work
from app.health import metrics, service
from app.health.schemas import Live, Ready

# Its paths are whole: orchestrators look for them at the root.
blp = Blueprint("health", __name__, description="Whether Parley lives and can serve; open to everybody.")

RETRY_AFTER_S = "5"
FIGURES = {"type": "string", "example": 'parley_media_worker_load{worker="host-a/1"} 0.12'}
NOT_KEPT = {"Cache-Control": "no-store"}


@blp.route("/health/live")
class LiveView(MethodView):
    @blp.routine
    @blp.response(200, Live)
    def get(self) -> Any:
        """Does this process answer

        It asks nothing else: a process that does not answer should be started anew.
        """
        return {"status": "ok"}, NOT_KEPT


class ReadyView(MethodView):
    @blp.routine
    @blp.response(200, Ready)
    @blp.alt_response(503, schema=Ready, description="`unavailable`: without its database it can serve nothing.")
    def get(self) -> Any:
        """Can this process serve

        503 only while the database cannot be used; everybody is told why, as without it nobody is known. Where
        something beside calls is broken (the object store, the jobs process), the answer is 200 with the status
        `degraded`. Admins are told, part by part, what is wrong.
        """
        unit = work()
        checks = service.check(unit, MIGRATIONS)
        status = service.summary(checks)
        told = checks if _is_admin(unit) else [check for check in checks if check.essential and check.detail]
        answer = {"status": status, **({"checks": told} if told else {})}
        if status == "unavailable":
            return answer, 503, {**NOT_KEPT, "Retry-After": RETRY_AFTER_S}
        return answer, 200, NOT_KEPT


@blp.route("/metrics")
class MetricsView(MethodView):
    @blp.routine
    @blp.response(200, FIGURES, content_type="text/plain")
    @blp.doc(operationId="readMetrics")
    def get(self) -> Response:
        """Figures for Prometheus

        Of every process and media worker, as it told last. For admins, for who has METRICS_TOKEN, and from
        METRICS_ADDRESSES.
        """
        return Response(metrics.render(work()), content_type=metrics.CONTENT_TYPE, headers=NOT_KEPT)


blp.route("/health/ready", endpoint="ready")(ReadyView)
blp.route("/api/v1/health", endpoint="health")(ReadyView)


def _is_admin(unit: Work) -> bool:
    """A token is welcome but not needed; one that is wrong, or cannot be checked now, counts as none."""
    if "Authorization" not in request.headers:
        return False
    try:
        actor, _ = authenticate(unit, request.headers.get("Authorization", ""))
        return actor.is_admin
    except (errors.ParleyError, SQLAlchemyError):
        return False
