from collections.abc import Callable
from uuid import uuid4

import pytest
import redis

from app.core.wakeups.base import Wakeups
from app.core.wakeups.redis import RedisWakeups
from tests.drivers.wakeups_suite import LinkedWakeupsSuite, Listener, closed_port, trouble
from tests.support.redis_server import redis_url
from tests.support.waiting import eventually


@pytest.fixture
def channel() -> str:
    return f"parley:test:{uuid4().hex}"


class TestRedisWakeups(LinkedWakeupsSuite):
    @pytest.fixture
    def make(self, channel: str) -> Callable[[], Wakeups]:
        url = redis_url()
        return lambda: RedisWakeups(url, channel)

    @pytest.fixture
    def cut(self, channel: str) -> Callable[[Wakeups], None]:
        def kill_subscribers(_wakeups: Wakeups) -> None:
            with redis.Redis.from_url(redis_url()) as client:
                for connected in client.client_list(_type="pubsub"):
                    if connected["name"] == channel:
                        client.client_kill_filter(_id=connected["id"])

        return kill_subscribers

    @pytest.fixture
    def garble(self, channel: str) -> Callable[[bytes], None]:
        def publish(garbage: bytes) -> None:
            with redis.Redis.from_url(redis_url()) as client:
                client.publish(channel, garbage)

        return publish

    def test_a_quiet_connection_is_asked_whether_it_is_there_and_stays(
        self, make: Callable[[], Wakeups], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.core.wakeups.redis.QUIET_S", 1.0)
        wakeups = make()
        asked = RecordedPings(monkeypatch)
        wakeups.ticket("a")
        eventually(lambda: asked.times > 1, "some questions")
        wakeups.usable()
        listener = Listener(wakeups)
        make().wake(["a"])
        assert listener.hears("a")
        wakeups.close()


class RecordedPings:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        ping = redis.client.PubSub.ping

        def count(subscription: redis.client.PubSub) -> None:
            self.times += 1
            ping(subscription)

        monkeypatch.setattr(redis.client.PubSub, "ping", count)


def test_without_redis_wake_ups_within_the_process_still_work() -> None:
    wakeups = RedisWakeups(f"redis://:a-password@127.0.0.1:{closed_port()}/0")
    wakeups.ticket("a")
    eventually(lambda: "ConnectionError" in trouble(wakeups), "the failed connection")
    assert "a-password" not in trouble(wakeups)
    listener = Listener(wakeups)
    wakeups.wake(["a"])
    assert listener.heard == ["a"]
    wakeups.close()
