"""The inbox: at-least-once delivery, in order, with acknowledgement by cursor.

Rules, and why they hold:

* Every inbox numbers its own messages. `head_seq` is bumped in the transaction that inserts, so that the row lock of
  the inbox makes commit order and number order the same, on databases with concurrent writers too. A reader that
  asks for `seq > cursor` therefore never skips a message that commits late.
* Inboxes are bumped in sorted order, so that two batches can't deadlock. Who delivers message by message (`hold`), or
  writes anything else of a meeting besides (`meetings.service.hold`), takes its locks before.
* Nothing is deleted on delivery. What is not acknowledged (`acked_seq`) is delivered again.
* `acked_seq` only grows, and never past `head_seq`.
* A latest-only message replaces the unacknowledged one about the same subject; its number is new, so a cursor that
  has seen the old one sees the new one too.
* A full inbox refuses directed messages, and gets one `inbox.reset` in place of broadcasts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, update

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.prepared import Prepared
from app.core.runtime import Runtime, Work
from app.core.wakeups.base import NEWS
from app.inbox.models import Inbox, Signal

FULL_RETRY_S = 5  # after this a sender may try again whether a full inbox was read
FEW_INBOXES = 8  # so few are quicker one by one where no network is between
INBOXES_A_QUERY = 500  # below every database's limit of parameters

# What every message costs, and what those cost that go to many: written once, so that SQLAlchemy compiles them once.
_these = Inbox.id.in_(bindparam("of_inboxes", expanding=True))
_LOCK = select(Inbox.id).where(_these).order_by(Inbox.id).with_for_update(key_share=True)
# (`closed_reason` is set with `closed_at` and has no index: in that one InnoDB would lock entries of other inboxes.)
_BUMP = update(Inbox).where(_these, Inbox.closed_reason.is_(None)).values(head_seq=Inbox.head_seq + 1)
_BUMP_RETURNING = _BUMP.returning(Inbox.id, Inbox.head_seq, Inbox.acked_seq, Inbox.address)
_BUMP_ONE = Prepared(
    update(Inbox)
    .where(Inbox.id == bindparam("of_inbox"), Inbox.closed_reason.is_(None))
    .values(head_seq=Inbox.head_seq + 1)
    .returning(Inbox.id, Inbox.head_seq, Inbox.acked_seq, Inbox.address)
)
_BUMPED = select(Inbox.id, Inbox.head_seq, Inbox.acked_seq, Inbox.address).where(_these, Inbox.closed_reason.is_(None))
_DROP_OLDER = delete(Signal).where(
    Signal.inbox_id.in_(bindparam("of_inboxes", expanding=True)),
    Signal.subject == bindparam("of_subject"),
    Signal.seq > select(Inbox.acked_seq).where(Inbox.id == Signal.inbox_id).scalar_subquery(),
)
_INSERT = Prepared(insert(Signal.__table__))  # type: ignore[arg-type]
_ACKNOWLEDGE = Prepared(
    update(Inbox)
    .where(Inbox.id == bindparam("of_inbox"), Inbox.acked_seq < bindparam("up_to"))
    .values(acked_seq=bindparam("up_to"))
)
_READ = Prepared(
    select(
        Signal.seq,
        Signal.id,
        Signal.event_id,
        Signal.type,
        Signal.meeting_id,
        Signal.sender,
        Signal.payload,
        Signal.created_at,
        Inbox.address,
    )
    .join(Inbox, Inbox.id == Signal.inbox_id)
    .where(Signal.inbox_id == bindparam("of_inbox"), Signal.seq > bindparam("after"))
    .order_by(Signal.seq)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Message:
    """What is to be delivered. `subject` makes it latest-only; `sender` is the `from` that the recipient reads.

    `is_first` spares looking for what it would replace: nothing was told about its subject before.
    """

    type: str
    payload: dict[str, Any]
    meeting_id: str | None = None
    sender: dict[str, Any] | None = None
    subject: str | None = None
    client_ref: str | None = None
    is_first: bool = False


class News(NamedTuple):
    """A message as a nudge tells it, to those who have all that came before and need not read it again."""

    seq: int
    subject: str | None
    message: str  # JSON, as in a reply

    @property
    def line(self) -> str:
        return f"{NEWS}{self.seq}{NEWS}{self.subject or ''}{NEWS}{self.message}"

    @classmethod
    def of_line(cls, nudge: str) -> "News | None":
        """None: the nudge says only that there is something."""
        _topic, told, rest = nudge.partition(NEWS)
        if not told:
            return None
        seq, subject, message = rest.split(NEWS, 2)
        return cls(int(seq), subject or None, message)


def topic(inbox_id: str) -> str:
    return f"inbox:{inbox_id}"


def in_batches(inbox_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at a time as one query may name. (itertools has `batched` from Python 3.12 on.)"""
    for start in range(0, len(inbox_ids), INBOXES_A_QUERY):
        yield inbox_ids[start : start + INBOXES_A_QUERY]


