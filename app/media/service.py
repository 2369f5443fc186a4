"""Which way media goes in a meeting, and which tracks are published to the media server."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.media.mock_sfu import UnanswerableOffer, answer_offer
from app.media.models import Track
from app.media.schemas import SOURCES, TrackOut
from app.meetings.models import Meeting
from app.participants import service as participants
from app.participants.models import Participant

MOCK_SFU_NAME = "Mock media server"


def place(work: Work, meeting: Meeting) -> None:
    """Decide on the mode of a meeting that goes live, and bring the media server in where there is one.

    :raises NoMediaWorker: it asks for an SFU and there is none.
    """
    mode = meeting.media_mode
    if mode == "sfu":
        raise errors.NoMediaWorker()
    meeting.effective_media_mode = "p2p" if mode == "auto" else mode
    work.flush()
    if mode == "mock":
        participants.add_sfu(work, meeting, MOCK_SFU_NAME)


def answer_as_mock(work: Work, sfu_id: str, sender_id: str, signal_type: str, payload: dict[str, Any]) -> None:
    """Play the media server: answer an offer and publish its tracks; take note of everything else.

    :raises UnanswerableSignal: the offer's SDP is not one.
    """
    sfu, sender = participants.get(work, sfu_id), participants.get(work, sender_id)
    inbox.acknowledge_all(work, sfu.inbox_id)
    if signal_type != "rtc.offer":
        return
    try:
        answer = answer_offer(payload["sdp"], seed=f"{sender.meeting_id}:{sender.id}:{sender.epoch}")
    except UnanswerableOffer as error:
        raise errors.UnanswerableSignal(str(error)) from None
    reply = {"sdp": answer.sdp} | ({"connection": payload["connection"]} if "connection" in payload else {})
    message = Message("rtc.answer", reply, sender.meeting_id, participants.address_of(sfu))
    inbox.deliver(work, message, [sender.inbox_id], directed=True)
    named = _sources(payload)
    publish(work, sender, [(t.mid, t.kind, named.get(t.mid) or t.source or _USUAL[t.kind]) for t in answer.tracks])


_USUAL = {"audio": "microphone", "video": "camera"}


def _sources(payload: dict[str, Any]) -> dict[str, str]:
    """What the client says its m-lines carry: `tracks: [{mid, source}]` beside the SDP. It may say nothing."""
    tracks = payload.get("tracks")
    return {
        str(track.get("mid")): track["source"]
        for track in (tracks if isinstance(tracks, list) else [])
        if isinstance(track, dict) and track.get("source") in SOURCES
    }


def publish(work: Work, participant: Participant, offered: Sequence[tuple[str, str, str]]) -> None:
    """Make `offered` (mid, kind, source) the tracks of a participant; the others are told what came and went."""
    there = {
        track.mid: track
        for track in work.scalars(_live_tracks(participant.meeting_id).where(Track.participant_id == participant.id))
    }
    wanted = {mid: (kind, source) for mid, kind, source in offered}
    for mid, track in there.items():
        if wanted.get(mid) != (track.kind, track.source):
            _unpublish(work, participant, track)
    for mid, (kind, source) in wanted.items():
        if mid in there and there[mid].unpublished_at is None:
            continue
        track = Track(
            id=new_id(),
            meeting_id=participant.meeting_id,
            participant_id=participant.id,
            kind=kind,
            mid=mid,
            source=source,
            published_at=work.now(),
        )
        work.add(track)
        work.flush()
        _tell(work, participant, track, "published")


def unpublish_all(work: Work, participant: Participant) -> None:
    """The participant's connection is gone, and its tracks with it."""
    publish(work, participant, [])


def tracks_of(work: Work, meeting_id: str) -> Sequence[Track]:
    """Tracks that are published now, the oldest first."""
    return work.scalars(_live_tracks(meeting_id)).all()


def _live_tracks(meeting_id: str) -> Any:
    return select(Track).where(Track.meeting_id == meeting_id, Track.unpublished_at.is_(None)).order_by(Track.id)


def _unpublish(work: Work, participant: Participant, track: Track) -> None:
    track.unpublished_at = work.now()
    work.flush()
    _tell(work, participant, track, "unpublished")


def _tell(work: Work, participant: Participant, track: Track, action: str) -> None:
    message = Message(
        "rtc.track",
        {"action": action, "track": TrackOut().dump(track)},
        participant.meeting_id,
        participants.address_of(participant),
    )
    participants.tell_room(work, participant.meeting_id, message, but=participant.id)
