"""The media workers that are there: each with a lease that it renews, and an inbox for all its meetings.

Theory of operation. A worker registers and gets an id that is good until it is gone: because its lease ended, because
it said that it goes, or because a new process has taken its name. Gone is final, whatever it says later: the process
registers anew, and begins with nothing. What is placed on it is not kept here: a participant of kind `sfu` whose
`session_id` is the worker's id is a placement (`placement.py`), and whatever is placed on a worker that is gone is
found adrift, however that came about.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Select, Table, and_, func, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.jobs import backlog
from app.core.pagination import paginate
from app.core.processes import api_last_heard
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.models import Inbox
from app.inbox.service import Message
from app.media import states
from app.media.models import MediaWorker
from app.participants.models import Participant
from app.participants.states import IN_THE_ROOM

SETTLE = "media.settle"  # the task that finds meetings a worker
GONE_KEPT = timedelta(hours=1)  # for whoever looks into the table

# How many meetings and people each worker has: what is placed, not what it told last. (Aliases of the table: those of a
# class have every class mapped at the start.)
_participants = cast(Table, Participant.__table__)
_sfu, _person = _participants.alias(), _participants.alias()
_USED = (
    select(
        _sfu.c.session_id,
        func.count(_sfu.c.meeting_id.distinct()).label("meetings"),
        func.count(_person.c.id).label("people"),
    )
    .select_from(_sfu)
    .outerjoin(
        _person,
        and_(_person.c.meeting_id == _sfu.c.meeting_id, _person.c.kind == "user", _person.c.state.in_(IN_THE_ROOM)),
    )
    .where(_sfu.c.kind == "sfu", _sfu.c.state.in_(IN_THE_ROOM), _sfu.c.session_id.is_not(None))
    .group_by(_sfu.c.session_id)
)


def get(work: Work, worker_id: str) -> MediaWorker:
    """:raises NotFound:"""
    worker = work.get(MediaWorker, worker_id)
    if worker is None:
        raise errors.NotFound()
    return worker


def register(work: Work, actor: Actor, *, name: str, engine: str, version: str, capacity: int) -> dict[str, Any]:
    """A new worker, in the place of one of the same service that had its name. Shape: `WorkerState`."""
    there = select(MediaWorker).where(
        MediaWorker.user_id == actor.user_id, MediaWorker.name == name, MediaWorker.gone_at.is_(None)
    )
    for former in work.scalars(there.with_for_update()).all():
        give_up(work, former, "replaced")
    address = {"participant_id": None, "user_id": actor.user_id, "display_name": name, "kind": "worker"}
    worker_id, now = new_id(), work.now()
    worker = MediaWorker(
        id=worker_id,
        user_id=actor.user_id,
        inbox_id=inbox.open_inbox(work, "worker", worker_id, address=address, user_id=actor.user_id).id,
        name=name,
        engine=engine,
        version=version,
        capacity=capacity,
        state="active",
        stats={},
        registered_at=now,
        renewed_at=now,
    )
    work.add(worker)
    work.flush()
    work.enqueue(SETTLE, {})  # somebody may wait for a worker
    return state_of(work, worker)


def renew(work: Work, worker_id: str, *, load_: float, **told: Any) -> dict[str, Any]:
    """Renew the lease and note what the worker tells of itself. Shape: `WorkerState`.

    :raises WorkerGone: it was given up.
    """
    worker = _hold(work, worker_id)
    for name, value in told.items():
        setattr(worker, name, value)
    worker.load, worker.renewed_at = load_, work.now()
    work.flush()
    return state_of(work, worker)


def drain(work: Work, worker_id: str, *, move: bool) -> dict[str, Any]:
    """Place nothing more on a worker; with `move`, place its meetings elsewhere as soon as there is room.

    :raises WorkerGone:
    """
    worker = _hold(work, worker_id)
    new = "leaving" if move else "draining"
    if states.may_become(worker.state, new):
        worker.state = new
        work.flush()
        inbox.deliver(work, Message("media.drain", {}), [worker.inbox_id])
        work.enqueue(SETTLE, {})
    return state_of(work, worker)


def give_up(work: Work, worker: MediaWorker, reason: str) -> None:
    """Count a worker as gone. Its meetings are found new homes right after."""
    if worker.state == "gone":
        return
    worker.state, worker.gone_at, worker.gone_reason = "gone", work.now(), reason
    work.flush()
    inbox.close_inbox(work, "worker", worker.id, reason)
    work.enqueue(SETTLE, {})


def state_of(work: Work, worker: MediaWorker) -> dict[str, Any]:
    """What a worker is told of itself, in the shape of `WorkerState`."""
    own_inbox = work.get_one(Inbox, worker.inbox_id, populate_existing=True)
    return {
        "id": worker.id,
        "name": worker.name,
        "state": worker.state,
        "lease_s": work.settings.media_lease_s,
        "renew_every_s": work.settings.media_lease_s / 4,
        "inbox": {"head_seq": own_inbox.head_seq, "acked_seq": own_inbox.acked_seq},
        "placements": [
            {"meeting_id": sfu.meeting_id, "epoch": sfu.epoch, "sfu_participant_id": sfu.id}
            for sfu in placed_on(work, worker.id)
        ],
        "now": work.now(),
    }


def is_there(work: Work, worker_id: str | None) -> bool:
    """Whether a worker may still be heard of."""
    worker = work.get(MediaWorker, worker_id) if worker_id else None
    return worker is not None and worker.gone_at is None


def check_room(work: Work, worker_id: str) -> None:
    """Before something more is begun on a worker that carries a meeting already.

    :raises Overloaded: it carries as much as it may, as it told last.
    """
    worker, most = work.get(MediaWorker, worker_id), work.settings.media_full_load
    if worker is not None and worker.load >= most:
        raise backlog.overloaded(work, "media_full", worker.load, most)


def tell(work: Work, worker_id: str, message: Message) -> None:
    """Order something of a worker, if it is there still."""
    worker = work.get(MediaWorker, worker_id)
    if worker is not None and worker.gone_at is None:
        inbox.deliver(work, message, [worker.inbox_id])


def placed_on(work: Work, worker_id: str) -> Sequence[Participant]:
    """The participants that a worker is, one for each of its meetings, the oldest first."""
    there = select(Participant).where(
        Participant.session_id == worker_id, Participant.kind == "sfu", Participant.state.in_(IN_THE_ROOM)
    )
    return work.scalars(there.order_by(Participant.id)).all()


def list_all(work: Work, *, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of the workers that are there, for who runs Parley."""
    used = {row.session_id: row for row in work.execute(_USED)}

    def show(worker: MediaWorker) -> dict[str, Any]:
        row = used.get(worker.id)
        return {
            **{name: getattr(worker, name) for name in _SHOWN},
            "load_": worker.load,
            "lease_until": _lease_until(work, worker),
            "meetings": row.meetings if row else 0,
            "people": row.people if row else 0,
        }

    there = select(MediaWorker).where(MediaWorker.gone_at.is_(None))
    return paginate(work, there, (MediaWorker.id,), limit=limit, cursor=cursor, show=show)


