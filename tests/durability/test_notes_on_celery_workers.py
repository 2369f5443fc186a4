"""Notes are made once, whatever of Celery workers, jobs process and broker dies, and whichever message is doubled or
lost. All of them are real, and so is the sound; the provider is a server of the test's.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import make_url, text

from app import wiring
from app.core.jobs.celery_app import make_celery
from tests.durability.processes import Api, CeleryWorker, Jobs, Parley
from tests.durability.test_notes_killed import Anna, stereo
from tests.durability.test_notes_killed import provider as provider
from tests.durability.test_recordings import select
from tests.support.brokers import BROKERS, Broker, broker
from tests.support.cut_link import CutLink
from tests.support.openai_server import AUDIO, KEY, Asked, OpenAiServer, Reply
from tests.support.own_servers import OwnRedis
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CALLS = 2
TRACKS = 2 * CALLS  # as many as two workers take at once
SENT = "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND task = 'notes.normalise' AND sent_at IS NOT NULL"


@pytest.fixture(params=BROKERS)
def at(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with broker(request.param) as made:
        yield made


def settings_of(at: Broker, provider: OpenAiServer) -> dict[str, str]:
    return {
        "CELERY_BROKER_URL": at.url,
        "CELERY_QUEUE_PREFIX": at.prefix,
        "TRANSCRIBER": "openai",
        "TRANSCRIBER_URL": provider.url,
        "TRANSCRIBER_KEY": KEY,
        "TRANSCRIBER_MODEL": "whisper-1",
        "TRANSCRIBER_USD_PER_MINUTE": "0.6",
        "ANALYST": "local",
    }


class Gate:
    """Holds what the provider is asked until it is opened."""

    def __init__(self, provider: OpenAiServer, at_most: int) -> None:
        self._reply = provider.otherwise[AUDIO]
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.held = 0
        provider.answers(*[self._hold] * at_most)

    def _hold(self, _: Asked) -> Reply:
        with self._lock:
            self.held += 1
        self._open.wait(60)
        assert isinstance(self._reply, Reply)
        return self._reply

    def open(self) -> None:
        self._open.set()


def test_a_pipeline_is_run_once_though_a_worker_and_the_jobs_process_are_killed_and_messages_doubled(
    parley: Callable[..., Parley], provider: OpenAiServer, at: Broker
) -> None:
    gate = Gate(provider, TRACKS)
    here = parley(**settings_of(at, provider))
    with Api(here), Jobs(here) as jobs:
        anna = Anna(here)
        calls = [anna.send(stereo(2.0 + number)) for number in range(CALLS)]
        for _ in range(2):
            eventually(lambda: select(here, SENT) == [TRACKS], "workers to be told of every track")
            jobs.kill()
            with here.connection() as connection:  # as if it had died between a message and noting it
                connection.execute(text("UPDATE jobs SET sent_at = NULL"))
            jobs.start()
        with CeleryWorker(here, "one") as one, CeleryWorker(here, "two", f"{at.prefix}transcription"):
            eventually(lambda: gate.held == TRACKS, "every track to be listened to")
            active = make_celery(at.settings(), wiring._tasks()).control.inspect(timeout=60, limit=2).active()
            assert Counter(task["name"] for node in active.values() for task in node) == {"notes.transcribe": TRACKS}
            one.kill()
            jobs.kill()
            jobs.start()
            one.start()
            eventually(lambda: len(provider.asked) == TRACKS + 2, "what had died to be listened to again")
            gate.open()
            done = [anna.done(call_id) for call_id in calls]
        assert [call["state"] for call in done] == ["done"] * CALLS, done
        for call_id in calls:
            segments = anna.http.ok("GET", f"/calls/{call_id}/transcript")["segments"]
            assert [segment["speaker"]["label"] for segment in segments] == ["Channel 1", "Channel 2"]
        stages = [stage for call in done for stage in call["stages"]]
        attempts = Counter[str]()
        for stage in stages:
            attempts[stage["name"]] += stage["attempts"]
        once = Counter(stage["name"] for stage in stages)
        assert attempts == once + Counter(transcribe=2), "but for the two tracks that the killed worker was at"
        assert len(provider.asked) == TRACKS + 2
        assert len(anna.http.ok("GET", "/auth/me/spending")["items"]) == TRACKS
        told = select(here, "SELECT payload FROM events WHERE name = 'notes.ready'")
    assert len(told) == len(set(told)) == CALLS


@contextmanager
def rabbitmq_behind_a_link() -> Iterator[tuple[Broker, CutLink]]:
    """It keeps its messages while nobody reaches it."""
    with broker("rabbitmq") as at:
        url = make_url(at.url)
        link = CutLink(url.host or "127.0.0.1", url.port or 5672)
        yield replace(at, url=link.url(at.url)), link
        link.cut()


class DyingRedis(OwnRedis):
    """It loses its messages with its life."""

    def cut(self) -> None:
        self.kill()

    def mend(self) -> None:
        self.start()


@contextmanager
def redis_that_dies() -> Iterator[tuple[Broker, DyingRedis]]:
    with DyingRedis() as server:
        yield Broker(server.url), server


@pytest.mark.parametrize("broken", [rabbitmq_behind_a_link, redis_that_dies])
def test_while_the_broker_is_away_requests_succeed_and_notes_wait_and_then_they_are_made_once(
    parley: Callable[..., Parley], provider: OpenAiServer, broken: Any
) -> None:
    with broken() as (at, link):
        here = parley(**settings_of(at, provider))
        here.may_tell = ("consumer: ", "Couldn't ack")  # Celery, of its broker
        with Api(here), Jobs(here):
            anna = Anna(here)
            calls = [anna.send(stereo(2.0))]
            eventually(lambda: select(here, SENT) == [2], "workers to be told")
            with CeleryWorker(here, "one") as one:
                anna.done(calls[0])
                link.cut()
                calls.append(anna.send(stereo(3.0)))
                eventually(
                    lambda: "broker of Celery workers does not answer" in here.log.read_text(), "the log to tell"
                )
                link.mend()
                anna.done(calls[1])
                one.kill()
                calls.append(anna.send(stereo(4.0)))
                eventually(lambda: select(here, SENT) == [2], "workers to be told")
                link.cut()
                link.mend()
                one.start()
                anna.done(calls[2])
            for call_id in calls:
                stages = anna.http.ok("GET", f"/calls/{call_id}")["stages"]
                assert {(stage["state"], stage["attempts"]) for stage in stages} == {("done", 1)}
    assert len(provider.asked) == 2 * len(calls)


def test_a_job_that_takes_too_long_is_killed_tried_again_and_says_why(
    parley: Callable[..., Parley], provider: OpenAiServer
) -> None:
    with broker("redis") as at:
        gate = Gate(provider, 1)
        here = parley(**settings_of(at, provider), CELERY_TIME_LIMIT_S="6", NOTES_ATTEMPTS="12")
        here.may_tell = ("job takes too long", "TimeLimitExceeded", "Hard time limit", "SystemExit", "SIGKILL")
        with Api(here), Jobs(here), CeleryWorker(here, "one"):
            anna = Anna(here)
            call = anna.done(anna.send(stereo()))
            gate.open()
            assert call["state"] == "done"
            # On a machine that stands still, others may take too long as well.
            assert max(stage["attempts"] for stage in call["stages"] if stage["name"] == "transcribe") >= 2
            why = select(here, "SELECT last_error FROM jobs WHERE last_error IS NOT NULL")
        assert set(why) == {"TookTooLong: It was stopped after 6 s (CELERY_TIME_LIMIT_S)."}
