from app.core.jobs.inline import InlineJobs
from app.core.runtime import Runtime
from tests.drivers.jobs_suite import JobsSuite


class TestInlineJobs(JobsSuite):
    def make_jobs(self) -> InlineJobs:
        return InlineJobs()

    def run_due(self, runtime: Runtime) -> None:
        assert isinstance(runtime.jobs, InlineJobs)
        runtime.jobs.run_due(runtime)
