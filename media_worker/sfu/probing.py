"""To learn whether a path carries more than it is used for, one has to send more: padding, for a moment.

Without it an estimate stays near what is sent (draft-ietf-rmcat-gcc-02 §5.5), and nobody would ever get a larger layer.
"""

from media_worker.rtp.sent_log import Arrival, SentLog
from media_worker.sfu.bandwidth import BandwidthEstimate

_LASTS_S = 0.4
_ANSWER_S = 1.0  # within which the subscriber tells of its end
_GROWTH = 2.0  # from one probe to the next
_FULL = 0.9  # of what was sent; less that arrived in its time means that the path was full
_AGAIN_S, _LATEST_S = 3.0, 30.0  # after a probe that found nothing more; each time twice as long
_MOST_LOSS = 0.1
_MOST_AT_ONCE = 20_000  # bytes of one tick


class Probing:
    """One subscriber's. `pays` counts the probes that found more, `fails` those that didn't."""

    def __init__(self, estimate: BandwidthEstimate) -> None:
        self._estimate = estimate
        self._target = 0.0
        self._began: tuple[float, int, int] | None = None  # when, at which number, and octets sent till then
        self._last: int | None = None  # number of the probe's last packet
        self._came: list[Arrival] = []
        self._lost = 0
        self._not_before = 0.0
        self._wait_s = _AGAIN_S
        self.pays = self.fails = 0

    @property
    def runs(self) -> bool:
        return self._began is not None

    def tick(self, now: float, wanted: float | None) -> int:
        """Bytes of padding to send now. `wanted` is the bitrate that there is a use for, None where there is enough."""
        log = self._estimate.log
        if self._began is None:
            bitrate = self._estimate.bitrate(now)
            if wanted is None or bitrate is None or wanted <= bitrate or now < self._not_before:
                return 0
            if not self._estimate.measures:
                return 0
            self._target = min(bitrate * _GROWTH, wanted * 1.1)
            self._began, self._last, self._came, self._lost = (now, log.next, log.octets), None, [], 0
        began, _, octets = self._began
        if self._last is None and now - began < _LASTS_S:
            due = self._target / 8 * (now - began) - (log.octets - octets)
            return int(min(max(due, 0), _MOST_AT_ONCE))
        if self._last is None:
            self._last = log.next - 1
        if now - began > _LASTS_S + _ANSWER_S:
            self._end(log, now)
        return 0

    def on_arrivals(self, told: list[Arrival], now: float) -> None:
        if self._began is None:
            return
        _, first, _ = self._began
        its = [one for one in told if one.number >= first and (self._last is None or one.number <= self._last)]
        self._came += [one for one in its if one.arrived_us is not None]
        self._lost += sum(one.arrived_us is None for one in its)
        if self._last is not None and told and told[-1].number >= self._last:
            self._end(self._estimate.log, now)

    def _end(self, log: SentLog, now: float) -> None:
        began = self._began[0] if self._began else now
        self._began = None
        measured = self._measured()
        congested_at = self._estimate.congested_at
        was_too_much = (
            measured is None
            or self._lost > _MOST_LOSS * (self._lost + len(self._came))
            or (congested_at is not None and congested_at >= began)
        )
        if measured is not None and not was_too_much:
            full = measured < _FULL * self._target
            self._estimate.probed(measured * (0.9 if full else 1.0), now)
            if not full:
                self.pays += 1
                self._wait_s, self._not_before = _AGAIN_S, now
                return
        self.fails += 1
        self._not_before = now + self._wait_s
        self._wait_s = min(self._wait_s * 2, _LATEST_S)

    def _measured(self) -> float | None:
        """What arrived a second, of the probe and what went with it."""
        times = sorted(one.arrived_us for one in self._came if one.arrived_us is not None)
        if len(times) < 5 or times[-1] <= times[0]:
            return None
        size = sum(one.size for one in self._came) - self._came[0].size
        return size * 8e6 / (times[-1] - times[0])