def open_inbox(work: Work, kind: str, owner_id: str, *, address: dict[str, Any], user_id: str | None = None) -> Inbox:
    """Make the inbox of a session, a participant or a worker. `address` is what its messages have as `to`."""
    now = work.now()
    inbox = Inbox(
        id=new_id(),
        kind=kind,
        owner_id=owner_id,
        user_id=user_id,
        address=address,
        last_seen_at=now,
        created_at=now,
    )
    work.add(inbox)
    work.flush()
    return inbox


def inbox_of(work: Work, kind: str, owner_id: str) -> Inbox | None:
    return work.scalar(select(Inbox).where(Inbox.owner_id == owner_id, Inbox.kind == kind))


def own_inbox(work: Work, actor: Actor, participant_id: str | None, worker_id: str | None = None) -> Inbox:
    """The inbox that `actor` means: a participant's, a media worker's, or else that of the session.

    :raises NotFound: there is none, or it is somebody else's.
    """
    if participant_id is not None:
        kind, owner_id = "participant", participant_id
    elif worker_id is not None:
        kind, owner_id = "worker", worker_id
    else:
        kind, owner_id = "session", actor.session_id
    inbox = inbox_of(work, kind, owner_id)
    if inbox is None or inbox.user_id != actor.user_id:
        raise errors.NotFound("You have no such inbox.")
    return inbox


def rename(work: Work, user_id: str, display_name: str, *, kind: str | None = None) -> None:
    """Address what arrives in a person's inboxes, of one kind or all, by another name."""
    whose = select(Inbox).where(Inbox.user_id == user_id)
    for inbox in work.scalars(whose if kind is None else whose.where(Inbox.kind == kind)).all():
        inbox.address = {**inbox.address, "display_name": display_name}


def close_inbox(work: Work, kind: str, owner_id: str, reason: str) -> None:
    """Take no more messages. What is there is still delivered; a parked poll returns at once and says `reason`."""
    inbox = inbox_of(work, kind, owner_id)
    if inbox is not None and inbox.closed_at is None:
        inbox.closed_at, inbox.closed_reason = work.now(), reason
        _wake(work, [inbox.id])


def hold(work: Work, inbox_ids: Iterable[str]) -> None:
    """Lock these inboxes until the commit, for who delivers to them one after the other in an order of their own."""
    if work.runtime.database.is_sqlite:
        return  # there who writes is alone
    for inbox_id in sorted(set(inbox_ids)):  # one by one: how a database orders several locks is its own business
        work.execute(select(Inbox.id).where(Inbox.id == inbox_id).with_for_update(key_share=True))


def deliver(work: Work, message: Message, inbox_ids: Iterable[str], *, directed: bool = False) -> dict[str, str]:
    """Put one message into several inboxes, under one `event_id`. Closed inboxes are passed over.

    :param directed: a full inbox refuses it, instead of asking its owner to read the state again.
    :returns: the ids of the stored messages by inbox.
    :raises InboxFull: a directed message meets a full inbox; nothing is stored.
    """
    return _deliver(work, [(message, set(inbox_ids))], directed=directed)


def deliver_each(work: Work, *several: tuple[Message, Iterable[str]]) -> None:
    """Put several messages each into inboxes of its own; no inbox gets two of them. They share an `event_id`."""
    _deliver(work, [(message, set(inbox_ids)) for message, inbox_ids in several], directed=False)


def _deliver(work: Work, several: Sequence[tuple[Message, set[str]]], *, directed: bool) -> dict[str, str]:
    work.flush()
    rows = _bump(work, sorted(set().union(*(inbox_ids for _, inbox_ids in several))))
    full = [row for row in rows if _is_full(work, row)]
    if full and directed:
        raise errors.InboxFull(headers={"Retry-After": str(FULL_RETRY_S)})
    event_id = new_id()
    stored: dict[str, str] = {}
    for message, inbox_ids in several:
        stored |= _store(work, [row for row in rows if row.id in inbox_ids and row not in full], message, event_id)
    if full:
        stored |= _store(work, full, Message("inbox.reset", {"reason": "inbox_full"}, subject="inbox.reset"), event_id)
    return stored


