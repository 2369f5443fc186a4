from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, delete, func, or_, select
from sqlalchemy import update as sql_update

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_code, new_id, read_code
from app.core.inserts import insert_all_unless_there
from app.core.pagination import paginate
from app.core.prepared import Prepared
from app.core.runtime import Work
from app.inbox.service import Message, deliver, open_inboxes_of
from app.meetings import events, shapes, states
from app.meetings.models import PERMISSIONS, Meeting, MeetingPerson, MeetingSeries, Standing

# Asked before most requests: written once, so that SQLAlchemy compiles it once.
_STANDING = Prepared(
    select(MeetingPerson.relation, MeetingPerson.role).where(
        MeetingPerson.meeting_id == bindparam("of_meeting"), MeetingPerson.user_id == bindparam("of_user")
    )
)

# What every chat message costs: written once, too.
_HELD = (
    Meeting.id,
    Meeting.owner_id,
    Meeting.state,
    Meeting.chat_retention,
    Meeting.lobby,
    Meeting.permissions_said.label("permissions_said"),
    Meeting.message_head,
)
_NUMBER = sql_update(Meeting).where(Meeting.id == bindparam("of_meeting")).values(message_head=Meeting.message_head + 1)
_NUMBER_RETURNING = Prepared(_NUMBER.returning(*_HELD))
_NUMBER_ALONE = Prepared(_NUMBER)
_NUMBERED = Prepared(select(*_HELD).where(Meeting.id == bindparam("of_meeting")))


def get(work: Work, meeting_id: str) -> Meeting:
    meeting = work.get(Meeting, meeting_id)
    if meeting is None:
        raise errors.NotFound()
    return meeting


def hold(work: Work, meeting_id: str) -> Meeting:
    """The meeting as it is now, its row locked until the commit.

    Whoever changes where a meeting stands, or who is in it or invited to it, holds it before any other row: so they
    come one after another and cannot deadlock. What was read before may be out of date; read it again.
    """
    # On PostgreSQL this leaves inserts alone that only refer to the meeting (FOR NO KEY UPDATE).
    held = work.get(Meeting, meeting_id, populate_existing=True, with_for_update={"key_share": True})
    if held is None:
        raise errors.NotFound()
    return held


def next_message_number(work: Work, meeting_id: str) -> Any:
    """Take the next number for a message of the meeting's chat, holding the meeting's row until the commit: so messages
    are numbered in the order in which they are committed.

    :returns: a row with `message_head` (that number), and with what decides on who may write.
    """
    work.flush()
    asked = {"of_meeting": meeting_id}
    if work.connection().dialect.update_returning:
        held = work.run(_NUMBER_RETURNING, asked)
    else:
        work.run(_NUMBER_ALONE, asked)
        held = work.run(_NUMBERED, asked)
    if not held:
        raise errors.NotFound()
    return held[0]


def give_back_message_number(work: Work, meeting_id: str) -> None:
    """The number that this transaction has taken is not used after all."""
    own = sql_update(Meeting).where(Meeting.id == meeting_id)
    work.execute(own.values(message_head=Meeting.message_head - 1).execution_options(synchronize_session=False))


def standing_of(work: Work, user_id: str, meeting_id: str) -> Standing:
    """At this moment, whatever was read before."""
    work.flush()
    found = work.run(_STANDING, {"of_meeting": meeting_id, "of_user": user_id})
    return Standing(found[0].relation, found[0].role) if found else Standing(None, None)


def permissions_of(meeting: Any) -> dict[str, str]:
    """Of a meeting, or of a row with `permissions_said`: hosts or everyone, by what is permitted."""
    return {**PERMISSIONS, **(meeting.permissions_said or {})}


def belongs(work: Work, user_id: str, meeting_id: str) -> bool:
    """Whether a person is something to a meeting at this moment, whatever was read before."""
    return work.scalar(visible_to(user_id).where(MeetingPerson.meeting_id == meeting_id)) is not None


