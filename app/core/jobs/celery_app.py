"""Celery as Parley uses it: its settings, and a connection to send messages by."""

from __future__ import annotations

from typing import Any, Self

from celery import Celery

from app.core.jobs.base import Tasks
from app.core.settings import Settings, SettingsError

CONNECT_S = 4.0
ANSWER_S = 10.0
# So long after the longest job Redis brings back a message that nobody acknowledged; RabbitMQ does when its worker's
# connection ends. It matters little: what a dead worker was at is sent anew when its lease has run out.
VISIBLE_AGAIN_S = 300
# Of the connection that messages are sent by. RabbitMQ says that it has taken each.
SENDING: dict[str, dict[str, Any]] = {
    "amqp": {"confirm_publish": True, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S},
    "redis": {"socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S},
}


def make_celery(settings: Settings, tasks: Tasks) -> Celery:
    """With the queues of `tasks`, and nothing to run for them yet. It opens no connection.

    :raises SettingsError: of such a broker Celery knows nothing.
    """
    if settings.celery_broker_url is None:
        raise ValueError("there is no broker")
    prefix = settings.celery_queue_prefix
    names = [prefix + name for name in sorted(set(tasks.queues.values()))]
    celery = Celery("parley", set_as_current=False)
    celery.conf.update(
        broker_url=settings.celery_broker_url.get_secret_value(),
        broker_connection_timeout=CONNECT_S,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # for ever: workers wait for their broker
        # Else a worker ends whose RabbitMQ will not wait longer for the end of a job (by default 30 minutes).
        broker_channel_error_retry=True,
        task_queues={name: {"exchange": f"{prefix}parley", "routing_key": name} for name in names},
        task_default_queue=names[0],
        # Who asks workers, with `inspect`, asks Parley's alone.
        control_exchange=f"{prefix}parley",
        event_exchange=f"{prefix}parley.events",
        task_create_missing_queues=False,  # `-Q` with a name that is no queue's is told so
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # A message is taken when a process is free for it, not before: what one worker keeps back others could run.
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.celery_concurrency,
        worker_max_tasks_per_child=settings.celery_max_tasks_per_child,
        task_time_limit=settings.celery_time_limit_s,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # their leases are not the broker's affair
    )
    try:
        carrier = _carrier(celery)
    except KeyError as error:  # a scheme that Celery does not know
        raise SettingsError(f"CELERY_BROKER_URL: {error.args[0]}") from None
    if carrier == "redis":
        visible_again_s = settings.celery_time_limit_s + VISIBLE_AGAIN_S
        celery.conf.broker_transport_options = {"visibility_timeout": visible_again_s}
    return celery


class Sender:
    """A connection for some messages; entering raises where the broker does not answer."""

    def __init__(self, celery: Celery, prefix: str) -> None:
        self._celery = celery
        self._prefix = prefix

    def __enter__(self) -> Self:
        options = SENDING.get(_carrier(self._celery), {})
        self._connection: Any = self._celery.connection_for_write(transport_options=options)
        try:
            self._connection.connect()
            self._producer = self._celery.amqp.Producer(self._connection.channel(), auto_declare=False)
        except BaseException:
            self._connection.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.release()

    def send(self, task: str, job_id: str, queue: str) -> None:
        self._celery.send_task(
            task, [job_id], queue=self._prefix + queue, producer=self._producer, ignore_result=True, retry=False
        )

    def length(self, queue: str) -> int:
        """How many messages wait in it."""
        declared = self._celery.amqp.queues[self._prefix + queue].bind(self._producer.channel).queue_declare()
        return int(declared.message_count)


def _carrier(celery: Celery) -> str:
    """amqp, redis, …, whatever begins its URL."""
    return str(celery.connection_for_write().transport.driver_type)
