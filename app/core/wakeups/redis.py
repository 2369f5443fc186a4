"""Wake-ups between processes anywhere that share a Redis: one channel, to which each of them is subscribed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.core.wakeups.linked import LinkedHub

MESSAGE_BYTES = 32_768
CHANNEL = "parley:wakeups"
ANSWER_S = 2.0  # Redis answers in a fraction of a millisecond, or something is wrong
QUIET_S = 5.0  # then it is asked whether it is still there


class RedisWakeups(LinkedHub):
    """Redis's channels know no databases: systems that share a Redis hear each other's nudges, which mean nothing to
    them, unless `channel` differs."""

    def __init__(self, url: str, channel: str = CHANNEL) -> None:
        super().__init__()
        self._url = url
        self._channel = channel
        self._publisher = self._client(retries=1)  # a pooled connection may have been closed while it was idle

    def _client(self, retries: int) -> redis.Redis:
        return redis.Redis.from_url(
            self._url,
            socket_connect_timeout=ANSWER_S,
            socket_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), retries),
            client_name=self._channel,  # for `CLIENT LIST`
        )

    def _hear(self) -> Generator[Sequence[str], None, None]:
        # Without retries: a subscription that renews itself would not tell that nudges were lost.
        with self._client(retries=0) as client, client.pubsub() as subscription:
            subscription.subscribe(self._channel)
            if subscription.get_message(timeout=ANSWER_S) is None:
                raise TimeoutError("Redis does not confirm the subscription")
            yield ()
            asked = False
            while True:
                message = subscription.get_message(timeout=QUIET_S)
                if message is None and asked:
                    raise TimeoutError("Redis does not answer")
                asked = message is None
                if message is None:
                    subscription.ping()
                elif message["type"] == "message":
                    yield self._unpacked(message["data"])

    def _interrupt(self) -> None:
        self._publisher.publish(self._channel, b"")

    def _send(self, nudges: Sequence[str]) -> None:
        for message in self._packed(nudges, MESSAGE_BYTES):
            self._publisher.publish(self._channel, message)

    def close(self) -> None:
        super().close()
        self._publisher.close()
