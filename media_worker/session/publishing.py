"""The connection on which one participant publishes: it offers, we answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
import uuid_utils

from media_worker.errors import BadSdp, NegotiationError
from media_worker.session import description
from media_worker.session.data_relay import DataEnd, DataRelay
from media_worker.session.description import Codec, Description
from media_worker.session.negotiation import Answer, Listed, Local, Taken, answer_publisher, listed_in
from media_worker.session.payload_types import PayloadTypes
from media_worker.sfu.best_layer import BestLayer
from media_worker.sfu.counts import Counts
from media_worker.sfu.publisher import Publisher
from media_worker.sfu.track import Track
from media_worker.transport.connection import Connection, Port

_USUAL = {"audio": "microphone", "video": "camera"}
_SOURCES = {"microphone", "camera", "screen"}

log = structlog.get_logger()


class Room(Protocol):
    """What publishing and subscribing need of the meeting."""

    port: Port
    payload_types: PayloadTypes
    data: DataRelay
    counts: Counts

    def signal(self, to: str, type_: str, payload: dict[str, Any]) -> None: ...
    def published(self, participant_id: str) -> None:
        """The participant's tracks may be others than before."""
        ...

    def heard(self, track: Track, level_dbov: int, now: float) -> None: ...

    def tracks_for(self, participant_id: str) -> "list[Published]":
        """All that others publish, in the order in which they came."""
        ...

    def listed_by_others(self, participant_id: str) -> Sequence[Listed]:
        """The codecs that each of those knows who get what this participant publishes."""
        ...

    @property
    def loudest(self) -> Sequence[str]:
        """Participants who speak or spoke last, the newest first."""
        ...


@dataclass
class Published:
    """A track with the codecs that subscribers are offered it in. `track` is the largest of its layers."""

    layers: list[Track]  # the smallest first
    codecs: list[Codec]
    best: BestLayer | None = None  # where there are several layers

    def __post_init__(self) -> None:
        if len(self.layers) > 1 and self.best is None:
            self.best = BestLayer(self.layers)

    @property
    def track(self) -> Track:
        return self.layers[-1]

    @property
    def whole(self) -> Track | BestLayer:
        """For who records it."""
        return self.best or self.track

    @property
    def report(self) -> dict[str, Any]:
        """As Parley lists it."""
        track = self.track
        return {"id": track.id, "mid": track.mid, "kind": track.kind, "source": track.source}


