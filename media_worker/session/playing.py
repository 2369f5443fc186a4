"""The connection on which a player plays a meeting (WHEP): it offers once, we answer, and choose what it is shown."""

import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from media_worker.errors import BadSdp, NegotiationError
from media_worker.rtp.routing import Route
from media_worker.rtp.sequence import Numbering
from media_worker.session import description, stage
from media_worker.session.description import Description
from media_worker.session.negotiation import Local
from media_worker.session.play_answer import PlayLine, answer_player, take_lines
from media_worker.session.publishing import Published, Room, new_session_id
from media_worker.session.subscribing import FIRST_SEQUENCE, new_ssrc
from media_worker.sfu.played import Played
from media_worker.sfu.subscriber import Subscriber
from media_worker.transport.connection import Connection, State

_CHOOSE_EVERY_S = 0.25

log = structlog.get_logger()


@dataclass(eq=False)
class _Screen:
    """An m-line and what is shown on it; `played` is there once something was."""

    line: PlayLine
    shown: Published | None = None
    played: Played | None = None


class Playing:
    """One participant's connection, as long as it has one."""

    def __init__(self, room: Room, participant_id: str) -> None:
        self._room, self._participant_id = room, participant_id
        self.connection: Connection | None = None
        self.subscriber: Subscriber | None = None
        self._screens: list[_Screen] = []
        self._lines: dict[str, PlayLine] = {}  # by mid
        self._whom: str | None = None  # who is played; None: what the meeting shows
        self._remote_ufrag = ""
        self._session = (0, 0)  # id and version of our SDP
        self._chosen_at = 0.0

    def on_offer(self, payload: dict[str, Any]) -> None:
        """Answer an `rtc.offer`, or say why it can't be answered. A later one of the same client restarts ICE."""
        about = {"connection": "play"} | {key: payload[key] for key in ("negotiation",) if key in payload}
        try:
            offer = description.read(str(payload.get("sdp", "")))
            sdp = self._answer(offer, payload.get("participant_id"))
        except NegotiationError as error:
            log.info("offer_refused", participant_id=self._participant_id, code=error.code, detail=str(error))
            self._room.signal(self._participant_id, "rtc.error", about | {"code": error.code, "detail": str(error)})
            return
        self._room.signal(self._participant_id, "rtc.answer", about | {"sdp": sdp})

    def _answer(self, offer: Description, whom: object) -> str:
        fingerprints = sorted(f"{one.algorithm} {one.value}" for one in offer.fingerprints)
        if not fingerprints:
            raise BadSdp("No bundled m-line has a=ice-ufrag, a=fingerprint and a=setup.")
        old = self.connection
        if old is not None and sorted(old.fingerprints) == fingerprints:
            if [media.mid for media in offer.media if media.mid in self._lines] != list(self._lines):
                raise BadSdp("The m-lines are not those of the first offer.")
            if offer.ufrag != self._remote_ufrag:
                old.restart_ice()
        else:
            lines = take_lines(offer, new_ssrc)
            self.close()
            self._open(lines)
            self._whom = str(whom) if whom else None
        self._remote_ufrag = offer.ufrag
        connection = self.connection
        if connection is None:
            raise BadSdp("There is no connection.")
        if not connection.fingerprints:
            connection.expect(offer.fingerprints)
        self._session = (self._session[0], self._session[1] + 1)
        port = self._room.port
        local = Local(connection.ice.credentials, port.fingerprint.value, port.candidates, *self._session)
        return answer_player(offer, self._lines, local, self._participant_id)

    def _open(self, lines: dict[str, PlayLine]) -> None:
        subscriber = Subscriber(lambda packet: connection.send_rtp(packet), lambda packet: connection.send_rtcp(packet))
        connection = Connection(
            self._room.port,
            receive=None,
            on_rtcp=subscriber.on_rtcp,
            on_connected=self._connected,
            on_lost=self._lost,
        )
        self.connection, self.subscriber = connection, subscriber
        self._lines, self._screens = lines, [_Screen(line) for line in lines.values()]
        self._session = (new_session_id(), 0)

    # What is shown ------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Whatever is due, and choose anew every now and then."""
        if self.subscriber is None or self.connection is None or self.connection.state is not State.CONNECTED:
            return
        self.subscriber.tick(now)
        for screen in self._screens:
            if screen.played is not None:
                screen.played.tick(now)
        if now - self._chosen_at >= _CHOOSE_EVERY_S:
            self._chosen_at = now
            self._choose(now)

    def _choose(self, now: float) -> None:
        there = self._room.tracks_for(self._participant_id)
        there = [one for one in there if self._whom in (None, one.track.participant_id)]
        for kind in ("audio", "video"):
            screens = [screen for screen in self._screens if screen.line.media.kind == kind]
            if not screens:
                continue
            # All m-lines of a kind have the same codecs, as far as clients go; the first speaks for them.
            able = [one for one in there if one.track.kind == kind and screens[0].line.types_for(one.codecs)]
            chosen = stage.choose(kind, able, self._room.loudest, [screen.shown for screen in screens], now)
            for screen, published in zip(screens, chosen, strict=True):
                self._show(screen, published, now)

    def _show(self, screen: _Screen, published: Published | None, now: float) -> None:
        if (published and published.track) is (screen.shown and screen.shown.track):
            return
        types = screen.line.types_for(published.codecs) if published is not None else None
        screen.shown = published if types else None
        if published is None or types is None:
            if screen.played is not None:
                screen.played.stop()
            return
        if screen.played is None:
            screen.played = self._played(screen.line, published)
        screen.played.show(published.layers, types, now)

    def _played(self, line: PlayLine, published: Published) -> Played:
        connection, subscriber = self.connection, self.subscriber
        if connection is None or subscriber is None:
            raise RuntimeError("what is not connected plays nothing")
        numbering = Numbering(next_sequence=FIRST_SEQUENCE, timestamp_offset=secrets.randbits(32))
        played = Played(
            track=published.layers[-1],
            route=Route(connection.peer, line.ssrc, numbering),
            cname=self._participant_id,
            accepts_retransmission=line.accepts_retransmission,
            repair_ssrc=line.repair_ssrc,
            repair_types=line.repairs,
        )
        subscriber.add(played)
        return played

    # The connection -----------------------------------------------------------------------------------------------

    def _connected(self) -> None:
        log.info("play_connected", participant_id=self._participant_id)

    def _lost(self, why: str) -> None:
        log.info("play_lost", participant_id=self._participant_id, reason=why)
        self.close()
        self._room.signal(self._participant_id, "rtc.restart", {"connection": "play"})

    def close(self) -> None:
        """Free everything."""
        if self.subscriber is not None:
            self.subscriber.close()
        if self.connection is not None:
            self.connection.close()
        self.connection = self.subscriber = None
        self._screens, self._lines = [], {}
