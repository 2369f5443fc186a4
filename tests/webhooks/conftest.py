"""A webhook of Anna's, and whoever receives what is sent to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.core.runtime import Runtime
from app.core.settings import Settings
from app.webhooks.feeding import Feeder
from app.webhooks.sending import Sender
from tests.support.people import Person, ok
from tests.support.webhook_receiver import Receiver, webhook_receiver


@pytest.fixture
def settings(settings: Settings) -> Settings:
    reaching_here = {"webhook_http": True, "webhook_networks": ("127.0.0.0/8",)}
    return settings.model_copy(update={**reaching_here, "access_token_min": 60 * 24 * 30})  # their clock is moved on


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as made:
        yield made


@pytest.fixture
def webhook(anna: Person, receiver: Receiver) -> dict[str, Any]:
    return subscribe(anna, receiver)


@pytest.fixture
def feeder(runtime: Runtime) -> Feeder:
    return Feeder(runtime)


@pytest.fixture
def sender(runtime: Runtime) -> Iterator[Sender]:
    sender = Sender(runtime, jitter=lambda: 0.0)
    yield sender
    sender.settle()
    sender.close()


@pytest.fixture
def send(feeder: Feeder, sender: Sender) -> Callable[[], None]:
    """Do once, to its end, what the jobs process does all the time."""

    def send() -> None:
        while feeder.feed():
            pass
        while sender.send_due():
            sender.settle()

    return send


def subscribe(person: Person, receiver: Receiver, **fields: Any) -> dict[str, Any]:
    webhook: dict[str, Any] = ok(person.post("/webhooks", {"url": receiver.url, **fields}), 201)
    return webhook


def show(person: Person, webhook: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = ok(person.get(f"/webhooks/{webhook['id']}"))
    return shown


def deliveries(person: Person, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    """The oldest first."""
    found: list[dict[str, Any]] = ok(person.get(f"/webhooks/{webhook['id']}/deliveries", **query))["items"]
    return found[::-1]
