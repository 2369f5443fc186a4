"""Which tracks are published to the media server, and the mock one's answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import or_, select, update

from app.core import errors
from app.core.ids import new_id
from app.core.runtime import Work
from app.inbox import service as inbox
from app.inbox.service import Message
from app.media.mock_sfu import UnanswerableOffer, answer_offer
from app.media.models import MediaStats, Track
from app.media.schemas import SOURCES, TrackOut
from app.meetings import service as meetings
from app.participants import service as participants
from app.participants.models import Participant


class Published(NamedTuple):
    """A track as whoever carries it tells of it. `id`: given by a media worker."""

    mid: str
    kind: str
    source: str
    id: str | None = None


def answer_as_mock(work: Work, sfu_id: str, sender_id: str, signal_type: str, payload: dict[str, Any]) -> None:
    """Play the media server: answer an offer and publish its tracks, or say why not; take note of everything else."""
    sfu, sender = participants.get(work, sfu_id), participants.get(work, sender_id)
    inbox.acknowledge_all(work, sfu.inbox_id)
    connection = payload.get("connection", "publish")
    if signal_type != "rtc.offer" or connection not in ("publish", "play"):
        return

    def reply(type_: str, told: dict[str, Any]) -> None:
        about = {"connection": connection} | {name: payload[name] for name in ("negotiation",) if name in payload}
        message = Message(type_, about | told, sender.meeting_id, participants.address_of(sfu))
        inbox.deliver(work, message, [sender.inbox_id], directed=True)

    try:
        seed = f"{sender.meeting_id}:{sender.id}:{sender.epoch}"
        answer = answer_offer(payload["sdp"], seed, plays=connection == "play")
    except UnanswerableOffer as error:
        reply("rtc.error", {"code": error.code, "detail": error.reason})
        return
    reply("rtc.answer", {"sdp": answer.sdp})
    if connection == "play":
        return
    named = _sources(payload)
    published = [Published(t.mid, t.kind, named.get(t.mid) or t.source or _USUAL[t.kind]) for t in answer.tracks]
    publish(work, sender, published)


_USUAL = {"audio": "microphone", "video": "camera"}


def _sources(payload: dict[str, Any]) -> dict[str, str]:
    """What the client says its m-lines carry: `tracks: [{mid, source}]` beside the SDP. It may say nothing."""
    tracks = payload.get("tracks")
    return {
        str(track.get("mid")): track["source"]
        for track in (tracks if isinstance(tracks, list) else [])
        if isinstance(track, dict) and track.get("source") in SOURCES
    }


def report(
    work: Work,
    meeting_id: str,
    *,
    epoch: int,
    tracks: Sequence[dict[str, Any]] | None,
    speakers: Sequence[dict[str, Any]] | None,
    stats: Sequence[dict[str, Any]] | None,
) -> None:
    """What a media worker tells of a meeting that is placed on it; of who has left meanwhile nothing is noted.

    :raises EpochPassed: it is placed anew already.
    """
    meetings.hold(work, meeting_id)
    sfu = participants.sfu_of(work, meeting_id)
    if sfu is None or sfu.epoch != epoch:
        raise errors.EpochPassed(epoch=sfu.epoch if sfu else None)
    there = {one.id: one for one in participants.in_the_room(work, meeting_id) if one.kind == "user"}
    for index, one in enumerate(tracks or ()):
        if one["participant_id"] in there:
            published = [Published(**track) for track in one["tracks"]]
            _check_ids(work, there[one["participant_id"]], published, index)
            publish(work, there[one["participant_id"]], published)
    if speakers is not None:
        told = {"speakers": [one for one in speakers if one["participant_id"] in there]}
        participants.tell_room(work, meeting_id, Message("speaker", told, meeting_id, subject=f"speaker:{meeting_id}"))
    if stats is not None:
        _note_stats(work, meeting_id, stats)


def _note_stats(work: Work, meeting_id: str, stats: Sequence[dict[str, Any]]) -> None:
    """In the place of what was told before. The meeting is held, so nobody else writes."""
    by_track = {one["track_id"]: {name: one[name] for name in one if name != "track_id"} for one in stats}
    row = work.get(MediaStats, meeting_id)
    if row is None:
        work.add(MediaStats(meeting_id=meeting_id, told_at=work.now(), tracks=by_track))
    else:
        row.told_at, row.tracks = work.now(), by_track


def _check_ids(work: Work, participant: Participant, published: Sequence[Published], index: int) -> None:
    used = select(Track.id).where(
        Track.id.in_([track.id for track in published]),
        or_(Track.participant_id != participant.id, Track.unpublished_at.is_not(None)),
    )
    if work.scalar(used.limit(1)) is not None:
        message = "An id was used for another track before."
        wrong = {"location": "body", "field": f"tracks.{index}.tracks", "message": message}
        raise errors.ValidationFailed(errors=[wrong])


def publish(work: Work, participant: Participant, offered: Sequence[Published]) -> None:
    """Make `offered` the tracks of a participant; the others are told what came and went."""
    there = {
        track.mid: track
        for track in work.scalars(_live_tracks(participant.meeting_id).where(Track.participant_id == participant.id))
    }
    wanted = {one.mid: one for one in offered}
    for mid, track in there.items():
        new = wanted.get(mid)
        if new is None or (new.kind, new.source, new.id or track.id) != (track.kind, track.source, track.id):
            _unpublish(work, participant, track)
    for mid, one in wanted.items():
        if mid in there and there[mid].unpublished_at is None:
            continue
        track = Track(
            id=one.id or new_id(),
            meeting_id=participant.meeting_id,
            participant_id=participant.id,
            kind=one.kind,
            mid=mid,
            source=one.source,
            published_at=work.now(),
        )
        work.add(track)
        work.flush()
        _tell(work, participant, track, "published")


def unpublish_all(work: Work, participant: Participant) -> None:
    """The participant's connection is gone, and its tracks with it."""
    publish(work, participant, [])


def end_tracks(work: Work, meeting_id: str) -> None:
    """The media server that carried them is gone, and everybody knows."""
    work.execute(update(Track).where(*_live(meeting_id)).values(unpublished_at=work.now()))


STATS_HOLD = timedelta(seconds=30)  # six reports


def tracks_of(work: Work, meeting_id: str) -> list[dict[str, Any]]:
    """Tracks that are published now, the oldest first, in the shape of `ListedTrack`."""
    row = work.get(MediaStats, meeting_id)
    stats = row.tracks if row is not None and work.now() - row.told_at <= STATS_HOLD else {}
    return [
        {name: getattr(track, name) for name in _LISTED} | {"stats": stats.get(track.id)}
        for track in work.scalars(_live_tracks(meeting_id))
    ]


_LISTED = ("id", "participant_id", "kind", "mid", "source", "published_at")


def _live_tracks(meeting_id: str) -> Any:
    return select(Track).where(*_live(meeting_id)).order_by(Track.id)


def _live(meeting_id: str) -> tuple[Any, ...]:
    return Track.meeting_id == meeting_id, Track.unpublished_at.is_(None)


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
