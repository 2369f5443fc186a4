"""Numbers that wrap, and how one stream's numbers become another's."""

from dataclasses import dataclass


def unwrap(number: int, near: int, bits: int = 16) -> int:
    """The integer nearest to `near` whose low `bits` are `number`. It may be negative, before the first wrap."""
    span = 1 << bits
    return near + ((number - near + span // 2) % span) - span // 2


@dataclass(slots=True)
class Numbering:
    """How the packets of one source are numbered for one subscriber.

    Sequence numbers are unwrapped. Within one *run* a source's packet n leaves as n + offset. A run ends where the
    subscriber stopped getting packets, or gets another source's; the next one goes on where the last ended, so that
    the subscriber sees no hole. What comes late from before the run is not sent: its number may belong to another
    packet by then, and different bytes under one number would break SRTP's cipher (RFC 7714 §8.1: a nonce is used
    once).
    """

    next_sequence: int  # what the next run begins with
    timestamp_offset: int
    run_start: int = 0  # of the source's numbers
    sequence_offset: int = 0
    running: bool = False
    picture_offset: int = 0  # of VP8's numbers, where a subscriber gets another layer than it began with
    tl0_offset: int = 0
    payload_types: dict[int, int] | None = None  # the subscriber's own, by the packets', where it has such

    def begin_run(self, sequence: int) -> None:
        self.run_start = sequence
        self.sequence_offset = self.next_sequence - sequence
        self.running = True

    def end_run(self) -> None:
        self.running = False

    def outgoing(self, sequence: int) -> int | None:
        """The number that source packet `sequence` leaves with; None when it is from before this run."""
        if not self.running:
            self.begin_run(sequence)
        elif sequence < self.run_start:
            return None
        out = sequence + self.sequence_offset
        if out >= self.next_sequence:
            self.next_sequence = out + 1
        return out

    def incoming(self, number: int) -> int | None:
        """The source's packet that left as `number` (16 bits) in this run; None when none did."""
        out = unwrap(number, self.next_sequence)
        sequence = out - self.sequence_offset
        if not self.running or out >= self.next_sequence or sequence < self.run_start:
            return None
        return sequence
