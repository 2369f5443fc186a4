"""Work in the background as admins see it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from app.core.clock import ManualClock
from app.core.ids import new_id
from app.core.jobs.leased import LeasedJobs
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings import renditions
from app.recordings.models import Recording, Rendition
from tests.support.people import Person, ok, problem

SECRET = "https://user:hunter2@store.example/films?X-Amz-Signature=abc"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jobs": "leased"})


def run_jobs(runtime: Runtime) -> None:
    assert isinstance(runtime.jobs, LeasedJobs)
    runtime.jobs.run_due(runtime)


def enqueue(runtime: Runtime, task: str, payload: dict[str, Any]) -> None:
    with runtime.writing() as work:
        work.enqueue(task, payload)


def test_a_job_that_fails_says_why_when_it_is_tried_again_and_tells_nothing_secret(
    admin: Person, runtime: Runtime, clock: ManualClock
) -> None:
    def fail(_runtime: Runtime, _payload: dict[str, Any]) -> None:
        raise OSError(f"{SECRET} is away")

    runtime.tasks.add("films.fetch", fail)
    subject = new_id()
    enqueue(runtime, "films.fetch", {"recording_id": subject, "token": "hunter3", "user_id": "no id"})
    run_jobs(runtime)
    [job] = ok(admin.get("/admin/jobs", kind="films.fetch"))["items"]
    assert job == ok(admin.get(f"/admin/jobs/{job['id']}"))
    assert (job["state"], job["attempts"], job["max_attempts"]) == ("queued", 1, 12)
    assert job["next_attempt_at"] > "2026-11-20T10:00:02"
    assert job["about"] == {"recording_id": subject}
    assert job["last_error"] == "OSError: https://…store.example/films?… is away"
    assert "hunter" not in str(job)


def test_a_job_that_has_failed_for_good_is_queued_again_once(admin: Person, runtime: Runtime) -> None:
    calls = []

    def fail_once(_runtime: Runtime, _payload: dict[str, Any]) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("away")

    runtime.tasks.add("films.fetch", fail_once)
    enqueue(runtime, "films.fetch", {})
    with runtime.writing() as work:
        work.execute(update(Job).where(Job.task == "films.fetch").values(max_attempts=1))
    run_jobs(runtime)
    [job] = ok(admin.get("/admin/jobs", state="failed"))["items"]
    again = ok(admin.post(f"/admin/jobs/{job['id']}/retry"), 202)
    assert (again["state"], again["attempts"], again["finished_at"]) == ("queued", 0, None)
    refused = problem(admin.post(f"/admin/jobs/{job['id']}/retry"), 409, "job_state_conflict")
    assert refused["state"] == "queued"
    run_jobs(runtime)
    assert ok(admin.get(f"/admin/jobs/{job['id']}"))["state"] == "done"
    problem(admin.post(f"/admin/jobs/{new_id()}/retry"), 404, "not_found")


def test_a_job_that_waits_is_cancelled_and_runs_only_when_that_is_taken_back(admin: Person, runtime: Runtime) -> None:
    runs: list[int] = []
    runtime.tasks.add("films.fetch", lambda *_: runs.append(1))
    enqueue(runtime, "films.fetch", {})
    [job] = ok(admin.get("/admin/jobs", kind="films.fetch"))["items"]
    path = f"/admin/jobs/{job['id']}"
    cancelled = ok(admin.post(f"{path}/cancel"))
    assert (cancelled["state"], cancelled["finished_at"]) == ("cancelled", "2026-11-20T10:00:00.000000Z")
    run_jobs(runtime)
    assert runs == []
    told = problem(admin.post(f"{path}/cancel"), 409, "job_state_conflict")
    assert told["detail"] == "Only a job that waits, and not by the clock, can be cancelled."
    assert ok(admin.get("/admin/jobs", state="cancelled"))["items"] == [cancelled]
    ok(admin.post(f"{path}/retry"), 202)
    run_jobs(runtime)
    assert runs == [1]
    problem(admin.post(f"{path}/cancel"), 409, "job_state_conflict")


def test_what_runs_by_the_clock_is_not_cancelled(admin: Person, runtime: Runtime) -> None:
    assert isinstance(runtime.jobs, LeasedJobs)
    runtime.jobs.plan(runtime)
    [job] = ok(admin.get("/admin/jobs", kind="jobs.purge"))["items"]
    problem(admin.post(f"/admin/jobs/{job['id']}/cancel"), 409, "job_state_conflict")


def test_a_composition_shows_how_far_it_is(admin: Person, runtime: Runtime) -> None:
    meeting = admin.create_meeting()
    with runtime.writing() as work:
        of = {"state": "processing", "audio_only": False, "created_at": work.now()}
        recording = Recording(
            id=new_id(), meeting_id=meeting["id"], started_by=admin.user_id, mode="both", driver="worker",
            participants=[], **of,
        )  # fmt: skip
        rendition = Rendition(
            id=new_id(), recording_id=recording.id, layout="grid", progress=0.4, attempts=1, chapters=[],
            warnings=[], **of,
        )  # fmt: skip
        work.add(recording)
        work.flush()
        work.add(rendition)
        work.flush()
        renditions.enqueue(work, recording, rendition)
    [job] = ok(admin.get("/admin/jobs", kind="recordings.compose"))["items"]
    assert job["progress"] == 0.4


def test_jobs_come_in_pages_the_newest_first(admin: Person, runtime: Runtime) -> None:
    runtime.tasks.add("films.fetch", lambda *_: None)
    subjects = [new_id() for _ in range(3)]
    for subject in subjects:
        enqueue(runtime, "films.fetch", {"recording_id": subject})
    first = ok(admin.get("/admin/jobs", kind="films.fetch", limit=2))
    second = ok(admin.get("/admin/jobs", kind="films.fetch", limit=2, cursor=first["next_cursor"]))
    found = [job["about"]["recording_id"] for job in first["items"] + second["items"]]
    assert found == subjects[::-1]
