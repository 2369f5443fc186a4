"""How much one subscriber's path carries, found from what the subscriber says of the packets that it got.

Source: draft-ietf-rmcat-gcc-02. The estimate is the lesser of two:

- by delay (§5): packets that were sent within 5 ms are a group; where later groups take ever longer than earlier ones,
  a queue fills. Kalman filter, detector and rate control are aiortc's, which are written after the same source.
- by loss (§6): above 10 % it falls by half the loss, below 2 % it grows by 5 % each second.

A receiver that knows no transport-wide numbers may tell an estimate of its own instead (REMB,
draft-alvestrand-rmcat-remb-03). Rates are in bits a second, times in seconds, and those of arrival in microseconds of
the subscriber's clock.
"""

from collections import deque

from aiortc.rate import AimdRateControl, BandwidthUsage, OveruseDetector, OveruseEstimator

from media_worker.rtp.sent_log import Arrival, SentLog

START = 600_000
LEAST, MOST = 30_000, 100_000_000
_GROUP_S = 0.005
_BURST_US = 5_000
_THROUGHPUT_US = 500_000
_LOSS_EVERY_S = 1.0
_LOSS_NEEDS = 20  # packets, to speak of a share
_SMALL_LOSS, _LARGE_LOSS = 0.02, 0.10
_DECREASE_EVERY_S = 0.3  # so that what was done shows before more is done
_SILENCE_S = 3.0  # after which a subscriber counts as one that says nothing
_LOST_COUNT_US = 10_000_000  # a jump of the clock is no delay
_OVERHEAD = 44  # bytes of a packet beside its own: SRTP's tag, UDP, IP


class _Group:
    __slots__ = ("arrived_us", "first_sent", "last_sent", "size")

    def __init__(self, sent_at: float, arrived_us: int, size: int) -> None:
        self.first_sent = self.last_sent = sent_at
        self.arrived_us = arrived_us
        self.size = size


