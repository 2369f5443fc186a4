"""Which worker forwards a meeting's media, and what happens when it can't any more.

A placement is a participant of kind `sfu` in the room. A meeting that has none, or whose worker is gone or leaving, is
adrift; `settle` finds it another worker, and tells everybody to begin anew. Nothing else moves meetings, and it may be
asked about any meeting at any time: it looks at how things are, not at what has happened.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select

from app.core import errors
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.media import service, whip, workers
from app.media.events import MeetingMoved
from app.media.models import MediaWorker
from app.media.recorded import RunningRecordings
from app.media.schemas import Placement
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.participants import service as participants
from app.participants.models import Participant
from app.participants.states import IN_THE_ROOM

MOCK_SFU_NAME = "Mock media server"
_OUT = Placement()


def place(work: Work, meeting: Meeting) -> None:
    """Decide on the mode of a meeting that goes live, and bring the media server in where there is one.

    :raises NoMediaWorker: it asks for an SFU and there is none.
    """
    mode = meeting.media_mode
    worker = workers.choose(work) if mode in ("auto", "sfu") else None
    if mode == "sfu" and worker is None:
        raise errors.NoMediaWorker(headers={"Retry-After": str(work.settings.overloaded_retry_s)})
    if mode == "auto":
        mode = "sfu" if worker else "p2p"
    meeting.effective_media_mode = mode
    work.flush()
    if mode == "mock":
        participants.add_sfu(work, meeting, MOCK_SFU_NAME)
    elif worker is not None:
        _bring_in(work, meeting, worker)


def adrift(work: Work) -> Sequence[str]:
    """Ids of the live meetings that need a worker, those that have waited longest first."""
    rows = (
        select(Meeting.id)
        .outerjoin(
            Participant,
            (Participant.meeting_id == Meeting.id) & (Participant.kind == "sfu") & Participant.state.in_(IN_THE_ROOM),
        )
        .outerjoin(MediaWorker, MediaWorker.id == Participant.session_id)
        .where(Meeting.state == "live", Meeting.effective_media_mode == "sfu")
        .where(or_(MediaWorker.id.is_(None), MediaWorker.state.in_(("leaving", "gone"))))
        .order_by(Meeting.started_at, Meeting.id)
    )
    return work.scalars(rows).all()


def count_waiting(work: Work) -> int:
    """How many live meetings have nobody who forwards their media."""
    sfu = select(Participant.id).where(
        Participant.meeting_id == Meeting.id, Participant.kind == "sfu", Participant.state.in_(IN_THE_ROOM)
    )
    waiting = select(func.count()).where(
        Meeting.state == "live", Meeting.effective_media_mode == "sfu", ~sfu.correlate(Meeting).exists()
    )
    return work.scalar(waiting.select_from(Meeting)) or 0


def settle(work: Work, meeting_id: str) -> None:
    """Find a worker for a meeting that needs one. Where there is none: what may do without goes peer to peer, the
    others wait, and their people are told; on a worker that is only leaving both stay.
    """
    meeting = meetings.hold(work, meeting_id)
    if meeting.state != "live" or meeting.effective_media_mode != "sfu":
        return
    sfu = participants.sfu_of(work, meeting_id)
    former = work.get(MediaWorker, sfu.session_id or "", populate_existing=True) if sfu else None
    if former is not None and former.state in ("active", "draining"):
        return
    new = workers.choose(work)
    is_leaving, waits = former is not None and former.state == "leaving", sfu is None and meeting.media_mode == "sfu"
    if new is None and (is_leaving or waits):
        return
    if sfu is not None:
        participants.depart(work, sfu, "moved")
    whip.end_all_of(work, meeting_id)
    meeting.config_version += 1
    if new is None and meeting.media_mode == "auto":
        meeting.effective_media_mode = "p2p"
    work.flush()
    placed = _bring_in(work, meeting, new) if new is not None else None
    reason = "worker_found" if sfu is None else "worker_draining" if is_leaving else "worker_lost"
    moved = {
        "mode": meeting.effective_media_mode,
        "config_version": meeting.config_version,
        "sfu_participant_id": placed.id if placed else None,
        "reason": reason,
    }
    participants.tell_room(work, meeting_id, Message("media.moved", moved, meeting_id))
    work.emit(MeetingMoved(meeting_id, new.id if new is not None else None, meeting.config_version))


def is_on_worker_of(work: Work, meeting_id: str, user_id: str) -> bool:
    """Whether a meeting is placed on a worker of this service, gone though it may be: it is told so then."""
    theirs = (
        select(Participant.id)
        .join(MediaWorker, MediaWorker.id == Participant.session_id)
        .where(Participant.meeting_id == meeting_id, Participant.kind == "sfu", MediaWorker.user_id == user_id)
    )
    return work.scalar(theirs.limit(1)) is not None


def in_full(work: Work, worker_id: str) -> list[dict[str, Any]]:
    """All that is placed on a worker, in the shape of `Placement`.

    :raises WorkerGone:
    """
    worker = workers.get(work, worker_id)
    if worker.state == "gone":
        raise errors.WorkerGone(reason=worker.gone_reason)
    return [facts(work, sfu) for sfu in workers.placed_on(work, worker_id)]


def facts(work: Work, sfu: Participant) -> dict[str, Any]:
    """A placement in full, in the shape of `Placement`."""
    meeting = meetings.get(work, sfu.meeting_id)
    there = [one for one in participants.in_the_room(work, meeting.id) if one.kind == "user"]
    return {
        "epoch": sfu.epoch,
        "sfu_participant_id": sfu.id,
        "meeting": {"id": meeting.id, "title": meeting.title, "e2ee": meeting.e2ee},
        "participants": there,
        "recordings": work.driver(RunningRecordings).of_meeting(work, meeting.id),
    }


def release(work: Work, sfu: Participant, reason: str) -> None:
    """A placement has ended: its worker is told, and no track is published any more. That goes without saying to the
    room: it begins anew, or is empty.
    """
    service.end_tracks(work, sfu.meeting_id)
    told = {
        "epoch": sfu.epoch,
        "sfu_participant_id": sfu.id,
        "reason": "meeting_ended" if reason == "meeting_ended" else "moved",
    }
    inbox.deliver(work, Message("media.release", told, sfu.meeting_id), [sfu.inbox_id])


def _bring_in(work: Work, meeting: Meeting, worker: MediaWorker) -> Participant:
    sfu = participants.add_sfu(work, meeting, f"Media worker {worker.name}"[:100], worker=(worker.id, worker.inbox_id))
    inbox.deliver(work, Message("media.place", _OUT.dump(facts(work, sfu)), meeting.id), [worker.inbox_id])
    return sfu
