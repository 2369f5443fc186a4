"""What every publisher that sends must do: a rung's test class inherits this and makes the publisher."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.core.ids import new_id
from app.events.publishers.base import EventPublisher, Outgoing, PublisherUnusable


def outgoing(name: str = "meeting.started", body: bytes = b"{}") -> Outgoing:
    return Outgoing(new_id(), name, datetime(2026, 11, 20, 10, tzinfo=UTC), body)


class PublisherSuite:
    @pytest.fixture
    def publisher(self) -> Any:
        raise NotImplementedError

    def arrived(self, publisher: EventPublisher) -> list[tuple[str, str, bytes]]:
        """Id, name and body of what has arrived, the oldest first."""
        raise NotImplementedError

    def go_away(self, publisher: EventPublisher) -> None:
        raise NotImplementedError

    def come_back(self, publisher: EventPublisher) -> None:
        raise NotImplementedError

    def test_events_arrive_as_they_are_in_their_order(self, publisher: EventPublisher) -> None:
        sent = [outgoing("meeting.started", b'{"n":%d}' % number) for number in range(300)]
        assert publisher.publish(sent) == {event.id for event in sent}
        assert self.arrived(publisher) == [(event.id, event.name, event.body) for event in sent]

    def test_what_is_sent_later_comes_later(self, publisher: EventPublisher) -> None:
        first, second = outgoing(), outgoing("meeting.ended")
        publisher.publish([first])
        publisher.keep()
        publisher.publish([second])
        assert [event_id for event_id, _, _ in self.arrived(publisher)] == [first.id, second.id]

    def test_nothing_at_all_may_be_sent(self, publisher: EventPublisher) -> None:
        assert publisher.publish([]) == set()

    def test_one_that_is_away_says_so_and_takes_everything_when_it_is_back(self, publisher: EventPublisher) -> None:
        publisher.publish([outgoing()])
        self.arrived(publisher)
        self.go_away(publisher)
        event = outgoing()
        with pytest.raises(PublisherUnusable):
            publisher.publish([event])
        with pytest.raises(PublisherUnusable):
            publisher.usable()
        with pytest.raises(PublisherUnusable):
            publisher.keep()
        self.come_back(publisher)
        publisher.keep()
        assert publisher.publish([event]) == {event.id}
        publisher.usable()
        assert event.id in [event_id for event_id, _, _ in self.arrived(publisher)]

    def test_one_that_rested_goes_on(self, publisher: EventPublisher) -> None:
        publisher.publish([outgoing()])
        publisher.rest()
        publisher.rest()
        event = outgoing()
        assert publisher.publish([event]) == {event.id}

    def test_closing_may_be_repeated(self, publisher: EventPublisher) -> None:
        publisher.publish([outgoing()])
        publisher.close()
        publisher.close()