_SHOWN = (
    *("id", "name", "state", "engine", "version", "capacity"),
    *("participants", "tracks", "stats", "registered_at", "renewed_at"),
)


def choose(work: Work) -> MediaWorker | None:
    """The least loaded of the workers that have room: by the share of their places that is taken, a meeting that
    nobody is in yet counting as one, or by the load that they tell, whichever is more.
    """
    alive_since = work.now() - timedelta(seconds=work.settings.media_lease_s)
    alive = select(MediaWorker).where(
        MediaWorker.gone_at.is_(None), MediaWorker.state == "active", MediaWorker.renewed_at > alive_since
    )
    used = {row.session_id: max(row.meetings, row.people) for row in work.execute(_USED)}
    shares = [
        (max(used.get(worker.id, 0) / worker.capacity, worker.load), worker.id, worker)
        for worker in work.scalars(alive).all()
        if used.get(worker.id, 0) < worker.capacity and worker.load < work.settings.media_full_load
    ]
    return min(shares)[2] if shares else None


def lapsed(work: Work) -> Sequence[str]:
    """Ids of the workers whose lease has ended.

    No silence counts in which they could not speak: a lease ends that long after the newest API process began, at the
    earliest, and only once something was heard after its end, a beat of the API or another worker.
    """
    heard = api_last_heard(work)
    if heard is None:
        return []
    begun_at, beat_at = heard
    last_renewal: datetime | None = work.scalar(select(func.max(MediaWorker.renewed_at)))
    heard_at = max(beat_at, last_renewal or beat_at)
    silent_since = heard_at - timedelta(seconds=work.settings.media_lease_s)
    if begun_at > silent_since:
        return []
    return work.scalars(_silent(silent_since).with_only_columns(MediaWorker.id)).all()


def end_lapsed(work: Work, worker_id: str) -> None:
    """Give up a worker whose lease has ended, unless it was renewed meanwhile."""
    worker = work.get(MediaWorker, worker_id, with_for_update=True, populate_existing=True)
    if worker is not None and _lease_until(work, worker) <= work.now():
        give_up(work, worker, "lease_lost")


def has_long_gone(work: Work) -> bool:
    return work.scalar(_long_gone(work).with_only_columns(MediaWorker.id).limit(1)) is not None


def forget_gone(work: Work) -> None:
    """Delete workers that are gone for long. Whatever were still placed on one would be adrift all the same."""
    for worker in work.scalars(_long_gone(work)).all():
        work.delete(worker)


def _long_gone(work: Work) -> Select[Any]:
    return select(MediaWorker).where(MediaWorker.gone_at < work.now() - GONE_KEPT)


def _silent(since: datetime) -> Select[Any]:
    return select(MediaWorker).where(MediaWorker.gone_at.is_(None), MediaWorker.renewed_at <= since)


def _lease_until(work: Work, worker: MediaWorker) -> datetime:
    return worker.renewed_at + timedelta(seconds=work.settings.media_lease_s)


def _hold(work: Work, worker_id: str) -> MediaWorker:
    worker = work.get(MediaWorker, worker_id, with_for_update=True, populate_existing=True)
    if worker is None:
        raise errors.WorkerGone()
    if worker.state == "gone":
        raise errors.WorkerGone(reason=worker.gone_reason)
    return worker
