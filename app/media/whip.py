"""WHIP and WHEP (RFC 9725, draft-ietf-wish-whep): to publish to a meeting, and to play it, with one HTTP exchange.

A session is a participant whose signaling Parley does itself: the offer goes to the media server as any client's does,
and the answer is read in the participant's inbox. Nobody polls that inbox afterwards, so the stay is not held to polls:
it lasts as long as the media connection, whose end the media server tells by `rtc.restart` (`lost`).
"""

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import and_, or_, select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_id
from app.core.retries import retried
from app.core.runtime import Runtime, Work
from app.core.wakeups.base import SAFETY_NET_S
from app.inbox import service as inbox
from app.inbox.models import Inbox, Signal
from app.media import sdp_fragment
from app.media.models import WhipSession
from app.media.sdp_fragment import Fragment, UnreadableFragment, direction_of
from app.media.sdp_offer import Offer, UnanswerableOffer, parse_offer
from app.meetings import service as meetings
from app.meetings.models import Meeting
from app.participants import joining, states
from app.participants import service as participants
from app.participants.models import Participant
from app.signaling import service as signaling

Kind = Literal["whip", "whep"]
CONNECTIONS: dict[str, str] = {"whip": "publish", "whep": "play"}  # as docs/media-workers.md names them
_FLOWING = {"whip": {"sendonly", "sendrecv"}, "whep": {"recvonly", "sendrecv"}}
NOT_LIVE_RETRY_S = 5  # a meeting begins when people come: an encoder that waits for it may look so often
BUSY_RETRY_S = 2
FORGOTTEN_AFTER_S = 30  # beyond the wait for an answer: a process that ended meanwhile leaves a session unanswered


class Starts:
    """How many sessions begin at once in this process: each holds a thread until the media server has answered."""

    def __init__(self, at_once: int) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    @contextmanager
    def one(self) -> Iterator[None]:
        """:raises Unavailable: as many as may are beginning now."""
        if not self._places.acquire(blocking=False):
            headers = {"Retry-After": str(BUSY_RETRY_S)}
            raise errors.Unavailable("Too many media sessions begin at once; try again.", headers=headers)
        try:
            yield
        finally:
            self._places.release()

    def close(self) -> None:
        """Nothing is held."""


class Started(NamedTuple):
    participant_id: str
    answer: str
    version: int
    ice_servers: list[dict[str, Any]]


class Restarted(NamedTuple):
    fragment: str
    version: int


class _Asked(NamedTuple):
    """An offer that lies in the media server's inbox, and where its answer will be found."""

    participant_id: str
    inbox_id: str
    after: int
    negotiation: int
    offer: str


def start(
    work: Work, actor: Actor, meeting_id: str, kind: Kind, sdp: str, *, participant_id: str | None = None
) -> Started:
    """Come into a live meeting as an encoder or a player, and exchange offer and answer. It pauses `work`.

    :param participant_id: whom to play; None: what the meeting shows.
    :raises OfferRefused: the SDP is none, or offers nothing that flows this way. :raises NoCommonCodec:
    :raises MeetingStateConflict: it is not live. :raises NoMediaServer: its media goes from device to device.
    :raises EndToEndEncrypted: :raises MustBeAdmitted: :raises NoMediaWorker: there is none at present.
    :raises Unavailable: too many sessions begin now, or the media server did not answer in time.
    :raises MeetingEnded: and whatever else joining raises.
    """
    offered = _read_offer(kind, sdp)
    with work.driver(Starts).one():
        asked, ice_servers = _come_in(work, actor, meeting_id, kind, sdp, offered, participant_id)
        work.pause()
        try:
            answer = _await_answer(work.runtime, kind, asked)
        except errors.ParleyError:
            retried(lambda: _go(work.runtime, asked.participant_id))
            raise
        version = retried(lambda: _note_answer(work.runtime, asked))
    return Started(asked.participant_id, answer, version, ice_servers)