class Publishing:
    """`tracks` is what the participant publishes, by mid. They outlive the connection that they come on."""

    def __init__(self, room: Room, participant_id: str) -> None:
        self._room, self._participant_id = room, participant_id
        self.tracks: dict[str, Published] = {}
        self.listed: Listed = {}  # the codecs that the client knows
        self.muted = False  # by a host
        self.connection: Connection | None = None
        self.publisher: Publisher | None = None
        self._remote_ufrag = ""
        self._session = (0, 0)  # id and version of our SDP
        self._sctp_port: int | None = None  # the client's, where it has data channels
        self._data: DataEnd | None = None

    def on_offer(self, payload: dict[str, Any]) -> None:
        """Answer an `rtc.offer`, or say why it can't be answered."""
        about = {"connection": "publish"} | {key: payload[key] for key in ("negotiation",) if key in payload}
        try:
            offer = description.read(str(payload.get("sdp", "")))
            answer = self._answer(offer)
        except NegotiationError as error:
            log.info("offer_refused", participant_id=self._participant_id, code=error.code, detail=str(error))
            self._room.signal(self._participant_id, "rtc.error", about | {"code": error.code, "detail": str(error)})
            return
        self._take(answer, _named_sources(payload))
        self._room.signal(self._participant_id, "rtc.answer", about | {"sdp": answer.sdp})
        self._room.published(self._participant_id)

    def _answer(self, offer: Description) -> Answer:
        fingerprints = [f"{one.algorithm} {one.value}" for one in offer.fingerprints]
        others = self._room.listed_by_others(self._participant_id)
        old = self.connection
        if not fingerprints and (old is None or any(media.is_usable for media in offer.media)):
            raise BadSdp("No bundled m-line has a=ice-ufrag, a=fingerprint and a=setup.")
        if old is not None and (not fingerprints or sorted(old.fingerprints) == sorted(fingerprints)):
            if offer.ufrag not in ("", self._remote_ufrag):
                old.restart_ice()
            answer = answer_publisher(offer, self._local(old), self._room.payload_types, others)
        else:
            # Another certificate is another RTCPeerConnection. The old one goes only once the new offer is good.
            connection, publisher = self._open()
            try:
                answer = answer_publisher(offer, self._local(connection, anew=True), self._room.payload_types, others)
            except NegotiationError:
                connection.close()
                raise
            if old is not None:
                self._close_data()
                old.close()
            self.connection, self.publisher = connection, publisher
            connection.expect(offer.fingerprints)
        self.listed = listed_in(offer)
        self._remote_ufrag = offer.ufrag or self._remote_ufrag
        self._sctp_port = answer.sctp_port
        self._open_data()
        return answer

    def _open(self) -> tuple[Connection, Publisher]:
        publisher = Publisher(lambda packet: connection.send_rtcp(packet), self._room.heard, self._room.counts)
        connection = Connection(
            self._room.port,
            receive=publisher.receive,
            on_rtcp=publisher.on_rtcp,
            on_connected=self._connected,
            on_lost=self._lost,
        )
        return connection, publisher

    def _local(self, connection: Connection, *, anew: bool = False) -> Local:
        session_id, version = (new_session_id(), 0) if anew else self._session
        self._session = (session_id, version + 1)
        port = self._room.port
        return Local(connection.ice.credentials, port.fingerprint.value, port.candidates, *self._session)

    def _take(self, answer: Answer, sources: dict[str, str]) -> None:
        """Make what the answer takes the participant's tracks; who was there under the same mid stays."""
        before, self.tracks = self.tracks, {}
        for taken in answer.tracks:
            mid = taken.media.mid
            source = sources.get(mid) or _USUAL[taken.media.kind]
            there = before.get(mid)
            if there and (there.track.kind, there.track.source) == (taken.media.kind, source):
                is_same = there.codecs == taken.subscriber_codecs and _rids(there) == (taken.rids or ("",))
            else:
                is_same = False
            layers = there.layers if there and is_same else self._new_track(taken, source)
            for track in layers:
                track.formats, track.repairs = taken.formats, taken.repairs
                track.ssrcs, track.asks_again = taken.media.ssrcs, taken.asks_again
            self.tracks[mid] = there if there and is_same else Published(layers, taken.subscriber_codecs)
        self.mute(self.muted)
        if self.publisher is not None:
            tracks = [layer for published in self.tracks.values() for layer in published.layers]
            self.publisher.negotiated(tracks, answer.header_ids, congestion=answer.congestion)

    def _new_track(self, taken: Taken, source: str) -> list[Track]:
        track_id, rids = str(uuid_utils.uuid7()), taken.rids or ("",)
        return [
            Track(
                id=track_id,
                participant_id=self._participant_id,
                kind=taken.media.kind,
                source=source,
                mid=taken.media.mid,
                formats=taken.formats,
                rid=rid,
                place=(number, len(rids)),
            )
            for number, rid in enumerate(rids)
        ]

    def mute(self, muted: bool) -> None:
        """Whether a host has silenced the participant."""
        self.muted = muted
        for published in self.tracks.values():
            published.track.muted = muted and published.track.source == "microphone"

    def measure(self, now: float) -> None:
        for published in self.tracks.values():
            for layer in published.layers:
                layer.measure(now)
            if published.best is not None:
                published.best.choose(now)

    def _connected(self) -> None:
        log.info("publish_connected", participant_id=self._participant_id)
        self._open_data()

    def _open_data(self) -> None:
        """As soon as there is both a connection and an m-line for it; it stays as long as the connection does."""
        dtls = self.connection.dtls if self.connection is not None else None
        if dtls is not None and self._sctp_port is not None and self._data is None:
            clock = self._room.port.mux.clock
            self._data = self._room.data.open(self._participant_id, dtls, self._sctp_port, clock)

    def _close_data(self) -> None:
        data, self._data = self._data, None
        if data is not None:
            data.close()

    def _lost(self, why: str) -> None:
        log.info("publish_lost", participant_id=self._participant_id, reason=why)
        self.close()
        self._room.published(self._participant_id)
        self._room.signal(self._participant_id, "rtc.restart", {"connection": "publish"})

    def close(self) -> None:
        self._close_data()
        connection, self.connection, self.publisher, self.tracks = self.connection, None, None, {}
        if connection is not None:
            connection.close()


def _rids(published: Published) -> tuple[str, ...]:
    return tuple(layer.rid for layer in published.layers)


def _named_sources(payload: dict[str, Any]) -> dict[str, str]:
    tracks = payload.get("tracks")
    return {
        str(track.get("mid")): track["source"]
        for track in (tracks if isinstance(tracks, list) else [])
        if isinstance(track, dict) and track.get("source") in _SOURCES
    }


def new_session_id() -> int:
    return uuid_utils.uuid4().int >> 66  # 62 bits, which every reader's integers hold (RFC 9429 §5.2.1)
