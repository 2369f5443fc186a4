"""Sounds that were made to be listened to, and what was booked for it, don't outlive what they are for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from app.core.clock import ManualClock
from app.core.ids import new_id
from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.notes import pipeline, stage_task, tasks
from app.notes.meeting_source import MeetingSource
from app.notes.models import Spending, Stage
from app.notes.transcribers.base import Transcriber, UnsupportedLanguage
from app.recordings import service as recordings
from tests.notes.hearing import Ears, quick_sound, record
from tests.support.people import Call, ok

SAID = {"Anna": [(1.0, "Hello.")], "Ben": [(4.0, "Hello.")]}


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    leased = {"jobs": "leased", "access_token_min": 100_000, "notes_budget_usd": 1.0, "notes_sounds_keep_days": 3}
    return settings.model_copy(update=leased)


@pytest.fixture
def ears(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Ears:
    """Each second costs a cent."""
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    ears = runtime.drivers[Transcriber] = Ears(dict(SAID), usd_a_minute=0.6)
    return ears


@pytest.fixture
def sounds(objects: Callable[[], list[str]]) -> Callable[[], int]:
    return lambda: sum(key.endswith(".wav") for key in objects())


@pytest.fixture
def deaf(ears: Ears) -> Ears:
    """Understands nobody."""

    def always() -> Iterator[Exception]:
        while True:
            yield UnsupportedLanguage("tlh")

    ears.failures = always()
    return ears


def ask(call: Call) -> str:
    return str(ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 202)["id"])


def notes(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/notes"))
    return found


def spent(call: Call) -> float:
    return float(ok(call.owner.get("/auth/me/spending"))["spent_usd"])


def test_a_sound_is_gone_once_it_was_listened_to(
    call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], sounds: Callable[[], int]
) -> None:
    record(runtime, call, call.owners["id"], call.guests["id"])
    ask(call)
    run_jobs()
    assert (notes(call)["state"], sounds()) == ("ready", 0)


def test_sounds_of_notes_that_failed_go_after_some_days_and_are_made_anew_when_they_are_wanted(
    call: Call,
    runtime: Runtime,
    deaf: Ears,
    clock: ManualClock,
    run_jobs: Callable[[], None],
    sounds: Callable[[], int],
) -> None:
    record(runtime, call, call.owners["id"], call.guests["id"])
    ask(call)
    run_jobs()
    assert (notes(call)["error_code"], sounds()) == ("unsupported_language", 2)
    clock.advance(days=2)
    tasks.sweep(runtime, {})
    run_jobs()
    assert sounds() == 2
    clock.advance(days=1)
    tasks.sweep(runtime, {})
    run_jobs()
    assert sounds() == 0
    assert notes(call)["error_code"] == "unsupported_language"
    deaf.failures = iter(())
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes/retry", {}), 202)
    run_jobs()
    assert (notes(call)["state"], sounds()) == ("ready", 0)


def test_with_its_recording_a_sound_goes(
    call: Call, runtime: Runtime, deaf: Ears, run_jobs: Callable[[], None], sounds: Callable[[], int]
) -> None:
    recording_id, _ = record(runtime, call, call.owners["id"])
    ask(call)
    run_jobs()
    with runtime.writing() as work:
        recordings.erase(work, recording_id)
    tasks.sweep(runtime, {})
    run_jobs()
    assert sounds() == 0


def test_what_is_not_transcribed_after_all_leaves_no_sound(
    call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None], sounds: Callable[[], int]
) -> None:
    record(runtime, call, call.owners["id"], call.guests["id"])
    ask(call)

    def switch_off() -> None:
        call.guest.patch(f"/participants/{call.guests['id']}", {"ai": {"transcribe": False}})

    ears.before = switch_off
    run_jobs()
    assert sounds() == 0


def test_a_run_that_was_overtaken_takes_its_sound_away(
    call: Call,
    runtime: Runtime,
    ears: Ears,
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: Callable[[], None],
    sounds: Callable[[], int],
) -> None:
    record(runtime, call, call.owners["id"])
    notes_id = ask(call)
    store: ObjectStore = runtime.drivers[ObjectStore]
    put, others = store.put_file, iter([True])

    def overtaken(key: str, *given: Any) -> Any:
        if key.endswith(".wav") and next(others, False):
            with runtime.reading() as work:
                (stage,) = (one for one in pipeline.stages_of(work, notes_id) if one.name == "normalise")
            content = given[0].read_bytes()
            stage_task.run(runtime, {"notes_id": notes_id, "stage_id": stage.id})
            run_jobs()  # what the other run has made ready is listened to
            return put(key, io.BytesIO(content), *given[1:])  # only then comes what this one stores
        return put(key, *given)

    monkeypatch.setattr(store, "put_file", overtaken)
    run_jobs()
    assert (notes(call)["state"], sounds()) == ("ready", 0)


def broken_off(runtime: Runtime, ears: Ears, notes_id: str) -> None:
    """A run of the transcription, by a process that is killed while its provider is asked."""

    def die() -> None:
        raise Killed

    ears.before = die
    with runtime.reading() as work:
        (stage,) = (one for one in pipeline.stages_of(work, notes_id) if one.name == "transcribe")
    with pytest.raises(Killed):
        stage_task.run(runtime, {"notes_id": notes_id, "stage_id": stage.id})
    ears.before = lambda: None


def made_ready(runtime: Runtime, notes_id: str) -> None:
    for name in ("ingest", "normalise"):
        with runtime.reading() as work:
            (stage,) = (one for one in pipeline.stages_of(work, notes_id) if one.name == name)
        stage_task.run(runtime, {"notes_id": notes_id, "stage_id": stage.id})


def test_the_booking_of_a_run_that_was_broken_off_passes_to_the_next(
    call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
) -> None:
    record(runtime, call, call.owners["id"])
    notes_id = ask(call)
    made_ready(runtime, notes_id)
    ears.usd_a_minute = 36.0  # 0.60: of a budget of 1.00 two don't fit
    broken_off(runtime, ears, notes_id)
    assert spent(call) == pytest.approx(0.6)
    run_jobs()
    assert notes(call)["state"] == "ready"
    assert spent(call) == pytest.approx(0.6)
    with runtime.reading() as work:
        assert [one.open_stage_id for one in work.query(Spending)] == [None]


def test_what_was_broken_off_and_is_not_gone_on_with_is_released(call: Call, runtime: Runtime, ears: Ears) -> None:
    record(runtime, call, call.owners["id"])
    notes_id = ask(call)
    made_ready(runtime, notes_id)
    broken_off(runtime, ears, notes_id)
    tasks.sweep(runtime, {})
    assert spent(call) == pytest.approx(0.01)
    call.owner.delete(f"/meetings/{call.meeting['id']}/notes")
    tasks.sweep(runtime, {})
    assert spent(call) == 0


def test_what_killed_runs_have_left_on_the_disk_goes_with_the_next_run_of_any_stage(
    call: Call, runtime: Runtime, ears: Ears, run_jobs: Callable[[], None]
) -> None:
    record(runtime, call, call.owners["id"], call.guests["id"])
    notes_id = ask(call)
    with runtime.reading() as work:
        stages = {stage.name: stage for stage in pipeline.stages_of(work, notes_id)}
    spool = runtime.settings.storage_dir / "spool"
    taken_over, export = spool / f"{stages['publish'].id}-1", spool / f"{new_id()}-1"
    at_work = spool / f"{stages['merge'].id}-1"
    for folder in (taken_over, export, at_work):
        folder.mkdir(parents=True)
    with runtime.writing() as work:
        work.execute(update(Stage).where(Stage.id == stages["merge"].id).values(state="running", attempts=1))
    run_jobs()
    assert set(spool.iterdir()) == {export, at_work}
