"""Entry point for Celery workers, and for looking at them: `celery -A celery_app worker -Q transcription`."""

from app import create_app
from app.core.jobs.celery_app import make_celery
from app.core.jobs.celery_worker import Worker
from app.core.runtime import Runtime
from app.core.settings import SettingsError, load_settings


def _runtime() -> Runtime:
    """For each process of a worker its own: threads and connections don't pass through a fork."""
    return create_app().runtime


try:
    settings = load_settings()
    if settings.celery_broker_url is None:
        raise SettingsError("CELERY_BROKER_URL: must be set where Celery workers run")
    runtime = _runtime()
    runtime.close()
    app = make_celery(settings, runtime.tasks)
except SettingsError as error:
    raise SystemExit(f"A Celery worker cannot start with these settings:\n{error}") from None

Worker(_runtime, settings).register(app, runtime.tasks)
