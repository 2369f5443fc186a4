"""How many recordings run at a time, and what is not begun while there is too much to do."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.recordings.models import Recording
from tests.media.rest_worker import RestWorker, service_key
from tests.notes.hearing import record
from tests.recordings.recording_worker import RecordingWorker
from tests.support.people import Call, Person, ok, problem, start_call
from tests.support.races import at_once, statuses


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = {"recordings_running_max": 1, "recordings_running_total_max": 2, "overloaded_retry_s": 7}
    return settings.model_copy(update=limits | {"jobs_waiting_max": 3, "jobs_behind_max_min": 10})


def live(person: Person, mode: str = "mock") -> dict[str, Any]:
    meeting = person.create_meeting(media_mode=mode)
    person.join(meeting)
    return meeting


def begin(person: Person, meeting: dict[str, Any]) -> TestResponse:
    return person.post(f"/meetings/{meeting['id']}/recordings", {})


def test_an_owner_has_so_many_running_and_a_stopped_one_makes_room(anna: Person, ben: Person) -> None:
    first = ok(begin(anna, live(anna)), 201)
    other = live(anna)
    refused = problem(begin(anna, other), 409, "too_many_recordings")
    assert (refused["running"], refused["most"]) == (1, 1)
    ok(begin(ben, live(ben)), 201)
    ok(anna.post(f"/recordings/{first['id']}/stop"), 202)
    ok(begin(anna, other), 201)


def test_two_at_once_do_not_both_find_an_owners_last_place(anna: Person) -> None:
    answers = at_once(*(partial(begin, anna, live(anna)) for _ in range(3)))
    assert statuses(answers) == {201: 1, 409: 2}


def test_of_all_owners_at_once_so_many_begin_and_the_others_hear_when_to_come_again(
    anna: Person, ben: Person, cleo: Person
) -> None:
    answers = at_once(*(partial(begin, one, live(one)) for one in (anna, ben, cleo)))
    assert statuses(answers) == {201: 2, 503: 1}
    [refused] = [answer for answer in answers if answer.status_code == 503]
    told = problem(refused, 503, "overloaded")
    assert (told["reason"], told["used"], told["most"]) == ("recordings_running", 2, 2)
    assert refused.headers["Retry-After"] == "7"


def test_a_full_media_worker_begins_no_recording_and_gets_no_meeting_but_goes_on(app: ParleyApp, call: Call) -> None:
    worker = RecordingWorker(RestWorker(app, service_key(app)))
    running = start_call(call.owner, call.guest, media_mode="sfu")
    recording = ok(begin(call.owner, running.meeting), 201)
    ok(call.owner.post(f"/recordings/{recording['id']}/stop"), 202)
    ok(worker.worker.renew(load=0.9))
    told = problem(begin(call.owner, running.meeting), 503, "overloaded")
    assert (told["reason"], told["used"], told["most"]) == ("media_full", 0.9, 0.9)
    other = call.owner.create_meeting(media_mode="sfu")
    refused = call.owner.post(f"/meetings/{other['id']}/start")
    problem(refused, 503, "no_media_worker")
    assert refused.headers["Retry-After"] == "7"
    ok(call.guest.post(f"/meetings/{running.meeting['id']}/join", {"device": "tablet"}), 201)
    ok(running.send(running.offer()), 201)
    ok(worker.worker.renew(load=0.89))
    ok(begin(call.owner, running.meeting), 201)


class TestJobsBehind:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"jobs": "leased", "access_token_min": 100_000})

    @pytest.fixture
    def stopped(self, call: Call, runtime: Runtime) -> str:
        recording_id, _ = record(runtime, call, call.owners["id"])
        return recording_id

    def asked(self, call: Call, recording_id: str) -> list[TestResponse]:
        """What makes work for the background, all of it."""
        meeting = f"/meetings/{call.meeting['id']}"
        return [
            call.owner.post(f"{meeting}/recordings", {}),
            call.owner.post(f"{meeting}/notes", {}),
            call.owner.post(f"{meeting}/notes/retry", {}),
            call.owner.post(f"/recordings/{recording_id}/exports", {}),
            call.owner.post(f"/recordings/{recording_id}/compose", {}),
            call.owner.post("/calls", {"upload_id": new_id()}),
        ]

    def wait(self, runtime: Runtime, **row: Any) -> None:
        usual = {"task": "films.fetch", "payload": {}, "state": "queued", "attempts": 0, "max_attempts": 1}
        with runtime.writing() as work:
            work.add(Job(id=new_id(), **usual | {"run_at": work.now(), "created_at": work.now()} | row))

    def test_while_too_many_wait_nothing_more_is_taken_on_and_calls_go_on(
        self, call: Call, runtime: Runtime, clock: ManualClock, stopped: str
    ) -> None:
        with runtime.writing() as work:
            for job in work.scalars(select(Job)):
                work.delete(job)
        for _ in range(3):
            self.wait(runtime)
        for answer in self.asked(call, stopped):
            told = problem(answer, 503, "overloaded")
            assert (told["reason"], told["used"], told["most"]) == ("jobs_waiting", 3, 3)
            assert answer.headers["Retry-After"] == "7"
        ok(call.send(call.offer()), 201)
        call.owner.poll(call.owners)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/messages", {"text": "Hello"}), 201)

    def test_what_is_not_due_runs_by_the_clock_or_is_done_does_not_wait(
        self, call: Call, runtime: Runtime, stopped: str
    ) -> None:
        for row in ({"state": "done"}, {"state": "running"}, {"every_s": 10.0}):
            self.wait(runtime, **row)
        with runtime.writing() as work:
            later = work.now() + timedelta(minutes=1)
        self.wait(runtime, run_at=later)
        ok(call.owner.post(f"/recordings/{stopped}/exports", {}), 202)

    def test_while_the_first_has_waited_too_long_it_is_the_same(
        self, call: Call, runtime: Runtime, clock: ManualClock, stopped: str
    ) -> None:
        self.wait(runtime)
        clock.advance(minutes=11)
        told = problem(call.owner.post(f"/recordings/{stopped}/exports", {}), 503, "overloaded")
        assert (told["reason"], told["used"], told["most"]) == ("jobs_behind", 11, 10)

    def test_a_recording_that_runs_is_stopped_all_the_same(
        self, anna: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        recording = ok(begin(anna, live(anna)), 201)
        self.wait(runtime)
        clock.advance(minutes=11)
        ok(anna.post(f"/recordings/{recording['id']}/stop"), 202)
        with runtime.reading() as work:
            assert work.get_one(Recording, recording["id"]).state == "stopping"