def visible_to(user_id: str | BindParameter[str], *relations: str) -> Select[str]:
    """Ids of the meetings that a person may see, or to which they have one of `relations`: for subqueries."""
    query = select(MeetingPerson.meeting_id).where(MeetingPerson.user_id == user_id)
    if not relations:
        return query.where(MeetingPerson.relation != "banned")
    return query.where(or_(*(MeetingPerson.relation == relation for relation in relations)))


def set_relation(work: Work, meeting_id: str, user_id: str, relation: str | None) -> None:
    """Say what a person is to a meeting; None: nothing any more. Who is banned stays so (see `people.lift_ban`)."""
    person = work.get(MeetingPerson, (meeting_id, user_id))
    if person is not None and person.relation == "banned":
        return
    if relation is None:
        if person is not None:
            work.delete(person)
    elif person is None:
        meeting = get(work, meeting_id)
        here = {"state": meeting.state, "sort_at": meeting.sort_at}
        work.add(MeetingPerson(meeting_id=meeting_id, user_id=user_id, relation=relation, **here))
    else:
        person.relation = relation
    work.flush()


def set_relation_to_all(work: Work, meetings: Sequence[Meeting], people: Sequence[tuple[str, str | None]]) -> None:
    """Say what people are to several meetings, all at once; None: nothing any more. Who is banned stays so."""
    ids = [meeting.id for meeting in meetings]
    if not ids or not people:
        return
    work.flush()
    for relation in sorted({relation or "" for _, relation in people}):
        theirs = [user_id for user_id, one in people if (one or "") == relation]
        there = (
            MeetingPerson.meeting_id.in_(ids),
            MeetingPerson.user_id.in_(theirs),
            MeetingPerson.relation != "banned",
        )
        if relation:
            work.execute(sql_update(MeetingPerson).where(*there).values(relation=relation))
        else:
            work.execute(delete(MeetingPerson).where(*there))
    rows = [
        {
            "meeting_id": meeting.id,
            "user_id": user_id,
            "relation": relation,
            "state": meeting.state,
            "sort_at": meeting.sort_at,
        }
        for meeting in meetings
        for user_id, relation in people
        if relation is not None
    ]
    insert_all_unless_there(work, MeetingPerson, rows)


def people_of(work: Work, meeting_id: str, *relations: str) -> Sequence[str]:
    """User ids of those who belong to a meeting."""
    query = select(MeetingPerson.user_id).where(MeetingPerson.meeting_id == meeting_id)
    query = query.where(MeetingPerson.relation.in_(relations) if relations else MeetingPerson.relation != "banned")
    return work.scalars(query).all()


def current_of(work: Work, series_ids: Iterable[str]) -> dict[str, Meeting]:
    """Of each series the occurrence that stands for it: the one that is live, or the next, or else the last."""
    ids = set(series_ids)
    if not ids:
        return {}
    recent = or_(Meeting.state == "live", Meeting.sort_at > work.now() - timedelta(days=1))
    ready = (Meeting.state.in_(("live", "scheduled")), recent)
    found = _of_each(work, ids, func.min(Meeting.sort_at), *ready)
    return {**_of_each(work, ids - found.keys(), func.max(Meeting.sort_at)), **found}


def _of_each(work: Work, series_ids: set[str], which: Any, *only: Any) -> dict[str, Meeting]:
    if not series_ids:
        return {}
    at = select(Meeting.series_id, which.label("at")).where(Meeting.series_id.in_(series_ids), *only)
    best = at.group_by(Meeting.series_id).subquery()
    same = (best.c.series_id == Meeting.series_id) & (best.c.at == Meeting.sort_at)
    query = select(Meeting).join(best, same).where(*only).order_by(Meeting.id)
    return {str(one.series_id): one for one in work.scalars(query)}


def create(work: Work, actor: Actor, **given: Any) -> shapes.MeetingView:
    return shapes.view(work, make(work, actor.user_id, **given), actor.user_id)


