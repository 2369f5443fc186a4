"""One person's device in a meeting, with its two connections."""

from dataclasses import dataclass
from typing import Any

from media_worker.session.playing import Playing
from media_worker.session.publishing import Publishing, Room
from media_worker.session.subscribing import Subscribing
from media_worker.sfu.track import Source


@dataclass(eq=False)
class Participant:
    """`epoch` grows when another device takes the participant's place; `said_muted` is what its client last said."""

    room: Room
    id: str
    epoch: int = 0
    said_muted: bool = False

    def __post_init__(self) -> None:
        self.publishing = Publishing(self.room, self.id)
        self.subscribing = Subscribing(self.room, self.id)
        self.playing = Playing(self.room, self.id)

    @property
    def has_connections(self) -> bool:
        return any(way.connection is not None for way in (self.publishing, self.subscribing, self.playing))

    @property
    def sources(self) -> list[Source]:
        """What comes from the participant's device at present."""
        return self.publishing.publisher.sources if self.publishing.publisher else []

    def receive(self, type_: str, payload: dict[str, Any]) -> None:
        """An `rtc.*` message of the participant's."""
        connection = payload.get("connection")
        if type_ == "rtc.offer" and connection in (None, "publish"):
            self.publishing.on_offer(payload)
        elif type_ == "rtc.offer" and connection == "play":
            self.playing.on_offer(payload)
        elif type_ == "rtc.answer" and connection == "subscribe":
            self.subscribing.on_answer(payload)
        elif type_ == "rtc.subscribe":
            self.subscribing.on_subscribe(payload)
        elif type_ == "rtc.restart" and connection == "subscribe":
            self.subscribing.on_restart()

    def update(self, rest: dict[str, Any]) -> bool:
        """Take note of how Parley shows the participant; False when another device has taken its place."""
        epoch = int(rest.get("epoch") or 0)
        muted = bool(rest.get("muted"))
        if self.said_muted and not muted:
            self.publishing.mute(False)
        self.said_muted = muted
        replaced = epoch > self.epoch
        self.epoch = max(epoch, self.epoch)
        return not replaced

    def tick(self, now: float) -> None:
        """Whatever is due on either connection."""
        if (publisher := self.publishing.publisher) is not None:
            publisher.tick(now)
        self.publishing.measure(now)
        self.subscribing.tick(now)
        self.playing.tick(now)

    def report_arrivals(self) -> None:
        if (publisher := self.publishing.publisher) is not None:
            publisher.report_arrivals()

    def look_after(self, now: float) -> None:
        """See whether the client is still there."""
        for connection in (self.publishing.connection, self.subscribing.connection, self.playing.connection):
            if connection is not None:
                connection.tick(now)

    def close(self) -> None:
        self.publishing.close()
        self.subscribing.close()
        self.playing.close()
