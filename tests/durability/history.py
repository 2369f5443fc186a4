"""What happened to a few devices that share a call, and what of it should not have: no process, no clock, no network.

A device keeps what the server has said to it. `violations` holds that against the promises of docs/mobile.md.
"""

from collections import defaultdict
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
    """An answer to a poll, whose cursor was `after`; None: the device had forgotten it."""

    after: int | None
    messages: tuple[Received, ...]
    head_seq: int
    acked_seq: int
    superseded: bool = False
    ended: str | None = None


@dataclass
class History:
    """`replies` by recipient, in the order in which it read them. `muted`: what each participant last made of it."""

    sent: list[Sent] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    muted: dict[str, bool] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)  # answers that no client should get


def violations(history: History) -> list[str]:
    """Every broken promise, in words; none, if all are caught up and everything was kept."""
    found = [f"refused: {refusal}" for refusal in history.refusals]
    for recipient, replies in history.replies.items():
        handled, repeats = _handled(replies)
        told = [
            *repeats,
            *_of_cursors(replies),
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


def _of_cursors(replies: list[Reply]) -> Iterator[str]:
    head = acked = 0
    for reply in replies:
        for message in reply.messages:
            if message.seq <= acked:
                yield f"delivered after its acknowledgement was confirmed: seq {message.seq}, acked {acked}"
            if reply.after is not None and message.seq <= reply.after:
                yield f"delivered although it is not behind the cursor: seq {message.seq}, after {reply.after}"
        if reply.head_seq < head or reply.acked_seq < acked:
            yield f"went back: head {head} to {reply.head_seq}, acked {acked} to {reply.acked_seq}"
        head, acked = max(head, reply.head_seq), max(acked, reply.acked_seq)
    if acked != head:
        yield f"not caught up: acked {acked} of {head}"


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
    for reply in replies:
        if reply.superseded:
            yield "its only loop was told that a newer one took over"
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
