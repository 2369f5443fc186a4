from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.core.pagination import PageQuery, page_of
from app.media import placement, service, workers
from app.media.schemas import (
    DrainQuery,
    Placements,
    RegisterWorker,
    RenewWorker,
    Report,
    Reported,
    Tracks,
    WorkerOut,
    WorkerState,
)

blp = Blueprint("media", __name__, description="Media workers, and the tracks that are published to them.")


@blp.route("/meetings/<id:meeting_id>/rtc/tracks")
class MeetingTracks(MethodView):
    @blp.response(200, Tracks)
    @blp.doc(operationId="listMeetingTracks")
    def get(self, meeting_id: str) -> Any:
        """List the tracks that are published now

        Peer-to-peer meetings have none here: their tracks go from device to device.
        """
        return {"items": service.tracks_of(work(), meeting_id)}


@blp.route("/meetings/<id:meeting_id>/rtc/reports")
class Reports(MethodView):
    @blp.arguments(Report)
    @blp.response(200, Reported)
    @blp.problems(errors.EpochPassed)
    @blp.doc(operationId="reportMedia")
    def post(self, data: dict[str, Any], meeting_id: str) -> Any:
        """Tell what a media worker forwards in this meeting

        The room learns of tracks by `rtc.track`, of those who speak by `speaker`. Repeating it changes nothing.
        """
        service.report(work(), meeting_id, **data)
        return {"epoch": data["epoch"]}


@blp.route("/media/workers")
class Workers(MethodView):
    @blp.arguments(RegisterWorker)
    @blp.response(201, WorkerState)
    @blp.doc(operationId="registerMediaWorker")
    def post(self, data: dict[str, Any]) -> Any:
        """Register a media worker

        It is there as long as it renews its lease; meetings are placed on it, and told in its inbox
        (`GET /rtc/inbox?worker_id=…`). A worker of the same service and name is given up.
        """
        state = workers.register(work(), actor(), **data)
        return state, 201, {"Location": f"/api/v1/media/workers/{state['id']}"}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(WorkerOut))
    @blp.doc(operationId="listMediaWorkers")
    def get(self, query: dict[str, Any]) -> Any:
        """List the media workers that are there"""
        return workers.list_all(work(), **query)


@blp.route("/media/workers/<id:worker_id>")
class WorkerById(MethodView):
    @blp.routine
    @blp.arguments(RenewWorker)
    @blp.response(200, WorkerState)
    @blp.problems(errors.WorkerGone)
    @blp.doc(operationId="renewMediaWorker")
    def put(self, data: dict[str, Any], worker_id: str) -> Any:
        """Renew a media worker's lease, and tell how it does

        `placements` is what it has to forward.
        """
        return workers.renew(work(), worker_id, **data)

    @blp.arguments(DrainQuery, location="query")
    @blp.response(200, WorkerState)
    @blp.problems(errors.WorkerGone)
    @blp.doc(operationId="drainMediaWorker")
    def delete(self, query: dict[str, Any], worker_id: str) -> Any:
        """Drain a media worker

        Nothing more is placed on it. Once `placements` is empty it can be stopped.
        """
        return workers.drain(work(), worker_id, move=query["meetings"] == "move")


@blp.route("/media/workers/<id:worker_id>/placements")
class WorkerPlacements(MethodView):
    @blp.response(200, Placements)
    @blp.problems(errors.WorkerGone)
    @blp.doc(operationId="listMediaWorkerPlacements")
    def get(self, worker_id: str) -> Any:
        """Read what is placed on a media worker, with who is there

        After `inbox.reset`, when messages were left out.
        """
        return {"items": placement.in_full(work(), worker_id)}
