from typing import Any

from flask.views import MethodView

from app.admin import jobs, lines, meetings, users
from app.admin.schemas import (
    AdminMeetingOut,
    AdminMeetingsQuery,
    AdminRoleIn,
    AdminUserDetails,
    AdminUserOut,
    AdminUsersQuery,
    AuditLineOut,
    AuditQuery,
    JobOut,
    JobsQuery,
    MeetingAuditLineOut,
    MeetingAuditQuery,
)
from app.core import errors
from app.core.api import Blueprint
from app.core.flask_app import work
from app.core.pagination import page_of

blp = Blueprint("admin", __name__, description="The inside of Parley, for its admins.")


@blp.route("/admin/jobs")
class Jobs(MethodView):
    @blp.arguments(JobsQuery, location="query")
    @blp.response(200, page_of(JobOut))
    @blp.doc(operationId="listJobs")
    def get(self, query: dict[str, Any]) -> Any:
        """List work in the background, the newest first

        Those that are done are forgotten after a week, those that failed after 30 days.
        """
        return jobs.page(work(), **query)


@blp.route("/admin/jobs/<id:job_id>")
class JobById(MethodView):
    @blp.response(200, JobOut)
    @blp.doc(operationId="getJob")
    def get(self, job_id: str) -> Any:
        """Read a job: its attempts, its progress, why it failed last"""
        return jobs.show(work(), job_id)


@blp.route("/admin/jobs/<id:job_id>/retry")
class RetryJob(MethodView):
    @blp.response(202, JobOut)
    @blp.problems(errors.JobStateConflict)
    @blp.doc(operationId="retryJob")
    def post(self, job_id: str) -> Any:
        """Queue a job again that has failed, or was cancelled, with all its attempts"""
        return jobs.retry(work(), job_id)


@blp.route("/admin/jobs/<id:job_id>/cancel")
class CancelJob(MethodView):
    @blp.response(200, JobOut)
    @blp.problems(errors.JobStateConflict)
    @blp.doc(operationId="cancelJob")
    def post(self, job_id: str) -> Any:
        """Let a job that waits not run

        Whoever waits for what it was to make finds after some hours that it failed; until then `retry` takes it back.
        What runs already goes on, and what runs by the clock can't be cancelled.
        """
        return jobs.cancel(work(), job_id)


@blp.route("/admin/users")
class Users(MethodView):
    @blp.arguments(AdminUsersQuery, location="query")
    @blp.response(200, page_of(AdminUserOut))
    @blp.doc(operationId="listAllUsers")
    def get(self, query: dict[str, Any]) -> Any:
        """List accounts, the newest first; or find some

        `q` is looked for anywhere in names and addresses. Guests have no account, and those that were erased are gone.
        """
        return users.page(work(), **query)


@blp.route("/admin/users/<id:user_id>")
class UserById(MethodView):
    @blp.response(200, AdminUserDetails)
    @blp.doc(operationId="getUser")
    def get(self, user_id: str) -> Any:
        """Read an account, with what it uses and its limits"""
        return users.show(work(), user_id)

    @blp.response(204)
    @blp.problems(errors.LastAdmin)
    @blp.doc(operationId="eraseUser")
    def delete(self, user_id: str) -> None:
        """Erase an account, for somebody who asks for it and can't sign in

        It is the same as when they do it themselves (`DELETE /auth/me`), and can't be taken back.
        """
        users.erase(work(), user_id)


@blp.route("/admin/users/<id:user_id>/disable")
class DisableUser(MethodView):
    @blp.response(200, AdminUserDetails)
    @blp.problems(errors.LastAdmin)
    @blp.doc(operationId="disableUser")
    def post(self, user_id: str) -> Any:
        """Lock an account out

        Its sessions end at once, and with them its stays in meetings; a program's keys do not count any more. What
        belongs to it stays.
        """
        return users.disable(work(), user_id)


@blp.route("/admin/users/<id:user_id>/enable")
class EnableUser(MethodView):
    @blp.response(200, AdminUserDetails)
    @blp.doc(operationId="enableUser")
    def post(self, user_id: str) -> Any:
        """Let an account in again"""
        return users.enable(work(), user_id)


@blp.route("/admin/users/<id:user_id>/role")
class UserRole(MethodView):
    @blp.arguments(AdminRoleIn)
    @blp.response(200, AdminUserDetails)
    @blp.problems(errors.LastAdmin, errors.AccountStateConflict)
    @blp.doc(operationId="setUserRole")
    def put(self, data: dict[str, Any], user_id: str) -> Any:
        """Make somebody an admin, or an ordinary user again, from their next request on"""
        return users.set_role(work(), user_id, **data)


@blp.route("/admin/meetings")
class Meetings(MethodView):
    @blp.arguments(AdminMeetingsQuery, location="query")
    @blp.response(200, page_of(AdminMeetingOut))
    @blp.doc(operationId="listAllMeetings")
    def get(self, query: dict[str, Any]) -> Any:
        """List everybody's meetings, the newest first; or find some by their titles

        How one comes in, who is invited and what is said stays among their people.
        """
        return meetings.page(work(), **query)


@blp.route("/admin/meetings/<id:meeting_id>")
class MeetingById(MethodView):
    @blp.response(200, AdminMeetingOut)
    @blp.doc(operationId="getAnyMeeting")
    def get(self, meeting_id: str) -> Any:
        """Read where anybody's meeting stands"""
        return meetings.show(work(), meeting_id)


@blp.route("/admin/meetings/<id:meeting_id>/end")
class EndMeeting(MethodView):
    @blp.response(200, AdminMeetingOut)
    @blp.problems(errors.MeetingStateConflict)
    @blp.doc(operationId="endAnyMeeting")
    def post(self, meeting_id: str) -> Any:
        """End anybody's live meeting, for everybody in it"""
        return meetings.end(work(), meeting_id)


@blp.route("/admin/audit")
class Audit(MethodView):
    @blp.arguments(AuditQuery, location="query")
    @blp.response(200, page_of(AuditLineOut))
    @blp.doc(operationId="listAudit")
    def get(self, query: dict[str, Any]) -> Any:
        """List what hosts and admins did, the newest first

        Each line was written together with what it tells of. They are kept AUDIT_KEEP_DAYS, and nobody can change one.
        """
        return lines.page(work(), **query)


@blp.route("/meetings/<id:meeting_id>/audit")
class MeetingAudit(MethodView):
    @blp.arguments(MeetingAuditQuery, location="query")
    @blp.response(200, page_of(MeetingAuditLineOut))
    @blp.doc(operationId="listMeetingAudit")
    def get(self, query: dict[str, Any], meeting_id: str) -> Any:
        """List what its hosts, and admins, did with a meeting, the newest first"""
        return lines.page(work(), meeting_id=meeting_id, **query)
