from typing import Any

from flask import Response, request
from flask.views import MethodView

from app.calendar import service
from app.calendar.schemas import CalendarFeedOut
from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import actor, work
from app.meetings import service as meetings

CALENDAR = "text/calendar"
FILE = {"type": "string", "example": "BEGIN:VCALENDAR\r\n…"}
ETAG = {"ETag": {"description": "Changes with what is in it, for `If-None-Match`.", "schema": {"type": "string"}}}

blp = Blueprint("calendar", __name__, description="Meetings for calendar apps: files, and a feed to subscribe to.")


@blp.route("/meetings/<id:meeting_id>/calendar.ics")
class MeetingCalendar(MethodView):
    @blp.doc(operationId="downloadMeetingCalendar")
    @blp.response(200, FILE, content_type=CALENDAR)
    @blp.problems(errors.MeetingWithoutTime)
    def get(self, meeting_id: str) -> Response:
        """Download a meeting for one's calendar (iCalendar); of a series all of it"""
        made = service.of_meeting(work(), actor(), meetings.get(work(), meeting_id))
        answer = Response(made, content_type=f"{CALENDAR}; charset=utf-8")
        answer.headers["Content-Disposition"] = 'attachment; filename="meeting.ics"'
        return answer


@blp.route("/auth/me/calendar-feed")
class MyCalendarFeed(MethodView):
    @blp.doc(operationId="getCalendarFeed")
    @blp.response(200, CalendarFeedOut)
    def get(self) -> Any:
        """Whether one has a feed for calendar apps, and since when"""
        return service.feed_of(work(), actor())

    @blp.doc(operationId="renewCalendarFeed")
    @blp.response(200, CalendarFeedOut)
    def put(self) -> Any:
        """Make the address of a feed, or a new one in its place

        Whoever has the address reads one's meetings, so it is a secret, and told here alone. The old address, if there
        was one, works no more.
        """
        return service.renew_feed(work(), actor())

    @blp.doc(operationId="revokeCalendarFeed")
    @blp.response(204)
    def delete(self) -> None:
        """Let the address of one's feed work no more"""
        service.revoke_feed(work(), actor().user_id)


@blp.route("/calendar/feed/<secret>.ics")
class CalendarFeed(MethodView):
    @blp.doc(operationId="readCalendarFeed")
    @blp.response(200, FILE, content_type=CALENDAR, headers=ETAG)
    @blp.alt_response(304, description="`If-None-Match` names what is there")
    def get(self, secret: str) -> Response:
        """Read a person's meetings, by the secret address that their calendar app subscribes to

        From 30 days ago on, 1,000 at most. Apps that send `If-None-Match` are answered 304 while nothing has changed.
        """
        feed = service.read_feed(work(), secret)
        headers = {"Cache-Control": "private, no-cache", "ETag": f'"{feed.key}"'}
        if request.if_none_match.contains_weak(feed.key):
            return Response(status=304, headers=headers)
        made = service.write_feed(work(), feed)
        return Response(made, content_type=f"{CALENDAR}; charset=utf-8", headers=headers)
