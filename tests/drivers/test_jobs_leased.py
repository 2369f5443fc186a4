from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from tests.drivers.jobs_suite import JobsSuite


class TestLeasedJobs(JobsSuite):
    def make_jobs(self) -> LeasedJobs:
        return LeasedJobs()

    def run_due(self, runtime: Runtime) -> None:
        assert isinstance(runtime.jobs, LeasedJobs)
        runtime.jobs.run_due(runtime)