def _read_offer(kind: Kind, sdp: str) -> Offer:
    try:
        offer = parse_offer(sdp)
    except UnanswerableOffer as error:
        raise errors.OfferRefused(error.reason) from None
    if not _kinds_of(kind, offer):
        direction = "sendonly" if kind == "whip" else "recvonly"
        raise errors.OfferRefused(f"No audio or video m-line of the offer is {direction}.")
    return offer


def _kinds_of(kind: Kind, offer: Offer) -> set[str]:
    """Of the m-lines on which something flows."""
    flowing = [section for section in offer.sections if direction_of(section, offer.session) in _FLOWING[kind]]
    return {section.kind for section in flowing if not section.is_stopped} & {"audio", "video"}


def _come_in(
    work: Work, actor: Actor, meeting_id: str, kind: Kind, sdp: str, offered: Offer, whom: str | None
) -> tuple[_Asked, list[dict[str, Any]]]:
    meeting = meetings.hold(work, meeting_id)
    _check_meeting(work, meeting)
    if whom is not None:
        shown = work.get(Participant, whom)
        if shown is None or shown.meeting_id != meeting_id or shown.state not in states.IN_THE_ROOM:
            wrong = {"location": "query", "field": "participant_id", "message": "Nobody who is in the meeting."}
            raise errors.ValidationFailed(errors=[wrong])
    # Each session is a device of its own: a person may have several encoders.
    device = f"{kind}-{new_id()[-12:]}"
    joined = joining.join(work, actor, meeting_id, device=device, display_name=None, replaces=None, force=False)
    participant: Participant = joined["participant"]
    if participant.state not in states.IN_THE_ROOM:
        raise errors.MustBeAdmitted()
    participant.kept_by_media = True
    session = WhipSession(participant_id=participant.id, kind=kind, offer=sdp, version=0, negotiation=0)
    work.add(session)
    work.flush()
    if kind == "whip":
        kinds = _kinds_of(kind, offered)
        now_sent = {"muted": "audio" not in kinds, "camera": "video" in kinds}
        participants.change_own_state(work, actor, participant, **now_sent)
    asked = _offer(work, actor, participant, session, sdp, {} if whom is None else {"participant_id": whom})
    return asked, joined["rtc"]["ice_servers"]


def _check_meeting(work: Work, meeting: Meeting) -> None:
    if meeting.state == "ended":
        raise errors.MeetingEnded()
    if meeting.state == "cancelled":
        raise errors.MeetingCancelled()
    if meeting.state != "live":
        headers = {"Retry-After": str(NOT_LIVE_RETRY_S)}
        raise errors.MeetingStateConflict("The meeting is not live yet: a host has to start it.", headers=headers)
    if meeting.effective_media_mode == "p2p":
        raise errors.NoMediaServer()
    if meeting.e2ee:
        raise errors.EndToEndEncrypted("What an encoder sends, and a player shows, is not end-to-end encrypted.")
    if participants.sfu_of(work, meeting.id) is None:
        raise errors.NoMediaWorker(headers={"Retry-After": str(BUSY_RETRY_S)})


def _offer(
    work: Work, actor: Actor, participant: Participant, session: WhipSession, sdp: str, more: dict[str, Any]
) -> _Asked:
    session.negotiation += 1
    own_inbox = work.get_one(Inbox, participant.inbox_id, populate_existing=True)
    after = own_inbox.head_seq
    payload = {"connection": CONNECTIONS[session.kind], "negotiation": session.negotiation, "sdp": sdp, **more}
    _signal(work, actor, participant, [("rtc.offer", payload)])
    return _Asked(participant.id, participant.inbox_id, after, session.negotiation, sdp)