class BandwidthEstimate:
    """`log` numbers what is sent. `loss` is the share lost of late, `congested_at` when it was last too much."""

    def __init__(self) -> None:
        self.log = SentLog()
        self.loss = 0.0
        self.congested_at: float | None = None
        self._expected_since: float | None = None
        self._told = False
        self._remb: float | None = None
        self._control = AimdRateControl()
        self._control.set_estimate(START, 0)
        self._filter, self._detector = OveruseEstimator(), OveruseDetector()
        self._by_loss = float(MOST)
        self._group: _Group | None = None
        self._before: _Group | None = None
        self._acked: deque[tuple[int, int]] = deque()  # when a report's newest packet arrived, its bytes
        self._counted: tuple[float, int, int] | None = None  # since when: packets that arrived, that did not
        self._decreased_at = float("-inf")

    def expect(self, now: float) -> None:
        """The subscriber has said that it will tell when packets came."""
        if self._expected_since is None:
            self._expected_since = now

    def bitrate(self, now: float) -> float | None:
        """None where nothing is known: who says nothing has no limit."""
        if self._told:
            return max(min(self._control.current_bitrate, self._by_loss), LEAST)
        if self._remb is not None:
            return max(self._remb, LEAST)
        waits = self._expected_since is not None and now - self._expected_since < _SILENCE_S
        return START if waits else None

    @property
    def measures(self) -> bool:
        """Whether the subscriber tells when packets came."""
        return self._told

    @property
    def throughput(self) -> float | None:
        """What arrived during the last half second that was told of."""
        if len(self._acked) < 2:
            return None
        elapsed = self._acked[-1][0] - self._acked[0][0]
        size = sum(size for _, size in self._acked) - self._acked[0][1]
        return size * 8e6 / elapsed if elapsed > 0 else None

    def on_remb(self, bitrate: float, now: float) -> None:
        if self._remb is not None and bitrate < 0.9 * self._remb:
            self.congested_at = now
        self._remb = bitrate

    def on_feedback(self, feedback: bytes, now: float) -> list[Arrival]:
        """Take a report (its FCI); what it tells. Raises ValueError where it is malformed."""
        told = self.log.arrivals(feedback)
        if not told:
            return []
        self._told = True
        overused = False
        size = came = newest_us = 0
        for _, sent_at, packet_size, arrived_us in told:
            if arrived_us is None:
                continue
            came += 1
            size += packet_size + _OVERHEAD
            newest_us = max(newest_us, arrived_us)
            if self._note(sent_at, arrived_us, packet_size):
                overused |= self._detector.state() is BandwidthUsage.OVERUSING
        if came:
            self._note_throughput(newest_us, size)
        self._by_delay(overused, now)
        self._count_loss(came, len(told) - came, now)
        return told

    def probed(self, bitrate: float, now: float) -> None:
        """The path has carried so much for a while."""
        if bitrate > self._control.current_bitrate:
            self._control.set_estimate(round(min(bitrate, MOST)), round(now * 1000))
        self._by_loss = max(self._by_loss, min(bitrate, MOST))

    # By delay -------------------------------------------------------------------------------------------------------

    def _note(self, sent_at: float, arrived_us: int, size: int) -> bool:
        """Put a packet in its group (§5.2); True when that began another, and so the one before is whole."""
        group = self._group
        if group is None or abs(arrived_us - group.arrived_us) > _LOST_COUNT_US:
            self._group, self._before = _Group(sent_at, arrived_us, size), None
            return False
        if sent_at < group.first_sent:
            return False  # late; it tells nothing of the queue
        later_us = arrived_us - group.arrived_us
        is_burst = later_us <= _BURST_US and later_us < (sent_at - group.last_sent) * 1e6
        if sent_at - group.first_sent <= _GROUP_S or is_burst:
            group.last_sent = max(group.last_sent, sent_at)
            group.arrived_us = max(group.arrived_us, arrived_us)
            group.size += size
            return False
        before, self._before = self._before, group
        self._group = _Group(sent_at, arrived_us, size)
        if before is None:
            return False
        at_ms = group.arrived_us // 1000
        apart_ms = (group.last_sent - before.last_sent) * 1000
        delay_ms = (group.arrived_us - before.arrived_us) / 1000
        state = self._detector.state()
        self._filter.update(delay_ms, apart_ms, group.size - before.size, state, at_ms)  # type: ignore[arg-type]
        self._detector.detect(self._filter.offset(), apart_ms, self._filter.num_of_deltas(), at_ms)
        return True

    def _note_throughput(self, arrived_us: int, size: int) -> None:
        acked = self._acked
        if acked and abs(arrived_us - acked[-1][0]) > _LOST_COUNT_US:
            acked.clear()
        acked.append((arrived_us, size))
        while len(acked) > 2 and arrived_us - acked[0][0] > _THROUGHPUT_US:
            acked.popleft()

    def _by_delay(self, overused: bool, now: float) -> None:
        """Rate control (§5.5)."""
        throughput = self.throughput
        usage = BandwidthUsage.OVERUSING if overused else self._detector.state()
        if usage is BandwidthUsage.OVERUSING:
            if throughput is None or now - self._decreased_at < _DECREASE_EVERY_S:
                return
            self._decreased_at = self.congested_at = now
        before = self._control.current_bitrate
        self._control.update(usage, None if throughput is None else round(throughput), round(now * 1000))
        if usage is BandwidthUsage.OVERUSING:
            self._control.current_bitrate = min(self._control.current_bitrate, before)

    # By loss --------------------------------------------------------------------------------------------------------

    def _count_loss(self, came: int, lost: int, now: float) -> None:
        since, came_before, lost_before = self._counted or (now, 0, 0)
        came, lost = came + came_before, lost + lost_before
        if now - since < _LOSS_EVERY_S or came + lost < _LOSS_NEEDS:
            self._counted = (since, came, lost)
            return
        self._counted = (now, 0, 0)
        self.loss = lost / (came + lost)
        if self.loss > _LARGE_LOSS:
            self._by_loss = max(min(self._by_loss, self._control.current_bitrate) * (1 - 0.5 * self.loss), LEAST)
            self.congested_at = now
        elif self.loss < _SMALL_LOSS:
            self._by_loss = min(self._by_loss * 1.05, MOST)
