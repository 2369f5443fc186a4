from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import work
from app.qa import clock, faults, service
from app.qa.schemas import ClockIn, ClockOut, FaultIn, FaultOut, FaultsPage, NothingIn, ResetOut, SeedOut
from app.qa.state import QaState
from app.qa.workers import kill_worker

blp = Blueprint("qa", __name__, description="In the QA profile alone: empty it, fill it, move its clock, make it fail.")


@blp.route("/qa/reset")
class Reset(MethodView):
    @blp.arguments(NothingIn)
    @blp.response(200, ResetOut)
    @blp.doc(operationId="qaReset")
    def post(self, _data: dict[str, Any]) -> Any:
        """Delete everything: accounts, meetings, files; faults and the moved clock too"""
        return service.reset(work().runtime)


@blp.route("/qa/seed")
class Seed(MethodView):
    @blp.arguments(NothingIn)
    @blp.response(200, SeedOut)
    @blp.doc(operationId="qaSeed")
    def post(self, _data: dict[str, Any]) -> Any:
        """Make a small team with meetings past and to come; only what is missing"""
        return service.seed(work().runtime)


@blp.route("/qa/clock")
class Clock(MethodView):
    @blp.response(200, ClockOut)
    @blp.doc(operationId="qaReadClock")
    def get(self) -> Any:
        """Read the clock"""
        return _clock()

    @blp.arguments(ClockIn, example={"advance_s": 3600})
    @blp.response(200, ClockOut)
    @blp.doc(operationId="qaMoveClock")
    def post(self, data: dict[str, Any]) -> Any:
        """Move the clock of all processes; `{}` puts it right

        It goes on from there. Tokens, invitations, presence, retention and the jobs' timetable of what is due all go by
        it. After a leap nobody is counted as gone for PRESENCE_GRACE_S.
        """
        clock.move(_state(), **data)
        return _clock()


@blp.route("/qa/faults")
class Faults(MethodView):
    @blp.response(200, FaultsPage)
    @blp.doc(operationId="qaListFaults")
    def get(self) -> Any:
        """List the faults that are armed, and those that have happened as often as they were to"""
        return {"items": _state().read().faults, "next_cursor": None}

    @blp.arguments(FaultIn, example={"kind": "drop_poll", "times": 1})
    @blp.response(201, FaultOut)
    @blp.problems(errors.NoMediaWorker)
    @blp.doc(operationId="qaArmFault")
    def post(self, data: dict[str, Any]) -> Any:
        """Make something fail, so often or until it has lasted long enough

        - `drop_poll`: a poll is carried out, and its connection is closed in place of an answer.
        - `delay_poll`: its answer comes `delay_ms` later.
        - `fail_upload_part`: a part that is sent to this server is refused with 503, and not stored.
        - `expire_url`: the signed address of a part is refused as expired.
        - `kill_worker`: a media worker of this machine is killed at once; 503 where there is none.

        Polls can be narrowed down to a user, a meeting or a participant, parts to an upload, and a worker to that of a
        meeting.
        """
        if data["kind"] == faults.KILL_WORKER:
            kill_worker(work(), data["meeting_id"])
        return faults.arm(_state(), **data)

    @blp.response(204)
    @blp.doc(operationId="qaClearFaults")
    def delete(self) -> None:
        """Disarm all faults"""
        faults.clear(_state())


@blp.route("/qa/faults/<id:fault_id>")
class FaultById(MethodView):
    @blp.response(204)
    @blp.doc(operationId="qaClearFault")
    def delete(self, fault_id: str) -> None:
        """Disarm a fault"""
        faults.clear(_state(), fault_id)


def _state() -> QaState:
    return work().driver(QaState)


def _clock() -> dict[str, Any]:
    return {"now": work().now(), "offset_s": _state().read().offset_s}
