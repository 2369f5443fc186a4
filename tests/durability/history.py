"""What happened to a few devices that share a call, and what of it should not have: no process, no clock, no network.

A device keeps what the server has said to it. `violations` holds that against the promises of docs/mobile.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

LATEST_ONLY = {"participant.updated", "speaker", "inbox.reset"}


@dataclass(frozen=True)
class Sent:
    """A signal that the server has acknowledged (201) to its sender; `number` counts within sender and recipient."""

    sender: str
    recipient: str
    number: int
    id: str


@dataclass(frozen=True)
class Received:
    """A message of a reply. `sender` and `number` are a signal's; `subject` and `muted` an update's."""

    seq: int
    id: str
    event_id: str
    type: str
    sender: str | None = None
    number: int | None = None
    subject: str | None = None
    muted: bool | None = None


@dataclass(frozen=True)
class Reply:
    """An answer to a poll, whose cursor was `after`; None: the device had forgotten it. Or to an acknowledgement alone.

    `ack` is what was to be acknowledged first. `knowing`: how many replies the device had read when it asked, where it
    has asked something else meanwhile; None: all. `rivalry` numbers two polls that were under way at once; 0: there was
    one.
    """

    after: int | None
    messages: tuple[Received, ...]
    head_seq: int
    acked_seq: int
    superseded: bool = False
    ended: str | None = None
    ack: int = 0
    knowing: int | None = None
    rivalry: int = 0


@dataclass
class History:
    """`replies` by recipient, in the order in which it read them. `muted`: what each participant last made of it."""

    sent: list[Sent] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    muted: dict[str, bool] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)  # answers that no client should get


def violations(history: History, *, may_lag: bool = False) -> list[str]:
    """Every broken promise, in words; none, if all are caught up and everything was kept.

    :param may_lag: `head_seq` and `acked_seq` may be told a little too low, as by a process that has not yet heard of
        what another one has stored.
    """
    found = [f"refused: {refusal}" for refusal in history.refusals]
    for recipient, replies in history.replies.items():
        handled, repeats = _handled(replies)
        told = [
            *repeats,
            *_of_cursors(replies, may_lag),
            *_of_numbers(handled),
            *_of_signals(history.sent, recipient, handled),
            *_of_presence(recipient, replies, handled, history.muted),
        ]
        found += [f"{recipient}: {what}" for what in told]
    return found


def _handled(replies: list[Reply]) -> tuple[list[Received], list[str]]:
    """What is left when repeats are dropped by `event_id`, and what is wrong with the repeats."""
    first: dict[str, Received] = {}
    wrong = []
    for reply in replies:
        for message in reply.messages:
            earlier = first.setdefault(message.event_id, message)
            if earlier != message:
                wrong.append(f"repeated differently: seq {earlier.seq} and {message.seq} of one event")
    return list(first.values()), wrong


def _of_cursors(replies: list[Reply], may_lag: bool) -> Iterator[str]:
    reads, ackeds = [0], [0]  # the most that was known after none, one, two … replies
    for reply in replies:
        knowing = len(reads) - 1 if reply.knowing is None else reply.knowing
        read, acked = reads[knowing], ackeds[knowing]
        for message in reply.messages:
            if message.seq <= acked:
                yield f"delivered after its acknowledgement was confirmed: seq {message.seq}, acked {acked}"
            if message.seq <= reply.ack:
                yield f"delivered by the poll that acknowledged it: seq {message.seq}, ack {reply.ack}"
            if reply.after is not None and message.seq <= reply.after:
                yield f"delivered although it is not behind the cursor: seq {message.seq}, after {reply.after}"
        if reply.acked_seq < reply.ack:
            yield f"an acknowledgement was answered and not kept: {reply.ack}, acked {reply.acked_seq}"
        # (A message that is stored and not told of yet may count in one answer and not in the next.)
        if not may_lag and (reply.head_seq < read or reply.acked_seq < acked):
            yield f"went back: head {reply.head_seq} after message {read}, acked {acked} to {reply.acked_seq}"
        reads.append(max(reads[-1], *(message.seq for message in reply.messages), 0))
        ackeds.append(max(ackeds[-1], reply.acked_seq))
    newest = max((reply.head_seq for reply in replies), default=0)
    if ackeds[-1] != newest:
        yield f"not caught up: acked {ackeds[-1]} of {newest}"


def _of_numbers(handled: list[Received]) -> Iterator[str]:
    last_latest_only = max((message.seq for message in handled if message.type in LATEST_ONLY), default=0)
    before = 0
    for message in handled:
        if message.seq <= before:
            yield f"out of order: seq {message.seq} after {before}"
        elif message.seq > before + 1 and message.seq > last_latest_only:
            yield f"a gap that nothing explains: seq {message.seq} after {before}"
        before = max(before, message.seq)


def _of_signals(sent: list[Sent], recipient: str, handled: list[Received]) -> Iterator[str]:
    promised = {(one.sender, one.number): one.id for one in sent if one.recipient == recipient}
    got: dict[str, list[int]] = defaultdict(list)
    for message in handled:
        if message.sender is None or message.number is None:
            continue
        if promised.get((message.sender, message.number)) != message.id:
            yield f"never acknowledged to {message.sender} like this: {message.number}"
        got[message.sender].append(message.number)
    for sender, number in promised:
        if number not in got[sender]:
            yield f"lost: {number} of {sender}"
    for sender, numbers in got.items():
        if len(set(numbers)) < len(numbers):
            yield f"doubled: {sorted({n for n in numbers if numbers.count(n) > 1})} of {sender}"
        if sorted(numbers) != numbers:
            yield f"reordered: {next(b for a, b in pairwise(numbers) if b < a)} of {sender}"


def _of_presence(
    recipient: str, replies: list[Reply], handled: list[Received], muted: dict[str, bool]
) -> Iterator[str]:
    yielded: Counter[int] = Counter()
    for reply in replies:
        yielded[reply.rivalry] += reply.superseded
        if reply.superseded and reply.rivalry == 0:
            yield "its only loop was told that a newer one took over"
        elif reply.superseded and yielded[reply.rivalry] == 2:
            yield "both of two polls were told that the other one took over"
        if reply.superseded and reply.messages:
            yield "a poll that was told to stop was given messages"
        if reply.ended is not None:
            yield f"its inbox ended: {reply.ended}"
    known: dict[str, bool | None] = {}
    for message in handled:
        if message.type == "participant.left":
            yield f"was told that {message.subject} left"
        if message.type == "participant.updated" and message.subject is not None:
            known[message.subject] = message.muted
    for participant, is_muted in muted.items():
        if participant != recipient and known.get(participant) is not is_muted:
            yield f"does not know the latest of {participant}"
