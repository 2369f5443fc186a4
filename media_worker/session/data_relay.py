"""Data channels: what one participant says on a channel reaches everybody who has opened a channel of the same label.

Channels come on the connection that a participant publishes on (SCTP over its DTLS, RFC 8831), by aiortc's SCTP. The
payload stays opaque, and does not say whose it is. A channel that sends more than it may, or whose receiver falls
too far behind, is closed: its owner sees that, and may open another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiortc import RTCDataChannel
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from media_worker.transport.dtls import DtlsServer

SCTP_PORT = 5000
MAX_MESSAGE_BYTES = 65_536  # what SDP announces; aiortc's own limit
_MAX_CHANNELS = 16  # of one participant
_MAX_BEHIND_BYTES = 1 << 20  # waiting for one receiver
_MAX_BYTES_PER_S = 1 << 20  # of one participant

log = structlog.get_logger()


@dataclass(eq=False)
class DataRelay:
    """Of one meeting."""

    _ends: dict[str, "DataEnd"] = field(default_factory=dict)

    def open(self, participant_id: str, dtls: DtlsServer, remote_port: int, clock: Callable[[], float]) -> "DataEnd":
        """Begin to take part, on a connection that is there."""
        end = DataEnd(self, participant_id, dtls, clock)
        self._ends[participant_id] = end
        dtls.spawn(end.start(remote_port))
        return end

    def closed(self, end: "DataEnd") -> None:
        if self._ends.get(end.participant_id) is end:
            del self._ends[end.participant_id]

    def pass_on(self, sender: "DataEnd", label: str, message: str | bytes) -> None:
        for end in self._ends.values():
            if end is not sender:
                end.send(label, message)

    def __len__(self) -> int:
        return len(self._ends)


class DataEnd:
    """One participant's channels."""

    def __init__(self, relay: DataRelay, participant_id: str, dtls: DtlsServer, clock: Callable[[], float]) -> None:
        self.participant_id = participant_id
        self._relay, self._dtls, self._clock = relay, dtls, clock
        self._sctp = RTCSctpTransport(dtls, SCTP_PORT)
        self._channels: list[RTCDataChannel] = []
        self._second = (0.0, 0)  # that is counted in, and how many bytes
        self._sctp.on("datachannel", self._opened)

    async def start(self, remote_port: int) -> None:
        try:
            await self._sctp.start(RTCSctpCapabilities(MAX_MESSAGE_BYTES), remote_port)
        except ConnectionError:  # the client has gone meanwhile
            self.close()

    def _opened(self, channel: RTCDataChannel) -> None:
        self._channels = [one for one in self._channels if one.readyState == "open"]
        if len(self._channels) >= _MAX_CHANNELS:
            log.info("too_many_channels", participant_id=self.participant_id)
            channel.close()
            return
        self._channels.append(channel)
        channel.on("message", lambda message: self._said(channel, message))

    def _said(self, channel: RTCDataChannel, message: str | bytes) -> None:
        now = self._clock()
        second, count = self._second
        if now - second >= 1:
            second, count = now, 0
        self._second = (second, count + len(message))
        if self._second[1] > _MAX_BYTES_PER_S:
            log.info("channel_says_too_much", participant_id=self.participant_id)
            channel.close()
            return
        self._relay.pass_on(self, channel.label, message)

    def send(self, label: str, message: str | bytes) -> None:
        for channel in self._channels:
            if channel.label != label or channel.readyState != "open":
                continue
            if channel.bufferedAmount > _MAX_BEHIND_BYTES:
                log.info("channel_is_behind", participant_id=self.participant_id)
                channel.close()
            else:
                channel.send(message)

    def close(self) -> None:
        """Leave the relay and end the association, before the connection goes."""
        self._relay.closed(self)
        self._sctp.remove_all_listeners()
        for channel in self._channels:
            channel.remove_all_listeners()
        self._channels = []
        self._dtls.spawn(self._sctp.stop())