def deliver_to_person(work: Work, user_id: str, message: Message) -> None:
    """Put a message into every open inbox of a person: one poll, whichever it is, is enough to learn of it."""
    deliver(work, message, open_inboxes_of(work, [user_id]))


def open_inboxes_of(work: Work, user_ids: Iterable[str]) -> Sequence[str]:
    """Ids of the inboxes in which these people's events arrive."""
    return work.scalars(select(Inbox.id).where(Inbox.user_id.in_(user_ids), Inbox.closed_at.is_(None))).all()


def seen_before(work: Work, from_participant_id: str, client_refs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Messages that a participant has sent with these references already: the id, and that of the inbox, of each."""
    refs = list(client_refs)
    if not refs:
        return {}
    rows = work.execute(
        select(Signal.client_ref, Signal.id, Signal.inbox_id).where(
            Signal.from_participant_id == from_participant_id, Signal.client_ref.in_(refs)
        )
    )
    return {ref: (signal_id, inbox_id) for ref, signal_id, inbox_id in rows if ref is not None}


def read(work: Work, inbox_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """Messages with `seq > after`, oldest first, as they go out on the wire."""
    rows = work.run(_READ, {"of_inbox": inbox_id, "after": after, "most": limit})
    return [
        {"seq": row.seq, "id": row.id, **_shared_part(row, row.event_id, row.created_at), "to": row.address}
        for row in rows
    ]


def acknowledge(work: Work, inbox: Inbox, up_to: int) -> None:
    """Mark everything up to `up_to` as received. Idempotent; never goes backwards.

    :raises CursorAhead: `up_to` is past the newest message, so it cannot have been received.
    """
    if up_to > inbox.head_seq:
        raise errors.CursorAhead(head_seq=inbox.head_seq)
    if up_to > inbox.acked_seq:
        _wake(work, [inbox.id])  # who answers polls from memory has to learn of it
        work.execute(
            update(Inbox)
            .where(Inbox.id == inbox.id, Inbox.acked_seq < up_to)
            .values(acked_seq=up_to)
            .execution_options(synchronize_session=False)
        )
        work.refresh(inbox, ["acked_seq", "head_seq"])


def acknowledge_many(work: Work, up_to: Mapping[str, int]) -> None:
    """The same for several inboxes, by id, of which it is known that they have such messages."""
    for inbox_id in sorted(up_to):  # rows are locked in the order in which who delivers locks them
        work.run(_ACKNOWLEDGE, {"of_inbox": inbox_id, "up_to": up_to[inbox_id]})


def acknowledge_all(work: Work, inbox_id: str) -> None:
    """For an inbox whose owner is the application itself and has handled its messages already."""
    work.execute(
        update(Inbox)
        .where(Inbox.id == inbox_id)
        .values(acked_seq=Inbox.head_seq)
        .execution_options(synchronize_session=False)
    )


def take_over(work: Work, inbox: Inbox) -> None:
    """End the poll that is parked on an inbox: its owner goes on from another connection."""
    inbox.poll_id, inbox.last_seen_at = new_id(), work.now()
    work.flush()
    _wake(work, [inbox.id])


def drop_unacknowledged(work: Work, inbox: Inbox, type_prefix: str) -> None:
    """Forget what is not yet acknowledged of one kind: the connection that it was meant for is gone."""
    work.execute(
        delete(Signal).where(
            Signal.inbox_id == inbox.id,
            Signal.seq > inbox.acked_seq,
            Signal.type.startswith(type_prefix, autoescape=True),
        )
    )


def forget(work: Work, meeting_id: str, type_prefix: str, inbox_ids: Sequence[str]) -> None:
    """Delete what inboxes were told of one kind about a meeting, read or not: it was taken back."""
    for some in in_batches(sorted(inbox_ids)):
        work.execute(
            delete(Signal)
            .where(
                Signal.inbox_id.in_(some),
                Signal.meeting_id == meeting_id,
                Signal.type.startswith(type_prefix, autoescape=True),
            )
            .execution_options(synchronize_session=False)
        )
    _wake(work, inbox_ids)  # those that keep messages in memory


def purge(runtime: Runtime, _payload: dict[str, object]) -> None:
    """Delete messages that were acknowledged long ago, and inboxes that closed long ago."""
    with runtime.writing() as work:
        now = work.now()
        acked_before = now - timedelta(hours=work.settings.signals_keep_acked_h)
        closed_before = now - timedelta(hours=work.settings.signals_keep_ended_h)
        acknowledged = select(Inbox.id).where(and_(Inbox.id == Signal.inbox_id, Signal.seq <= Inbox.acked_seq))
        closed = select(Inbox.id).where(Inbox.closed_at < closed_before)
        work.execute(
            delete(Signal)
            .where(
                or_(
                    and_(Signal.created_at < acked_before, acknowledged.correlate(Signal).exists()),
                    Signal.inbox_id.in_(closed),
                )
            )
            .execution_options(synchronize_session=False)
        )
        work.execute(delete(Inbox).where(Inbox.closed_at < closed_before).execution_options(synchronize_session=False))


def _bump(work: Work, inbox_ids: Sequence[str]) -> Sequence[Any]:
    """Take the next number of each open one of these inboxes, holding their rows' locks until the commit."""
    connection = work.connection()
    one_by_one = FEW_INBOXES if work.runtime.database.is_sqlite else 1
    if len(inbox_ids) <= one_by_one and connection.dialect.update_returning:
        return [row for inbox_id in inbox_ids for row in work.run(_BUMP_ONE, {"of_inbox": inbox_id})]
    rows: list[Any] = []
    for some in in_batches(inbox_ids):
        if len(inbox_ids) > 1 and not work.runtime.database.is_sqlite:
            # An update locks rows in whatever order it finds them.
            connection.execute(_LOCK, {"of_inboxes": some})
        if connection.dialect.update_returning:
            rows += connection.execute(_BUMP_RETURNING, {"of_inboxes": some})
        else:
            connection.execute(_BUMP, {"of_inboxes": some})
            rows += connection.execute(_BUMPED, {"of_inboxes": some})
    return sorted(rows, key=lambda row: row.id)


def _is_full(work: Work, row: Any) -> bool:
    """Of the row whose number was raised already: whether it held as much as it may."""
    settings = work.settings
    # A media worker's has the signals of all its meetings.
    most = settings.worker_inbox_max_unacked if row.address["kind"] == "worker" else settings.inbox_max_unacked
    return bool(row.head_seq - 1 - row.acked_seq >= most) and _unacked(work, row) >= most


def is_of(work: Work, inbox_id: str, user_id: str) -> bool:
    """Whether messages for this account, or for a worker of this service, arrive there."""
    return work.scalar(select(Inbox.id).where(Inbox.id == inbox_id, Inbox.user_id == user_id)) is not None


def _unacked(work: Work, row: Any) -> int:
    counted = select(func.count()).where(Signal.inbox_id == row.id, Signal.seq > row.acked_seq)
    return work.scalar(counted) or 0


def _store(work: Work, rows: Sequence[Any], message: Message, event_id: str) -> dict[str, str]:
    """Store a message in inboxes that have a number for it, and tell of it; the ids by inbox."""
    if not rows:
        return {}
    connection, now = work.connection(), work.now()
    if message.subject is not None and not message.is_first:
        for some in in_batches([row.id for row in rows]):
            connection.execute(_DROP_OLDER, {"of_inboxes": some, "of_subject": message.subject})
    shared = {
        "meeting_id": message.meeting_id,
        "from_participant_id": message.sender["participant_id"] if message.sender else None,
        "sender": message.sender,
        "type": message.type,
        "payload": message.payload,
        "event_id": event_id,
        "subject": message.subject,
        "client_ref": message.client_ref,
        "created_at": now,
    }
    ids = [new_id() for _ in rows]
    _INSERT.run_each(
        connection,
        [{**shared, "id": id_, "inbox_id": row.id, "seq": row.head_seq} for id_, row in zip(ids, rows, strict=True)],
    )
    told = json.dumps(_shared_part(message, event_id, now))[1:-1]
    work.wake(
        topic(row.id) + News(row.head_seq, message.subject, _on_the_wire(id_, row, told)).line
        for id_, row in zip(ids, rows, strict=True)
    )
    return {row.id: id_ for id_, row in zip(ids, rows, strict=True)}


def _shared_part(message: Any, event_id: str, created_at: datetime) -> dict[str, Any]:
    """What a message says in every inbox; `message`: a row of `rtc_signals`, or a `Message`."""
    return {
        "event_id": event_id,
        "type": message.type,
        "meeting_id": message.meeting_id,
        "from": message.sender,
        "payload": message.payload,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _on_the_wire(id_: str, row: Any, shared: str) -> str:
    """A message as JSON; `shared` is that of `_shared_part` without its brackets."""
    return f'{{"seq": {row.head_seq}, "id": "{id_}", {shared}, "to": {json.dumps(row.address)}}}'


def _wake(work: Work, inbox_ids: Iterable[str]) -> None:
    work.wake(topic(inbox_id) for inbox_id in inbox_ids)
