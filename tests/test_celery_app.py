"""The entry point that `celery -A celery_app …` reads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import wiring
from app.core.jobs.celery_app import make_celery
from app.core.settings import load_settings

ROOT = Path(__file__).parents[1]


def celery(*arguments: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "celery", "-A", "celery_app", *arguments],
        cwd=ROOT,
        env={**os.environ, "STORAGE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_broker_no_worker_starts(tmp_path: Path) -> None:
    done = celery("worker", folder=tmp_path, CELERY_BROKER_URL="")
    assert done.returncode != 0
    assert done.stderr.splitlines()[-2:] == [
        "A Celery worker cannot start with these settings:",
        "CELERY_BROKER_URL: must be set where Celery workers run",
    ]


def test_a_queue_that_there_is_not_is_told(tmp_path: Path) -> None:
    done = celery("worker", "-Q", "transcriptions", folder=tmp_path, CELERY_BROKER_URL="memory://")
    assert done.returncode != 0
    assert "Trying to select queue subset of ['transcriptions']" in done.stderr


@pytest.mark.parametrize(
    ("named", "limits"),
    [
        ({}, (2, 1000, 3600)),
        ({"concurrency": 5, "max_tasks_per_child": 10, "time_limit_s": 60}, (5, 10, 60)),
    ],
)
def test_the_limits_of_workers_are_those_of_the_settings(named: dict[str, int], limits: tuple[int, ...]) -> None:
    settings = load_settings(
        celery_broker_url="memory://", **{f"celery_{name}": value for name, value in named.items()}, _env_file=None
    )
    conf = make_celery(settings, wiring._tasks()).conf
    assert (conf.worker_concurrency, conf.worker_max_tasks_per_child, conf.task_time_limit) == limits
    assert (conf.task_acks_late, conf.worker_prefetch_multiplier) == (True, 1)


def test_a_broker_that_celery_does_not_know_is_told(tmp_path: Path) -> None:
    done = celery("worker", folder=tmp_path, CELERY_BROKER_URL="carrier-pigeon://loft")
    assert done.stderr.splitlines()[-1] == "CELERY_BROKER_URL: No such transport: carrier-pigeon"


def test_a_worker_goes_on_when_rabbitmq_will_not_wait_for_the_end_of_a_long_job() -> None:
    """RabbitMQ closes the channel then, and Celery takes that for the end of everything by default."""
    settings = load_settings(celery_broker_url="amqp://127.0.0.1:1//", _env_file=None)
    assert make_celery(settings, wiring._tasks()).conf.broker_channel_error_retry


def test_redis_brings_no_message_back_while_its_job_may_still_run() -> None:
    settings = load_settings(celery_broker_url="redis://127.0.0.1:1/0", celery_time_limit_s=7200, _env_file=None)
    conf = make_celery(settings, wiring._tasks()).conf
    assert conf.broker_transport_options["visibility_timeout"] > 7200
