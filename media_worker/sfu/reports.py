"""Sender and receiver reports (RFC 3550 §6.4). Each hop has its own: none is passed on as it came."""

from dataclasses import dataclass

from aiortc.rtp import RtcpReceiverInfo, RtcpSenderInfo, clamp_packets_lost

_NTP_SECOND = 1 << 32


@dataclass(slots=True)
class ReceptionStatistics:
    """What a receiver report says of one source (RFC 3550 §A.3, §A.8). Numbers are unwrapped, times in seconds."""

    ssrc: int
    clock_rate: int
    first: int | None = None
    highest: int = 0
    received: int = 0
    octets: int = 0
    jitter: float = 0.0  # in units of the clock
    fraction_lost: float = 0.0  # 0..1, as the newest report said it
    _transit: float | None = None
    _expected_before: int = 0
    _received_before: int = 0
    _sender_report: tuple[int, float] | None = None  # the middle 32 bits of its time, when it arrived

    def arrived(self, sequence: int, timestamp: int, size: int, now: float) -> None:
        if self.first is None:
            self.first = self.highest = sequence
        if sequence > self.highest:
            self.highest = sequence
        self.received += 1
        self.octets += size
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate * 10:  # else the timestamp wrapped or jumped
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def sender_reported(self, info: RtcpSenderInfo, now: float) -> None:
        self._sender_report = (info.ntp_timestamp >> 16 & 0xFFFFFFFF, now)

    @property
    def expected(self) -> int:
        return 0 if self.first is None else self.highest - self.first + 1

    @property
    def lost(self) -> int:
        """Since the beginning; negative where packets came twice."""
        return self.expected - self.received

    def report(self, now: float) -> RtcpReceiverInfo:
        """The report block; the fraction is that since the last one."""
        expected = self.expected - self._expected_before
        lost = expected - (self.received - self._received_before)
        self._expected_before, self._received_before = self.expected, self.received
        self.fraction_lost = max(lost, 0) / expected if expected > 0 else 0.0
        lsr, dlsr = 0, 0
        if self._sender_report is not None:
            lsr = self._sender_report[0]
            dlsr = min(int((now - self._sender_report[1]) * 65536), 0xFFFFFFFF)
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0,
            packets_lost=clamp_packets_lost(self.lost),
            highest_sequence=self.highest & 0xFFFFFFFF,
            jitter=min(int(self.jitter), 0xFFFFFFFF),
            lsr=lsr,
            dlsr=dlsr,
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where a source's timestamps stand on its sender's wall clock, from a sender report.

    Subscribers are told the same wall clock, so that they play a participant's audio and video in step.
    """

    ntp: int  # 32.32 fixed point
    timestamp: int  # unwrapped or not; it only counts modulo 2^32
    at: float  # when the report arrived, in seconds

    def read(self, now: float, clock_rate: int) -> tuple[int, int]:
        """NTP time and timestamp of the present."""
        elapsed = max(now - self.at, 0.0)
        ntp = (self.ntp + int(elapsed * _NTP_SECOND)) & 0xFFFFFFFFFFFFFFFF
        return ntp, (self.timestamp + int(elapsed * clock_rate)) & 0xFFFFFFFF


def round_trip_s(now_middle: int, info: RtcpReceiverInfo) -> float | None:
    """From a report block that came now; `now_middle` are the middle 32 bits of the NTP time that we are at."""
    if not info.lsr:
        return None
    delay = (now_middle - info.lsr - info.dlsr) & 0xFFFFFFFF
    return delay / 65536 if delay < 1 << 31 else None
