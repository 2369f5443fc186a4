"""The connection on which one participant gets everybody else's tracks: we offer, it answers.

One offer is under way at a time. What changes meanwhile is in the next one; a client that doesn't answer gets no other
until it says something. Each track has an m-line; one whose track has gone is free for the next of its kind, with an
SSRC of its own, so that a client never takes one track's packets for another's.
"""

import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from media_worker.errors import NegotiationError
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.session import description
from media_worker.session.negotiation import (
    Accepted,
    Local,
    Slot,
    SubscriberAnswer,
    offer_subscriber,
    read_subscriber_answer,
)
from media_worker.session.publishing import Published, Room, new_session_id
from media_worker.sfu.subscriber import Subscriber
from media_worker.sfu.subscription import Subscription
from media_worker.transport.connection import Connection, State

_SHARE_EVERY_S = 0.5
MAX_SLOTS = 200  # m-lines of one connection: an offer of 150 KB

log = structlog.get_logger()


@dataclass(eq=False)
class _Line:
    """An m-line and what it carries; `subscription` is there once the client has taken it."""

    slot: Slot
    published: Published | None = None
    subscription: Subscription | None = None
    stopped: bool = False  # by the client


class Subscribing:
    """One participant's connection, as long as it has one."""

    def __init__(self, room: Room, participant_id: str) -> None:
        self._room, self._participant_id = room, participant_id
        self.connection: Connection | None = None
        self.subscriber: Subscriber | None = None
        self._wanted: dict[str, Published] = {}  # by track id
        self._paused: set[str] = set()  # ids of tracks
        self._heights: dict[str, int] = {}  # by track id, what there is a use for
        self._shared_at = 0.0
        self._lines: list[_Line] = []
        self._next_mid = 0
        self._negotiation = 0
        self._awaited: int | None = None  # the negotiation that is under way
        self._changed = False  # since the offer that is under way
        self._session = (0, 0)
        self._asked = False  # the participant has asked to get something

    @property
    def has_asked(self) -> bool:
        return self._asked

    # What the participant says ------------------------------------------------------------------------------------

    def on_subscribe(self, payload: dict[str, Any]) -> None:
        """`{"fresh": true}` begins anew; `{"tracks": {id: {"paused": bool, "max_height": int}}}` are wishes."""
        tracks = payload.get("tracks")
        if isinstance(tracks, dict):
            self._on_wishes(tracks)
        if payload.get("fresh") or not self._asked:
            self.begin()

    def begin(self) -> None:
        """A new connection, as soon as there is something to get on it."""
        self._drop()
        self._asked = True
        self._negotiate()

    def on_restart(self) -> None:
        """New credentials for the connection as it is."""
        if self.connection is None:
            self.begin()
            return
        self.connection.restart_ice()
        self._awaited = None
        self._offer()

    def on_answer(self, payload: dict[str, Any]) -> None:
        if self._awaited is None or payload.get("negotiation") != self._awaited or self.connection is None:
            return
        try:
            read = description.read(str(payload.get("sdp", "")))
            answer = read_subscriber_answer(read, [line.slot for line in self._lines])
        except NegotiationError as error:
            log.info("answer_refused", participant_id=self._participant_id, detail=str(error))
            about = {"connection": "subscribe", "negotiation": self._awaited}
            self._room.signal(self._participant_id, "rtc.error", about | {"code": error.code, "detail": str(error)})
            return
        self._awaited = None
        self._accept(answer)
        if self._changed:
            self._negotiate()

    def _on_wishes(self, tracks: dict[str, Any]) -> None:
        for track_id, wish in tracks.items():
            if not isinstance(wish, dict) or track_id not in self._wanted:
                continue
            if "paused" in wish:
                (self._paused.add if wish["paused"] else self._paused.discard)(track_id)
            height = wish.get("max_height")
            if isinstance(height, int) and height > 0:
                self._heights[track_id] = height
            elif "max_height" in wish:
                self._heights.pop(track_id, None)
        for line in self._lines:
            if (subscription := line.subscription) is not None:
                subscription.pause(subscription.track.id in self._paused)
                subscription.max_height = self._heights.get(subscription.track.id)
        self._start_flowing()
        self._shared_at = 0.0

    # What there is to get -----------------------------------------------------------------------------------------

    def offer_tracks(self, tracks: list[Published]) -> None:
        """All that there is to get, now."""
        self._wanted = {published.track.id: published for published in tracks}
        self._paused &= set(self._wanted)
        self._heights = {id_: height for id_, height in self._heights.items() if id_ in self._wanted}
        if self._asked:
            self._negotiate()

    def _negotiate(self) -> None:
        if not self._assign():
            return
        if self._awaited is None:
            self._offer()
        else:
            self._changed = True

    def _assign(self) -> bool:
        """Give each track an m-line; True when something has changed."""
        changed = False
        carried = set()
        for line in self._lines:
            if line.published is None:
                continue
            track_id = line.published.track.id
            if track_id in self._wanted:
                carried.add(track_id)
            else:
                self._vacate(line)
                changed = True
        if self._awaited is not None:
            # m-lines are added by the next offer only: the answer that is awaited has to fit.
            return changed or bool(set(self._wanted) - carried) or self._changed
        for track_id, published in self._wanted.items():
            if track_id not in carried and (free := self._line_for(published)):
                self._occupy(free, published)
                changed = True
        return changed or self._changed

    def _line_for(self, published: Published) -> _Line | None:
        kind = published.track.kind
        free = next((line for line in self._lines if line.published is None and line.slot.kind == kind), None)
        if free is not None:
            if free.stopped:  # a stopped m-line comes back under another name (RFC 9429 §5.2.2)
                free.slot.mid, free.stopped = self._new_mid(), False
            return free
        if len(self._lines) >= MAX_SLOTS:
            log.warning("too_many_tracks", participant_id=self._participant_id, track_id=published.track.id)
            return None
        self._lines.append(_Line(Slot(self._new_mid(), kind, published.codecs)))
        return self._lines[-1]

    def _new_mid(self) -> str:
        self._next_mid += 1
        return str(self._next_mid - 1)

    def _occupy(self, line: _Line, published: Published) -> None:
        track, slot = published.track, line.slot
        line.published = published
        slot.codecs = published.codecs
        slot.repair = None
        if track.kind == "video":
            codec = published.codecs[0]
            slot.repair = self._room.payload_types.repairing(codec.payload_type, codec.payload_type + 1)
        slot.track_id = track.id
        slot.stream_id = track.participant_id + ("-screen" if track.source == "screen" else "")
        slot.cname = track.participant_id
        slot.ssrc, slot.repair_ssrc = new_ssrc(), new_ssrc()

    def _vacate(self, line: _Line) -> None:
        if line.subscription is not None and self.subscriber is not None:
            self.subscriber.remove(line.subscription)
        line.published = line.subscription = None
        line.slot.free()

    def _offer(self) -> None:
        if not self._lines:
            return
        if self.connection is None:
            self._open()
        connection, port = self.connection, self._room.port
        if connection is None:
            return
        self._negotiation += 1
        self._awaited, self._changed = self._negotiation, False
        self._session = (self._session[0], self._session[1] + 1)
        local = Local(connection.ice.credentials, port.fingerprint.value, port.candidates, *self._session)
        carried = [(line.slot.mid, line.published.track) for line in self._lines if line.published is not None]
        tracks = [
            {"mid": mid, "participant_id": track.participant_id, "track_id": track.id, "kind": track.kind}
            | {"source": track.source}
            for mid, track in carried
        ]
        payload = {"connection": "subscribe", "negotiation": self._negotiation, "tracks": tracks}
        sdp = offer_subscriber([line.slot for line in self._lines], local)
        self._room.signal(self._participant_id, "rtc.offer", payload | {"sdp": sdp})

    # The connection -----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        subscriber = Subscriber(
            lambda packet: connection.send_rtp(packet),
            lambda packet: connection.send_rtcp(packet),
            self._room.counts,
        )
        connection = Connection(
            self._room.port,
            receive=None,
            on_rtcp=subscriber.on_rtcp,
            on_connected=self._connected,
            on_lost=self._lost,
        )
        self.connection, self.subscriber = connection, subscriber
        self._session = (new_session_id(), 0)

    def _accept(self, answer: SubscriberAnswer) -> None:
        connection, subscriber = self.connection, self.subscriber
        if connection is None or subscriber is None:
            return
        if not connection.fingerprints and answer.description.fingerprints:
            connection.expect(answer.description.fingerprints)
        for line in self._lines:
            accepted = answer.by_mid[line.slot.mid]
            line.stopped = accepted.stopped
            if line.published is None or line.subscription is not None or not accepted.receives:
                continue
            line.subscription = self._subscription(line, line.published, accepted, connection, subscriber)
            subscriber.add(line.subscription)
        self._start_flowing()

    def _subscription(
        self,
        line: _Line,
        published: Published,
        accepted: Accepted,
        connection: Connection,
        subscriber: Subscriber,
    ) -> Subscription:
        slot, track_id = line.slot, published.track.id
        numbering = Numbering(next_sequence=FIRST_SEQUENCE, timestamp_offset=secrets.randbits(32))
        route = Route(connection.peer, slot.ssrc, numbering)
        rtx = (slot.repair_ssrc, slot.repair) if accepted.rtx and slot.repair is not None else None
        # What may be sent again as it was can't have a transport-wide number: that would be another by then.
        if accepted.transport_cc and (rtx is not None or not accepted.nack):
            route.sent = subscriber.estimate.log
            subscriber.estimate.expect(self._room.port.mux.clock())
        return Subscription(
            track=published.layers[0],
            route=route,
            cname=slot.cname,
            retransmission=rtx,
            accepts_retransmission=accepted.nack,
            layers=published.layers,
            paused=track_id in self._paused,
            max_height=self._heights.get(track_id),
        )

    def tick(self, now: float) -> None:
        """Say what is due, and share the path anew every now and then."""
        if self.subscriber is None:
            return
        self.subscriber.tick(now)
        if now - self._shared_at >= _SHARE_EVERY_S and self.connection and self.connection.state is State.CONNECTED:
            self._shared_at = now
            self.subscriber.share(now, self._room.loudest)

    def _connected(self) -> None:
        log.info("subscribe_connected", participant_id=self._participant_id)
        self._start_flowing()

    def _start_flowing(self) -> None:
        if self.connection is None or self.connection.state is not State.CONNECTED:
            return
        for line in self._lines:
            if line.subscription is not None:
                line.subscription.start()

    def _lost(self, why: str) -> None:
        log.info("subscribe_lost", participant_id=self._participant_id, reason=why)
        self.close()

    def _drop(self) -> None:
        if self.subscriber is not None:
            self.subscriber.close()
        if self.connection is not None:
            self.connection.close()
        self.connection = self.subscriber = None
        self._lines = []
        self._next_mid = 0
        self._awaited, self._changed = None, False

    def close(self) -> None:
        """Free everything; the participant may ask again."""
        self._drop()
        self._asked = False


FIRST_SEQUENCE = 1000  # low enough for SRTP's first rollover to be far, high enough that none comes before 0


def new_ssrc() -> int:
    return secrets.randbelow(0xFFFFFFFE) + 1
