import pytest

from app.events.publishers.base import EventPublisher
from app.events.publishers.memory import MemoryPublisher
from app.events.publishers.none import NoPublisher
from tests.drivers.publishers_suite import PublisherSuite, outgoing


class TestMemoryPublisher(PublisherSuite):
    @pytest.fixture
    def publisher(self) -> MemoryPublisher:
        return MemoryPublisher()

    def arrived(self, publisher: EventPublisher) -> list[tuple[str, str, bytes]]:
        assert isinstance(publisher, MemoryPublisher)
        found = [(event.id, event.name, event.body) for event in publisher.sent]
        publisher.sent.clear()
        return found

    def go_away(self, publisher: EventPublisher) -> None:
        assert isinstance(publisher, MemoryPublisher)
        publisher.away = True

    def come_back(self, publisher: EventPublisher) -> None:
        assert isinstance(publisher, MemoryPublisher)
        publisher.away = False


def test_where_events_only_stay_in_the_log_nothing_is_sent_and_nothing_breaks() -> None:
    publisher = NoPublisher()
    event = outgoing()
    assert not publisher.sends
    assert publisher.publish([event]) == {event.id}
    publisher.usable()