def make(work: Work, owner_id: str, **given: Any) -> Meeting:
    """:raises ValidationFailed: `max_duration_min` or `recordings_keep_days` is more than the server's."""
    now = work.now()
    _check_caps(work, given)
    given["meta"] = given.pop("metadata", {})
    given.setdefault("media_mode", work.settings.media_mode_of_new_meetings)
    given.setdefault("guests_allowed", work.settings.guests_allowed)
    meeting = Meeting(
        id=new_id(),
        owner_id=owner_id,
        code=new_code(),
        state="scheduled",
        sort_at=given.get("starts_at") or now,
        created_at=now,
        updated_at=now,
        version=1,
        **given,
    )
    work.add(meeting)
    work.flush()
    set_relation(work, meeting.id, owner_id, "owner")
    work.emit(events.MeetingCreated(meeting.id))
    return meeting


def _check_caps(work: Work, given: dict[str, Any]) -> None:
    most = work.settings.meeting_max_min
    if most and (given.get("max_duration_min") or 0) > most:
        wrong = {"location": "body", "field": "max_duration_min", "message": f"At most {most:g} minutes here."}
        raise errors.ValidationFailed(errors=[wrong])
    kept = work.settings.recording_keep_days
    if kept and (given.get("recordings_keep_days") or 0) > kept:
        wrong = {"location": "body", "field": "recordings_keep_days", "message": f"At most {kept:g} days here."}
        raise errors.ValidationFailed(errors=[wrong])


def list_visible(
    work: Work,
    actor: Actor,
    *,
    state: str | None,
    relation: str | None,
    series_id: str | None,
    from_: datetime | None,
    to: datetime | None,
    order: str,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    # By what `meeting_people` keeps of each meeting: one range of one index, however many meetings there are.
    mine = MeetingPerson
    query = select(Meeting).join(mine, mine.meeting_id == Meeting.id).where(mine.user_id == actor.user_id)
    query = query.where(mine.relation == relation if relation is not None else mine.relation != "banned")
    if state is not None:
        query = query.where(mine.state == state)
    if from_ is not None:
        query = query.where(mine.sort_at >= from_)
    if to is not None:
        query = query.where(mine.sort_at < to)
    if series_id is not None:
        query = query.where(Meeting.series_id == series_id)
    page = paginate(
        work, query, (mine.sort_at, mine.meeting_id), limit=limit, cursor=cursor, descending=order == "desc"
    )
    page["items"] = shapes.views(work, page["items"], actor.user_id)
    return page


_FIXED_WHILE_LIVE = ("media_mode", "e2ee", "starts_at")
IN_CALENDAR = {"title", "description", "starts_at", "duration_min", "time_zone"}


def update(work: Work, actor: Actor, meeting: Meeting, **changes: Any) -> shapes.MeetingView:
    """Change what the owner set.

    :raises MeetingStateConflict: it is over, or the change does not fit a live meeting.
    """
    if meeting.state in ("ended", "cancelled"):
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}; it can't be changed.", state=meeting.state)
    if "metadata" in changes:
        changes["meta"] = changes.pop("metadata")
    if "permissions" in changes:
        changes["permissions"] = {**meeting.permissions, **changes["permissions"]}
    changes = {name: value for name, value in changes.items() if getattr(meeting, name) != value}
    if meeting.state == "live":
        fixed = [name for name in _FIXED_WHILE_LIVE if name in changes]
        if fixed:
            raise errors.MeetingStateConflict(f"{', '.join(fixed)} can't change while it is live.", state=meeting.state)
    if changes:
        moved = apply(work, meeting, changes)
        tell_people(work, meeting, "meeting.updated")
        work.emit(events.MeetingUpdated(meeting.id, moved=moved, in_calendar=bool(changes.keys() & IN_CALENDAR)))
    return shapes.view(work, meeting, actor.user_id)


def find_by_code(work: Work, typed: str) -> Meeting | None:
    """The meeting that a code names, however it was typed; whether it lets anybody in is another matter. Of a series
    the occurrence that is live, or else the next one, or else the last.
    """
    code = read_code(typed)
    series_id = work.scalar(select(MeetingSeries.id).where(MeetingSeries.code == code))
    if series_id is not None:
        return current_of(work, [series_id]).get(series_id)
    return work.scalar(select(Meeting).where(Meeting.code == code))


