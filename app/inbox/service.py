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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.runtime import Runtime, Work
from app.inbox.models import Inbox, Signal

FULL_RETRY_S = 5  # after this a sender may try again whether a full inbox was read


@dataclass(frozen=True)
class Message:
    """What is to be delivered. `subject` makes it latest-only; `sender` is the `from` that the recipient reads."""

    type: str
    payload: dict[str, Any]
    meeting_id: str | None = None
    sender: dict[str, Any] | None = None
    subject: str | None = None
    client_ref: str | None = None


def topic(inbox_id: str) -> str:
    return f"inbox:{inbox_id}"


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


def own_inbox(work: Work, actor: Actor, participant_id: str | None) -> Inbox:
    """The inbox that `actor` means: a participant's, or else that of the session (of a media worker: its own).

    :raises NotFound: there is none, or it is somebody else's.
    """
    if participant_id is not None:
        kind, owner_id = "participant", participant_id
    elif actor.is_service:
        kind, owner_id = "worker", actor.user_id
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
    for inbox_id in sorted(set(inbox_ids)):  # one by one: how a database orders several locks is its own business
        work.execute(select(Inbox.id).where(Inbox.id == inbox_id).with_for_update(key_share=True))


def deliver(work: Work, message: Message, inbox_ids: Iterable[str], *, directed: bool = False) -> dict[str, str]:
    """Put one message into several inboxes, under one `event_id`. Closed inboxes are passed over.

    :param directed: a full inbox refuses it, instead of asking its owner to read the state again.
    :returns: the ids of the stored messages by inbox.
    :raises InboxFull: a directed message meets a full inbox; nothing is stored.
    """
    event_id = new_id()
    stored: dict[str, str] = {}
    for inbox_id in sorted(set(inbox_ids)):
        row = _bump(work, inbox_id)
        if row is None:
            continue
        to_store = message
        if row.head_seq - 1 - row.acked_seq >= work.settings.inbox_max_unacked and _unacked(work, row) >= (
            work.settings.inbox_max_unacked
        ):
            if directed:
                raise errors.InboxFull(headers={"Retry-After": str(FULL_RETRY_S)})
            to_store = Message("inbox.reset", {"reason": "inbox_full"}, subject="inbox.reset")
        if to_store.subject is not None:
            _drop_older(work, row, to_store.subject)
        signal = _store(work, row, to_store, event_id)
        stored[inbox_id] = signal.id
    _wake(work, stored)
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
    rows = work.execute(
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
        .where(Signal.inbox_id == inbox_id, Signal.seq > after)
        .order_by(Signal.seq)
        .limit(limit)
    )
    return [
        {
            "seq": row.seq,
            "id": row.id,
            "event_id": row.event_id,
            "type": row.type,
            "meeting_id": row.meeting_id,
            "from": row.sender,
            "to": row.address,
            "payload": row.payload,
            "created_at": row.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        for row in rows
    ]


def acknowledge(work: Work, inbox: Inbox, up_to: int) -> None:
    """Mark everything up to `up_to` as received. Idempotent; never goes backwards.

    :raises CursorAhead: `up_to` is past the newest message, so it cannot have been received.
    """
    if up_to > inbox.head_seq:
        raise errors.CursorAhead(head_seq=inbox.head_seq)
    if up_to > inbox.acked_seq:
        work.execute(
            update(Inbox)
            .where(Inbox.id == inbox.id, Inbox.acked_seq < up_to)
            .values(acked_seq=up_to)
            .execution_options(synchronize_session=False)
        )
        work.refresh(inbox, ["acked_seq", "head_seq"])


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


def _bump(work: Work, inbox_id: str) -> Any:
    """Take the next number of an open inbox, holding its row's lock until the commit."""
    changed = work.execute(
        update(Inbox)
        .where(Inbox.id == inbox_id, Inbox.closed_at.is_(None))
        .values(head_seq=Inbox.head_seq + 1)
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        return None
    return work.execute(select(Inbox.id, Inbox.head_seq, Inbox.acked_seq).where(Inbox.id == inbox_id)).one()


def _unacked(work: Work, row: Any) -> int:
    counted = select(func.count()).where(Signal.inbox_id == row.id, Signal.seq > row.acked_seq)
    return work.scalar(counted) or 0


def _drop_older(work: Work, row: Any, subject: str) -> None:
    work.execute(
        delete(Signal)
        .where(Signal.inbox_id == row.id, Signal.subject == subject, Signal.seq > row.acked_seq)
        .execution_options(synchronize_session=False)
    )


def _store(work: Work, row: Any, message: Message, event_id: str) -> Signal:
    signal = Signal(
        id=new_id(),
        inbox_id=row.id,
        seq=row.head_seq,
        meeting_id=message.meeting_id,
        from_participant_id=message.sender["participant_id"] if message.sender else None,
        sender=message.sender,
        type=message.type,
        payload=message.payload,
        event_id=event_id,
        subject=message.subject,
        client_ref=message.client_ref,
        created_at=work.now(),
    )
    work.add(signal)
    work.flush()
    return signal


def _wake(work: Work, inbox_ids: Iterable[str]) -> None:
    work.wake(topic(inbox_id) for inbox_id in inbox_ids)
