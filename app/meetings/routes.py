from typing import Any

from flask.views import MethodView

from app.core import errors
from app.core.api import Blueprint, etag, require_version
from app.core.flask_app import actor, work
from app.core.pagination import page_of
from app.meetings import series, service, shapes
from app.meetings.schemas import MeetingCreate, MeetingOut, MeetingsQuery, MeetingUpdate, ScopeQuery

blp = Blueprint("meetings", __name__, description="Create, schedule, start and end meetings.")


@blp.route("/meetings")
class Meetings(MethodView):
    @blp.arguments(
        MeetingCreate, example={"title": "Weekly review", "duration_min": 30, "metadata": {"project": "blue"}}
    )
    @blp.response(201, MeetingOut)
    def post(self, data: dict[str, Any]) -> Any:
        """Create a meeting

        Without `starts_at` it can be joined at once. With `recurrence` it repeats: the answer is its first occurrence,
        and those of the next three months are meetings of their own, with the same `series_id`.
        """
        create = series.create if "recurrence" in data else service.create
        meeting = create(work(), actor(), **data)
        return meeting, 201, {**etag(meeting.version), "Location": f"/api/v1/meetings/{meeting.id}"}

    @blp.arguments(MeetingsQuery, location="query")
    @blp.response(200, page_of(MeetingOut))
    def get(self, query: dict[str, Any]) -> Any:
        """List the meetings that you may see, by their start"""
        return service.list_visible(work(), actor(), **query)


@blp.route("/meetings/<id:meeting_id>")
class MeetingById(MethodView):
    @blp.response(200, MeetingOut)
    def get(self, meeting_id: str) -> Any:
        """Read a meeting"""
        return _show(meeting_id)

    @blp.arguments(MeetingUpdate, example={"title": "Weekly review and outlook"})
    @blp.arguments(ScopeQuery, location="query")
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    def patch(self, data: dict[str, Any], query: dict[str, Any], meeting_id: str) -> Any:
        """Change a meeting

        Of a series, `scope` says whether this occurrence alone changes, it and the following ones, or all that are to
        come. A change of all sets what it names on each of them and leaves the rest as it is there. `recurrence` lets a
        meeting repeat that did not.
        """
        scope = query["scope"]
        meeting = series.hold_with(work(), meeting_id) if scope != "this" else service.hold(work(), meeting_id)
        require_version(meeting.version)
        if meeting.series_id is not None and scope != "this":
            return _answer(series.update(work(), actor(), meeting, scope, **data))
        recurrence = data.pop("recurrence", None)
        if recurrence is not None and meeting.series_id is not None:
            raise series.refuse_rule_of_one()
        service.update(work(), actor(), meeting, **data)
        if recurrence is not None:
            series.begin_with(work(), actor(), meeting, recurrence)
        return _show(meeting_id)

    @blp.response(204)
    @blp.problems(errors.MeetingStateConflict)
    def delete(self, meeting_id: str) -> None:
        """Erase a cancelled or ended meeting with all that belongs to it"""
        service.erase(work(), service.hold(work(), meeting_id))


@blp.route("/meetings/<id:meeting_id>/start")
class Start(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict, errors.NoMediaWorker)
    def post(self, meeting_id: str) -> Any:
        """Make a meeting live"""
        service.start(work(), service.hold(work(), meeting_id), actor().user_id)
        return _show(meeting_id)


@blp.route("/meetings/<id:meeting_id>/end")
class End(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    def post(self, meeting_id: str) -> Any:
        """End a meeting for everybody"""
        service.end(work(), service.hold(work(), meeting_id))
        return _show(meeting_id)


@blp.route("/meetings/<id:meeting_id>/code/renew")
class RenewCode(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    @blp.doc(operationId="renewMeetingCode")
    def post(self, meeting_id: str) -> Any:
        """Renew the code, and with it the join URL

        The old ones are dead at once. Whoever is in stays; guests are not told the new ones.
        """
        service.renew_code(work(), service.hold(work(), meeting_id))
        return _show(meeting_id)


@blp.route("/meetings/<id:meeting_id>/lock")
class Lock(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    def post(self, meeting_id: str) -> Any:
        """Lock a live meeting: nobody new comes in

        Who is in it stays, may come in with another device, and after a lost connection go on by `replaces`. Hosts
        come in as ever, and may still admit who waits. It ends with the meeting.
        """
        service.lock(work(), service.hold(work(), meeting_id), locked=True)
        return _show(meeting_id)


@blp.route("/meetings/<id:meeting_id>/unlock")
class Unlock(MethodView):
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    def post(self, meeting_id: str) -> Any:
        """Unlock a live meeting"""
        service.lock(work(), service.hold(work(), meeting_id), locked=False)
        return _show(meeting_id)


@blp.route("/meetings/<id:meeting_id>/cancel")
class Cancel(MethodView):
    @blp.arguments(ScopeQuery, location="query")
    @blp.response(200, MeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    def post(self, query: dict[str, Any], meeting_id: str) -> Any:
        """Call a meeting off; of a series this occurrence, it and the following ones, or all that are to come"""
        meeting = series.hold_with(work(), meeting_id)
        if meeting.series_id is not None and query["scope"] != "this":
            series.cancel(work(), meeting, query["scope"])
        else:
            service.cancel(work(), meeting)
        return _show(meeting_id)


def _show(meeting_id: str) -> Any:
    work().flush()
    return _answer(shapes.view(work(), service.get(work(), meeting_id), actor().user_id))


def _answer(meeting: shapes.MeetingView) -> Any:
    return meeting, 200, etag(meeting.version)