def _signal(work: Work, actor: Actor, participant: Participant, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
    sfu = participants.sfu_of(work, participant.meeting_id)
    if sfu is None:
        raise errors.NoMediaWorker(headers={"Retry-After": str(BUSY_RETRY_S)})
    to_send = [{"to": sfu.id, "type": type_, "payload": payload, "client_ref": None} for type_, payload in messages]
    signaling.send(work, actor, participant.meeting_id, from_=participant.id, messages=to_send)


def _await_answer(runtime: Runtime, kind: str, asked: _Asked) -> str:
    """The SDP that the media server answers with.

    :raises OfferRefused: :raises NoCommonCodec: it refuses. :raises Unavailable: it does not answer in time.
    :raises MeetingStateConflict: the stay has ended meanwhile.
    """
    give_up_at = time.monotonic() + runtime.settings.whip_answer_s
    after, topic = asked.after, inbox.topic(asked.inbox_id)
    while True:
        ticket = runtime.wakeups.ticket(topic)
        with runtime.reading() as work:
            messages = inbox.read(work, asked.inbox_id, after, work.settings.inbox_max_unacked)
            closed = work.scalar(select(Inbox.closed_reason).where(Inbox.id == asked.inbox_id))
        for message in messages:
            if _is_reply(message, kind, asked):
                return _read_reply(message)
            after = message["seq"]
        if closed is not None:
            raise errors.MeetingStateConflict("The session has ended before it began.", reason=closed)
        remaining_s = give_up_at - time.monotonic()
        if remaining_s <= 0 or runtime.wakeups.closed:
            headers = {"Retry-After": str(BUSY_RETRY_S)}
            raise errors.Unavailable("The media server has not answered in time.", headers=headers)
        runtime.wakeups.wait(topic, ticket, min(remaining_s, SAFETY_NET_S))


def _is_reply(message: dict[str, Any], kind: str, asked: _Asked) -> bool:
    payload = message["payload"]
    return (
        message["type"] in ("rtc.answer", "rtc.error")
        and payload.get("connection") == CONNECTIONS[kind]
        and payload.get("negotiation") == asked.negotiation
    )


def _read_reply(message: dict[str, Any]) -> str:
    payload = message["payload"]
    if message["type"] == "rtc.answer":
        return str(payload["sdp"])
    refusal = errors.NoCommonCodec if payload.get("code") == "no_common_codec" else errors.OfferRefused
    raise refusal(str(payload.get("detail") or "") or None)


def _note_answer(runtime: Runtime, asked: _Asked) -> int:
    """The version of the ICE session that the answer has begun."""
    with runtime.writing() as work:
        session = work.get(WhipSession, asked.participant_id, with_for_update=True)
        if session is None:
            raise errors.NotFound()
        session.version += 1
        session.offer = asked.offer
        session.answered_at = work.now()
        return session.version


def _go(runtime: Runtime, participant_id: str) -> None:
    with runtime.writing() as work:
        participants.depart(work, participants.hold(work, participant_id), "left")


# The session -------------------------------------------------------------------------------------------------------


def session_of(work: Work, participant_id: str, kind: Kind) -> WhipSession:
    """:raises ParticipantStateConflict: that participant is none. :raises NotFound: it has ended."""
    session = work.get(WhipSession, participant_id, populate_existing=True)
    if session is None or session.kind != kind:
        raise errors.ParticipantStateConflict(f"This participant is no {kind.upper()} session.")
    if participants.get(work, participant_id).state not in states.IN_THE_ROOM:
        raise errors.NotFound("The session has ended.")
    return session


def patch(
    work: Work, actor: Actor, participant_id: str, kind: Kind, text: str, *, versions: Collection[str] | None
) -> Restarted | None:
    """Take candidates (None), or restart ICE.

    :param versions: of the ICE session, as `If-Match` names them; None: whichever it is.
    :raises BadRequest: the text is no fragment. :raises VersionMismatch: :raises NotFound: the session has ended.
    :raises Unavailable: the media server did not answer in time; the session goes on as it is.
    """
    try:
        fragment = sdp_fragment.read(text)
    except UnreadableFragment as error:
        raise errors.BadRequest(str(error)) from None
    participant = participants.hold(work, participant_id)
    session = session_of(work, participant_id, kind)
    if versions is not None and str(session.version) not in versions:
        raise errors.VersionMismatch("The ICE session is another one since then.", version=session.version)
    if fragment.ufrag and (fragment.ufrag, fragment.password) != sdp_fragment.credentials_of(session.offer):
        return _restart(work, actor, participant, session, fragment)
    _trickle(work, actor, participant, session, fragment)
    return None


def _trickle(work: Work, actor: Actor, participant: Participant, session: WhipSession, fragment: Fragment) -> None:
    connection = CONNECTIONS[session.kind]
    told: list[dict[str, Any] | None] = [
        {"candidate": candidate, "sdpMid": mid or None, "usernameFragment": fragment.ufrag or None}
        for mid, candidate in fragment.candidates
    ]
    if fragment.is_last:
        told.append(None)
    for at in range(0, len(told), work.settings.signal_batch_max):
        some = told[at : at + work.settings.signal_batch_max]
        messages = [("rtc.candidate", {"connection": connection, "candidate": one}) for one in some]
        _signal(work, actor, participant, messages)


def _restart(work: Work, actor: Actor, participant: Participant, session: WhipSession, fragment: Fragment) -> Restarted:
    kind = session.kind
    with work.driver(Starts).one():
        asked = _offer(work, actor, participant, session, sdp_fragment.restarted(session.offer, fragment), {})
        work.pause()
        answer = _await_answer(work.runtime, kind, asked)
        version = retried(lambda: _note_answer(work.runtime, asked))
    return Restarted(sdp_fragment.of_answer(answer), version)


def end(work: Work, participant_id: str, kind: Kind) -> None:
    """:raises NotFound: it has ended already."""
    participant = participants.hold(work, participant_id)
    session_of(work, participant_id, kind)
    participants.leave(work, participant)


def end_all_of(work: Work, meeting_id: str) -> None:
    """The media server that carried them is gone; their clients come again."""
    participants.send_out(work, and_(Participant.meeting_id == meeting_id, Participant.kept_by_media), "moved")


def forget(work: Work, participant_id: str) -> None:
    """Another connection has taken the participant's place: a client that polls."""
    session = work.get(WhipSession, participant_id)
    if session is not None:
        work.delete(session)
        participants.get(work, participant_id).kept_by_media = False


# What the media server tells of them -------------------------------------------------------------------------------


class News(NamedTuple):
    lost: Sequence[str]  # participants whose connection is no more, or never was
    read: dict[str, int]  # what is read of inboxes, by their ids: nobody else does


def news(work: Work) -> News:
    """What came to the inboxes of all sessions since it was read last."""
    there = work.execute(
        select(WhipSession.participant_id, WhipSession.answered_at, Participant.joined_at, Inbox)
        .join(Participant, Participant.id == WhipSession.participant_id)
        .join(Inbox, Inbox.id == Participant.inbox_id)
        .where(Participant.state.in_(states.IN_THE_ROOM), Participant.kept_by_media)
    ).all()
    too_old = work.now() - timedelta(seconds=work.settings.whip_answer_s + FORGOTTEN_AFTER_S)
    lost = {row.participant_id for row in there if row.answered_at is None and row.joined_at <= too_old}
    unread = {row.Inbox.id: row for row in there if row.Inbox.head_seq > row.Inbox.acked_seq}
    for some in inbox.in_batches(sorted(unread)):
        ranges = [_between(unread[inbox_id].Inbox) for inbox_id in some]
        told = select(Signal.inbox_id).where(Signal.type == "rtc.restart", or_(*ranges))
        lost |= {unread[inbox_id].participant_id for inbox_id in work.scalars(told)}
    return News(sorted(lost), {inbox_id: row.Inbox.head_seq for inbox_id, row in unread.items()})


def _between(own_inbox: Inbox) -> Any:
    return and_(Signal.inbox_id == own_inbox.id, Signal.seq > own_inbox.acked_seq, Signal.seq <= own_inbox.head_seq)


def note_lost(work: Work, participant_id: str) -> None:
    participants.depart(work, participants.hold(work, participant_id), "timed_out")