def renew_code(work: Work, meeting: Meeting) -> None:
    """Another code and join URL, of a series for all of it: the old ones are dead at once; who is in stays.

    :raises MeetingStateConflict: it was cancelled.
    """
    _not_cancelled(meeting)
    series = work.get(MeetingSeries, meeting.series_id) if meeting.series_id else None
    if series is not None:
        series.code = new_code()
    meeting.code = new_code()
    _touch(work, meeting)
    tell_people(work, meeting, "meeting.updated")


def close_to_guests(work: Work, meeting: Meeting) -> None:
    """The code lets nobody in from now on. Repeating that changes nothing.

    :raises MeetingStateConflict: it was cancelled.
    """
    _not_cancelled(meeting)
    if meeting.guests_allowed:
        meeting.guests_allowed = False
        _touch(work, meeting)
        tell_people(work, meeting, "meeting.updated")


def _not_cancelled(meeting: Meeting) -> None:
    if meeting.state == "cancelled":
        raise errors.MeetingStateConflict("The meeting is cancelled; nobody comes to it.", state=meeting.state)


def apply(work: Work, meeting: Meeting, changes: dict[str, Any]) -> bool:
    """Set columns of a meeting, and what follows from them. :returns: whether people must be asked for another time."""
    _check_caps(work, changes)
    for name, value in changes.items():
        setattr(meeting, name, value)
    if "starts_at" in changes:
        meeting.sort_at = meeting.starts_at or meeting.created_at
        meeting.reminded_at = None
    if "max_duration_min" in changes and meeting.state == "live":
        _set_end(work, meeting)
    _touch(work, meeting)
    if "starts_at" in changes:
        _keep_lists_in_step(work, meeting)
    return meeting.state == "scheduled" and ("starts_at" in changes or "duration_min" in changes)


def _set_end(work: Work, meeting: Meeting) -> None:
    """When a live meeting's time is up: by its own cap, or the server's."""
    caps = [cap for cap in (meeting.max_duration_min, work.settings.meeting_max_min) if cap]
    begun = meeting.started_at or work.now()
    meeting.ends_by = begun + timedelta(minutes=min(caps)) if caps else None
    meeting.ending_told_at = None


def _keep_lists_in_step(work: Work, meeting: Meeting) -> None:
    people = sql_update(MeetingPerson).where(MeetingPerson.meeting_id == meeting.id)
    work.execute(people.values(state=meeting.state, sort_at=meeting.sort_at))


def start(work: Work, meeting: Meeting, by_user_id: str) -> None:
    """Make it live. Repeating that changes nothing.

    :raises MeetingStateConflict: it was cancelled. :raises NoMediaWorker: from the media that it asks for.
    """
    if meeting.state == "live":
        return
    _become(work, meeting, "live")
    meeting.started_at = work.now()
    meeting.ended_at = None
    meeting.config_version += 1
    meeting.empty_since = work.now()  # until somebody joins
    _set_end(work, meeting)
    work.flush()
    work.emit(events.MeetingStarted(meeting.id, by_user_id))  # media decides on the effective mode here
    tell_people(work, meeting, "meeting.started")


def end(work: Work, meeting: Meeting, reason: str = "ended") -> None:
    """End it for everybody. Repeating that changes nothing.

    :raises MeetingStateConflict: it has not begun, or was cancelled.
    """
    if meeting.state == "ended":
        return
    _become(work, meeting, "ended")
    meeting.ended_at = work.now()
    meeting.locked_at = None
    meeting.ends_by = None
    tell_people(work, meeting, "meeting.ended", reason=reason)  # before inboxes of the room close
    work.emit(events.MeetingEnded(meeting.id, reason))


