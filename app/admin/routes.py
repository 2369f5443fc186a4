from typing import Any

from flask.views import MethodView

from app.admin import jobs
from app.admin.schemas import JobOut, JobsQuery
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
        """Queue a job again that has failed, with all its attempts"""
        return jobs.retry(work(), job_id)
