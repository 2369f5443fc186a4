from collections.abc import Iterator

import pytest

from app.events.publishers.base import EventPublisher, PublisherUnusable
from app.events.publishers.rabbitmq import RabbitMqPublisher
from tests.drivers.publishers_suite import PublisherSuite, outgoing
from tests.support.cut_link import CutLink
from tests.support.rabbitmq_events import Inlet, inlet
from tests.support.waiting import eventually


@pytest.fixture
def broker() -> Iterator[Inlet]:
    with inlet() as made:
        yield made


class TestRabbitMqPublisher(PublisherSuite):
    @pytest.fixture(autouse=True)
    def _by_link(self, broker: Inlet) -> None:
        self.broker = broker
        self.link: CutLink
        self.link, self.url = broker.link()

    @pytest.fixture
    def publisher(self, broker: Inlet) -> Iterator[RabbitMqPublisher]:
        publisher = broker.publisher(self.url)
        yield publisher
        publisher.close()
        self.link.cut()

    def arrived(self, publisher: EventPublisher) -> list[tuple[str, str, bytes]]:
        return [
            (message.properties["message_id"], message.delivery_info["routing_key"], bytes(message.body))
            for message in self.broker.arrived()
        ]

    def go_away(self, publisher: EventPublisher) -> None:
        self.link.cut()

    def come_back(self, publisher: EventPublisher) -> None:
        self.link.mend()


def test_messages_are_persistent_json_and_say_what_they_are(broker: Inlet) -> None:
    publisher, event = broker.publisher(), outgoing("recording.completed")
    publisher.publish([event])
    [message] = broker.arrived()
    told = message.properties
    assert (told["delivery_mode"], told["content_type"], told["app_id"]) == (2, "application/json", "parley")
    assert (told["message_id"], told["type"]) == (event.id, "recording.completed")
    publisher.close()


def test_the_queue_is_there_before_the_first_event(broker: Inlet) -> None:
    publisher = broker.publisher()
    publisher.keep()
    assert broker.arrived() == []
    publisher.close()


def test_others_bind_queues_of_their_own_by_the_events_name(broker: Inlet) -> None:
    publisher = broker.publisher()
    publisher.publish([outgoing()])
    with broker.channel() as channel:
        own = channel.queue_declare("", exclusive=True).queue
        channel.queue_bind(own, broker.exchange, "recording.*")
        publisher.publish([outgoing("meeting.ended"), outgoing("recording.started")])
        assert channel.basic_get(own).delivery_info["routing_key"] == "recording.started"
        assert channel.basic_get(own) is None
    publisher.close()


def test_what_no_queue_takes_is_not_sent_until_there_is_one_again(broker: Inlet) -> None:
    publisher, event = broker.publisher(), outgoing()
    publisher.publish([outgoing()])
    with broker.channel() as channel:
        channel.queue_delete(broker.queue)
    assert publisher.publish([event]) == set()
    assert publisher.publish([event]) == {event.id}, "the queue is declared and bound anew"
    assert [message.properties["message_id"] for message in broker.arrived()] == [event.id]
    publisher.close()


def test_only_one_connection_sends_at_a_time(broker: Inlet) -> None:
    first, second, event = broker.publisher(), broker.publisher(), outgoing()
    first.publish([outgoing()])
    with pytest.raises(PublisherUnusable, match="another relay is connected"):
        second.publish([event])
    first.rest()
    assert eventually(lambda: second.publish([event])) == {event.id}
    second.close()


def test_a_wrong_password_is_told_without_it(broker: Inlet) -> None:
    publisher = RabbitMqPublisher("amqp://guest:hunter2@127.0.0.1:5672//", broker.exchange, broker.queue)
    with pytest.raises(PublisherUnusable, match="ACCESS_REFUSED") as refused:
        publisher.usable()
    assert "hunter2" not in str(refused.value)
    broker.publisher().publish([])