def lock(work: Work, meeting: Meeting, *, locked: bool) -> None:
    """Let nobody new in, or let them in again; it ends with the meeting. Repeating that changes nothing.

    :raises MeetingStateConflict: it is not live.
    """
    if meeting.state != "live":
        raise errors.MeetingStateConflict("Only a live meeting can be locked.", state=meeting.state)
    if meeting.locked != locked:
        meeting.locked_at = (
            work.now() if locked else None
        )  # no new version: an owner's open form does not become stale by it
        tell_people(work, meeting, "meeting.updated")


def cancel(work: Work, meeting: Meeting, *, quietly: bool = False) -> None:
    """Call it off. Repeating that changes nothing. Quietly: people are told of the series that it belongs to.

    :raises MeetingStateConflict: it is live or over.
    """
    if meeting.state == "cancelled":
        return
    _become(work, meeting, "cancelled")
    meeting.cancelled_at = work.now()
    if not quietly:
        tell_people(work, meeting, "meeting.cancelled")
    work.emit(events.MeetingCancelled(meeting.id, quietly))


def erase(work: Work, meeting: Meeting) -> None:
    """Delete a meeting that is over, with all that belongs to it.

    :raises MeetingStateConflict: it is to come or live.
    """
    if meeting.state not in states.ERASABLE:
        raise errors.MeetingStateConflict("Only a cancelled or ended meeting can be erased.", state=meeting.state)
    work.emit(events.MeetingErased(meeting.id))
    work.flush()
    series = work.get(MeetingSeries, meeting.series_id) if meeting.series_id else None
    if series is not None and meeting.state == "cancelled" and meeting.original_start is not None:
        series.erased_starts = [*series.erased_starts, meeting.original_start.isoformat()]
    work.delete(meeting)
    work.flush()
    if series is not None and series.is_complete and not _has_occurrences(work, series.id):
        work.delete(series)
        work.flush()


def _has_occurrences(work: Work, series_id: str) -> bool:
    return work.scalar(select(Meeting.id).where(Meeting.series_id == series_id).limit(1)) is not None


def tell_people(work: Work, meeting: Meeting, event_type: str, **more: Any) -> None:
    """One inbox event to everybody who belongs to the meeting, whichever of their inboxes is polled."""
    tell_people_of_all(work, [meeting], meeting, event_type, **more)


def tell_people_of_all(work: Work, meetings: Sequence[Meeting], meeting: Meeting, event_type: str, **more: Any) -> None:
    """One inbox event, about `meeting`, to everybody who belongs to any of `meetings`."""
    told = shapes.facts(work, meeting)
    of_them = (MeetingPerson.meeting_id.in_([one.id for one in meetings]), MeetingPerson.relation != "banned")
    belonging = select(MeetingPerson.user_id, MeetingPerson.relation).where(*of_them).distinct()
    people = work.execute(belonging).all()
    for are_guests, shown in ((False, told), (True, {**told, **shapes.NO_WAY_IN})):
        user_ids = {person.user_id for person in people if (person.relation == "guest") is are_guests}
        if user_ids:
            message = Message(event_type, {"meeting": shown, **more}, meeting_id=meeting.id)
            deliver(work, message, open_inboxes_of(work, sorted(user_ids)))


def _become(work: Work, meeting: Meeting, state: str) -> None:
    if not states.may_become(meeting.state, state):
        raise errors.MeetingStateConflict(
            f"A meeting that is {meeting.state} can't become {state}.", state=meeting.state
        )
    meeting.state = state
    _touch(work, meeting)
    _keep_lists_in_step(work, meeting)


def _touch(work: Work, meeting: Meeting) -> None:
    meeting.updated_at = work.now()
    meeting.version += 1
    work.flush()


def note_presence(work: Work, meeting_id: str, *, empty: bool) -> None:
    """Remember since when nobody has been in a live meeting; `end_empty` goes by that."""
    work.execute(
        sql_update(Meeting)
        .where(Meeting.id == meeting_id, Meeting.state == "live")
        .where(Meeting.empty_since.is_(None) if empty else Meeting.empty_since.is_not(None))
        .values(empty_since=work.now() if empty else None)
    )
