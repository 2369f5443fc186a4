"""Which rung of a family is used, by the settings."""

import pkgutil
from pathlib import Path
from typing import Any

import pytest

from app import wiring
from app.core.jobs.celery import CeleryJobs
from app.core.jobs.inline import InlineJobs
from app.core.jobs.leased import LeasedJobs
from app.core.runtime import Runtime
from app.core.settings import SettingsError, load_settings
from app.core.wakeups.base import Wakeups
from app.core.wakeups.in_process import InProcessWakeups
from app.core.wakeups.postgresql import PostgresqlWakeups
from app.core.wakeups.redis import RedisWakeups
from app.core.wakeups.udp import UdpWakeups
from app.events.publishers.base import EventPublisher
from app.events.publishers.none import NoPublisher
from app.events.publishers.rabbitmq import RabbitMqPublisher
from app.notes.analysts.base import Analyst
from app.notes.analysts.llm.analyst import LlmAnalyst
from app.notes.analysts.local.analyst import LocalAnalyst
from app.notes.analysts.mock import MockAnalyst
from app.notes.transcribers.base import Transcriber
from app.notes.transcribers.local import LocalTranscriber
from app.notes.transcribers.mock import MockTranscriber
from app.notes.transcribers.openai import OpenAiTranscriber
from app.notes.transcribers.whisper import WhisperTranscriber

REDIS = "redis://:a-password@127.0.0.1:6379/0"
POSTGRESQL = "postgresql://anna:a-password@127.0.0.1/parley"
MARIADB = "mariadb://anna:a-password@127.0.0.1/parley"


@pytest.mark.parametrize(
    ("chosen", "rung"),
    [
        ({}, UdpWakeups),
        ({"database_url": MARIADB}, UdpWakeups),
        ({"database_url": POSTGRESQL}, PostgresqlWakeups),
        ({"database_url": POSTGRESQL, "redis_url": REDIS}, RedisWakeups),
        ({"redis_url": REDIS}, RedisWakeups),
        ({"redis_url": REDIS, "wakeups": "udp"}, UdpWakeups),
        ({"database_url": POSTGRESQL, "redis_url": REDIS, "wakeups": "postgresql"}, PostgresqlWakeups),
        ({"wakeups": "in_process"}, InProcessWakeups),
    ],
)
def test_wake_ups_go_the_way_that_the_settings_name_or_suggest(
    tmp_path: Path, chosen: dict[str, Any], rung: type
) -> None:
    runtime = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, **chosen))
    assert type(runtime.wakeups) is rung
    assert runtime.drivers[Wakeups] is runtime.wakeups  # so that health asks it
    runtime.close()


SERVER = {"transcriber": "openai", "transcriber_url": "http://127.0.0.1:9/v1", "transcriber_model": "whisper-1"}


@pytest.mark.parametrize(
    ("chosen", "rung"),
    [
        ({}, LocalTranscriber),
        ({"transcriber": "mock"}, MockTranscriber),
        ({"transcriber": "whisper", "transcriber_model": "models/small"}, WhisperTranscriber),
        (SERVER, OpenAiTranscriber),
    ],
)
def test_meetings_are_transcribed_by_whom_the_settings_name(tmp_path: Path, chosen: dict[str, Any], rung: type) -> None:
    runtime = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, **chosen))
    assert type(runtime.drivers[Transcriber]) is rung
    runtime.close()


LLM = {"analyst": "llm", "analyst_url": "http://127.0.0.1:9/v1", "analyst_model": "some-model"}


@pytest.mark.parametrize(
    ("chosen", "rung"), [({}, LocalAnalyst), ({"analyst": "mock"}, MockAnalyst), (LLM, LlmAnalyst)]
)
def test_transcripts_are_read_by_whom_the_settings_name(tmp_path: Path, chosen: dict[str, Any], rung: type) -> None:
    runtime = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, **chosen))
    assert type(runtime.drivers[Analyst]) is rung
    runtime.close()


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        ({"wakeups": "redis"}, "REDIS_URL: must be set when WAKEUPS is redis"),
        ({"wakeups": "postgresql"}, "WAKEUPS: postgresql needs a DATABASE_URL that names one"),
        ({"wakeups": "postgresql", "database_url": MARIADB}, "WAKEUPS: postgresql needs"),
        ({"wakeups": "carrier_pigeons"}, "WAKEUPS: "),
        ({"transcriber": "openai"}, "TRANSCRIBER_URL, TRANSCRIBER_MODEL: must be set"),
        ({"transcriber": "whisper"}, "TRANSCRIBER_MODEL: must be the folder of a model"),
        ({**SERVER, "transcriber_url": "stt"}, "TRANSCRIBER_URL: must be an address"),
        ({"analyst": "llm", "analyst_key": "a-password"}, "ANALYST_URL, ANALYST_MODEL: must be set"),
        ({**LLM, "analyst_url": "llm.example.org"}, "ANALYST_URL: must be an address"),
        ({"redis_url": "http://a-password@127.0.0.1"}, "REDIS_URL: must be redis://"),
        ({"redis_url": "redis://:a-password@127.0.0.1:x/0"}, "REDIS_URL: must be redis://"),
    ],
)
def test_a_way_that_cannot_be_gone_stops_the_start_and_tells_no_secret(
    tmp_path: Path, chosen: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsError) as told:
        load_settings(storage_dir=tmp_path, _env_file=None, **chosen)
    assert complaint in str(told.value)
    assert "a-password" not in str(told.value)


def test_tasks_that_are_imported_when_they_are_run_are_where_they_are_said_to_be(runtime: Runtime) -> None:
    assert runtime.tasks.heavy
    for place in runtime.tasks.heavy.values():
        assert callable(pkgutil.resolve_name(place))


def test_what_nobody_has_asked_for_is_not_made_but_counts_among_the_drivers(runtime: Runtime) -> None:
    assert Transcriber not in runtime.drivers
    made = runtime.drivers.all()[Transcriber]
    assert runtime.drivers[Transcriber] is made
    with pytest.raises(KeyError):
        _ = runtime.drivers[str]


@pytest.mark.parametrize(
    ("chosen", "rung"),
    [
        ({}, LeasedJobs),
        ({"jobs": "inline"}, InlineJobs),
        ({"celery_broker_url": REDIS}, CeleryJobs),
        ({"celery_broker_url": "sqs://"}, CeleryJobs),  # not ours to know
    ],
)
def test_jobs_are_done_by_whom_the_settings_name(tmp_path: Path, chosen: dict[str, Any], rung: type) -> None:
    runtime = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, **chosen))
    assert type(runtime.jobs) is rung
    runtime.close()


def test_what_takes_long_of_notes_has_a_queue() -> None:
    assert wiring._tasks().queues == {
        "notes.normalise": "transcription",
        "notes.transcribe": "transcription",
        "notes.analyse": "analysis",
        "search.embed": "embedding",
    }


def test_events_go_to_a_broker_where_one_is_set(tmp_path: Path) -> None:
    alone = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None))
    assert type(alone.drivers[EventPublisher]) is NoPublisher
    alone.close()
    broker = {"events_broker_url": "amqp://anna:a-password@127.0.0.1/parley"}
    told = wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, **broker))
    assert type(told.drivers[EventPublisher]) is RabbitMqPublisher
    told.close()


def test_a_consumers_key_that_is_none_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="EVENTS_CONSUMER_KEY: can't be read"):
        wiring.build(load_settings(storage_dir=tmp_path, _env_file=None, events_consumer_key=tmp_path / "none.pem"))
