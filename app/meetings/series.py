"""Meetings that repeat.

A series is a rule and a template; each occurrence is an ordinary meeting, with its own id and life, that knows its
series and when that has it (`original_start`, which stays when the occurrence is moved). Occurrences are made
SERIES_HORIZON_DAYS ahead, the next one always; `extend` makes those that are missing, and may be repeated.

Who changes a series holds its row first, then meetings by id: so they come one after another and cannot deadlock.

A change of all, or of this and the following ones, sets what it names on each occurrence to come, and leaves alone what
it does not name. So an occurrence with a title of its own keeps that unless the change is about titles, and one that
was moved stays where it is unless the change is about times. `following` splits the series: the old one ends before the
occurrence, the rest goes on as a series of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import select

from app.core import errors
from app.core.actor import Actor
from app.core.ids import new_code, new_id
from app.core.runtime import Work
from app.meetings import events, service, shapes
from app.meetings.models import Meeting, MeetingSeries
from app.meetings.recurrence import (
    Rule,
    RuleError,
    check_rule,
    next_occurrence,
    occurrences,
    read_rule,
    to_utc,
    to_wall,
)

_OF_THE_RULE = ("starts_at", "time_zone", "recurrence")
_PAST_KEPT = timedelta(days=1)  # what should have been made longer ago than this is not made any more


def get(work: Work, series_id: str) -> MeetingSeries:
    return work.get_one(MeetingSeries, series_id)


def hold(work: Work, series_id: str) -> MeetingSeries:
    """The series as it is now, its row locked until the commit."""
    return work.get_one(MeetingSeries, series_id, populate_existing=True, with_for_update={"key_share": True})


def hold_with(work: Work, meeting_id: str) -> Meeting:
    """A meeting, held with the series that it belongs to, in the order that everybody keeps."""
    series_id = service.get(work, meeting_id).series_id
    if series_id is not None:
        hold(work, series_id)
    return service.hold(work, meeting_id)


def hold_open(work: Work, series_id: str) -> Sequence[Meeting]:
    """Occurrences that are live or to come, held."""
    own = select(Meeting).where(Meeting.series_id == series_id, Meeting.state.in_(("live", "scheduled")))
    held = own.order_by(Meeting.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    return work.scalars(held).all()


def rule_of(series: MeetingSeries) -> tuple[Rule, datetime, str]:
    """Rule, wall time of the start, zone: what `recurrence` expands."""
    return read_rule(series.rule, series.time_zone), datetime.fromisoformat(series.wall_start), series.time_zone


# Made


def create(work: Work, actor: Actor, *, recurrence: str, **given: Any) -> shapes.MeetingView:
    """A meeting that repeats. :returns: its first occurrence.

    :raises ValidationFailed: the rule can't be used, or there is no `starts_at`.
    """
    starts_at = given.pop("starts_at", None)
    if starts_at is None:
        raise _wrong("starts_at", "A meeting that repeats needs its first start.")
    zone = given.pop("time_zone", "UTC")
    starts_at = _on_the_wall(starts_at, zone)
    series = _add(work, actor.user_id, _read(work, recurrence, to_wall(starts_at, zone), zone), starts_at, zone, given)
    first = _make(work, series, [starts_at])
    extend(work, series)
    return shapes.view(work, first[0], actor.user_id)


def begin_with(work: Work, actor: Actor, meeting: Meeting, recurrence: str) -> shapes.MeetingView:
    """Let a meeting repeat that did not: it becomes the first occurrence, and who was asked to it is asked to all.

    :raises ValidationFailed: the rule can't be used, or the meeting has no `starts_at`.
    :raises MeetingStateConflict: it has begun, or is cancelled.
    """
    if meeting.state != "scheduled":
        raise errors.MeetingStateConflict(f"The meeting is {meeting.state}.", state=meeting.state)
    if meeting.starts_at is None:
        raise _wrong("recurrence", "A meeting that repeats needs `starts_at`.")
    zone = meeting.time_zone
    starts_at = _on_the_wall(meeting.starts_at, zone)
    rule = _read(work, recurrence, to_wall(starts_at, zone), zone)
    template = {name: getattr(meeting, name) for name in _template_columns()}
    series = _add(work, meeting.owner_id, rule, starts_at, zone, template)
    series.code, meeting.code = meeting.code, series.code  # people have it already
    service.apply(work, meeting, {"series_id": series.id, "original_start": starts_at, "starts_at": starts_at})
    work.emit(events.SeriesBegun(meeting.id, series.id))
    extend(work, series)
    service.tell_people(work, meeting, "meeting.updated")
    work.emit(events.MeetingUpdated(meeting.id, moved=False, in_calendar=True))
    return shapes.view(work, meeting, actor.user_id)


def _template_columns() -> list[str]:
    """What an owner sets of a meeting, but its time: the columns that MeetingUpdate names."""
    from app.meetings.schemas import MeetingUpdate

    named = {"meta" if name == "metadata" else name for name in MeetingUpdate().fields}
    return sorted((named & set(Meeting.__table__.columns.keys()) | {"meta"}) - {"starts_at", "time_zone"})


def _add(
    work: Work, owner_id: str, rule: Rule, starts_at: datetime, zone: str, template: dict[str, Any]
) -> MeetingSeries:
    if "metadata" in template:
        template["meta"] = template.pop("metadata")
    series = MeetingSeries(
        id=new_id(),
        owner_id=owner_id,
        code=new_code(),
        rule=str(rule),
        wall_start=to_wall(starts_at, zone).isoformat(timespec="seconds"),
        time_zone=zone,
        template=template,
        made_until=starts_at,
        is_complete=False,
        erased_starts=[],
        created_at=work.now(),
        updated_at=work.now(),
        version=1,
    )
    work.add(series)
    work.flush()
    return series


def extend(work: Work, series: MeetingSeries, *, after: datetime | None = None) -> None:
    """Make the occurrences that are missing until the horizon, and the next one if there is none."""
    rule, start, zone = rule_of(series)
    since = max(after or series.made_until, work.now() - _PAST_KEPT)
    horizon = work.now() + timedelta(days=work.settings.series_horizon_days)
    there = set(work.scalars(select(Meeting.original_start).where(Meeting.series_id == series.id)))
    there |= {datetime.fromisoformat(erased) for erased in series.erased_starts}
    due = [moment for moment in occurrences(rule, start, zone, horizon) if moment > since and moment not in there]
    is_one_to_come = select(Meeting.id).where(
        Meeting.series_id == series.id, Meeting.state == "scheduled", Meeting.sort_at > work.now()
    )
    if not due and work.scalar(is_one_to_come.limit(1)) is None:
        later = next_occurrence(rule, start, zone, max(since, horizon))
        due = [later] if later else []
    _make(work, series, due)
    series.made_until = max([horizon, *due])
    series.is_complete = not rule.is_endless and next_occurrence(rule, start, zone, series.made_until) is None
    work.flush()


def _make(work: Work, series: MeetingSeries, moments: Iterable[datetime]) -> list[Meeting]:
    template = dict(series.template)
    template["metadata"] = template.pop("meta", {})
    made = [
        service.make(
            work,
            series.owner_id,
            **template,
            time_zone=series.time_zone,
            starts_at=moment,
            series_id=series.id,
            original_start=moment,
        )
        for moment in moments
    ]
    if made:
        work.emit(events.OccurrencesMade(series.id, [meeting.id for meeting in made]))
    return made


# Changed


def update(work: Work, actor: Actor, pivot: Meeting, scope: str, **changes: Any) -> shapes.MeetingView:
    """Change an occurrence's series: `all` that is to come, or this and the `following` ones.

    :raises MeetingStateConflict: the occurrence is not to come. :raises ValidationFailed: the new rule can't be used.
    """
    if pivot.state != "scheduled" or pivot.series_id is None or pivot.original_start is None:
        raise errors.MeetingStateConflict("Change a series by an occurrence that is to come.", state=pivot.state)
    if changes.get("starts_at", pivot) is None:
        raise _wrong("starts_at", "A meeting that repeats needs a start.")
    if "metadata" in changes:
        changes["meta"] = changes.pop("metadata")
    if "permissions" in changes:
        changes["permissions"] = {**pivot.permissions, **changes["permissions"]}
    series = get(work, pivot.series_id)
    timing = {name: changes.pop(name) for name in _OF_THE_RULE if name in changes}
    rows = _rows_to_change(work, series, pivot, scope)
    old_id = series.id
    moved = False
    if timing or scope == "following":
        series, moved = _give_rule(work, series, pivot, scope, timing, rows)
    series.template = {**series.template, **changes}
    for row in rows:
        differs = {name: value for name, value in changes.items() if getattr(row, name) != value}
        if row.state == "scheduled" and differs:
            moved |= service.apply(work, row, differs)
    _touch(work, series)
    if series.id != old_id:
        work.emit(events.SeriesSplit(old_id, series.id))
    extend(work, series, after=min(work.now(), series.made_until))
    kept = [row for row in rows if row.state == "scheduled"]
    about = pivot if pivot in kept else next(iter(kept), pivot)
    service.tell_people_of_all(work, rows, about, "series.updated", series_id=series.id, recurrence=series.rule)
    in_calendar = moved or bool(timing) or bool(changes.keys() & service.IN_CALENDAR)
    work.emit(events.SeriesChanged(series.id, about.id, moved, in_calendar))
    if series.id != old_id:
        work.emit(events.SeriesChanged(old_id, about.id, moved=False, in_calendar=True))
    for row in kept:
        work.emit(events.MeetingUpdated(row.id, moved=False, in_calendar=False))
    return shapes.view(work, about, actor.user_id)


def cancel(work: Work, pivot: Meeting, scope: str) -> None:
    """Call off all of a series that is to come, or this occurrence and the following ones.

    :raises MeetingStateConflict: the occurrence is live or over.
    """
    if pivot.state == "cancelled":
        return
    if pivot.state != "scheduled" or pivot.series_id is None or pivot.original_start is None:
        raise errors.MeetingStateConflict("Cancel a series by an occurrence that is to come.", state=pivot.state)
    series = get(work, pivot.series_id)
    rule, start, zone = rule_of(series)
    coming = [row for row in hold_open(work, series.id) if row.state == "scheduled" and row.original_start]
    rows = [row for row in coming if scope == "all" or _at(row) >= pivot.original_start]
    whole = scope == "all" or next(occurrences(rule, start, zone, pivot.original_start)) == pivot.original_start
    _call_off(work, series, pivot, rows, None if whole else rule.ending_before(pivot.original_start))


def _call_off(work: Work, series: MeetingSeries, pivot: Meeting, rows: Sequence[Meeting], rest: Rule | None) -> None:
    for row in rows:
        service.cancel(work, row, quietly=True)
    if rest is None:
        series.cancelled_at = work.now()
    else:
        series.rule = str(rest)
    series.is_complete = True
    _touch(work, series)
    rule = None if rest is None else series.rule
    service.tell_people_of_all(work, rows, pivot, "series.cancelled", series_id=series.id, recurrence=rule)
    if rest is None:
        work.emit(events.SeriesCancelled(series.id, pivot.id))
    else:
        work.emit(events.SeriesChanged(series.id, pivot.id, moved=False, in_calendar=True))


def end_of_owner(work: Work, user_id: str) -> None:
    """Their owner is gone: what is to come is cancelled, and no more is made."""
    own = select(MeetingSeries.id).where(MeetingSeries.owner_id == user_id, MeetingSeries.cancelled_at.is_(None))
    for series_id in work.scalars(own.order_by(MeetingSeries.id)).all():
        series = hold(work, series_id)
        rows = [row for row in hold_open(work, series_id) if row.state == "scheduled"]
        if rows:
            _call_off(work, series, min(rows, key=lambda row: row.sort_at), rows, None)
        series.is_complete = True


def _rows_to_change(work: Work, series: MeetingSeries, pivot: Meeting, scope: str) -> list[Meeting]:
    """What is to come, and what of that was cancelled already: it stays so, wherever its place in the rule goes."""
    own = select(Meeting).where(
        Meeting.series_id == series.id,
        Meeting.state.in_(("scheduled", "cancelled")),
        Meeting.original_start.is_not(None),
    )
    held = own.order_by(Meeting.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    rows = sorted(work.scalars(held).all(), key=_at)
    first = _at(pivot) if scope == "following" else min(_at(row) for row in rows if row.state == "scheduled")
    return [row for row in rows if _at(row) >= first]


def _give_rule(
    work: Work, series: MeetingSeries, pivot: Meeting, scope: str, timing: dict[str, Any], rows: list[Meeting]
) -> tuple[MeetingSeries, bool]:
    """Another rule, start or zone for a series, or for what splits off it; its rows go where that puts them.

    :returns: the series that the rows belong to now, and whether they are at other times.
    """
    rule, start, zone = rule_of(series)
    pivot_start = _at(pivot)
    before = list(occurrences(rule, start, zone, _at(rows[-1])))
    if pivot_start not in before:
        raise errors.MeetingStateConflict("The occurrence is not its series' any more.", state=pivot.state)
    new_zone = timing.get("time_zone", zone)
    shift = timedelta(0)
    if "starts_at" in timing or new_zone != zone:
        wanted = to_wall(timing.get("starts_at", pivot_start), new_zone).replace(microsecond=0)
        shift = wanted - to_wall(pivot_start, zone)
    new_start, new_rule = start + shift, rule
    index = before.index(pivot_start)
    splits = scope == "following" and index > 0
    if splits:
        before = before[index:]
        new_start = to_wall(pivot_start, zone) + shift
        new_rule = Rule(rule.text, rule.count - index if rule.count else None, rule.until)
    is_other = False
    if "recurrence" in timing:
        given = _read_text(timing["recurrence"], new_zone)
        is_other = given.text != rule.text
        if str(given) != str(rule):  # said again, it is no wish for as many once more
            new_rule = given
    _check(work, new_rule, new_start, new_zone)
    moved = bool(shift) or new_zone != zone or is_other
    if splits:
        series.rule = str(rule.ending_before(pivot_start))
        series.is_complete = True
        _touch(work, series)
        series = _add(work, series.owner_id, new_rule, to_utc(new_start, new_zone), new_zone, dict(series.template))
        series.wall_start = new_start.isoformat(timespec="seconds")
    else:
        series.rule, series.time_zone = str(new_rule), new_zone
        series.wall_start = new_start.isoformat(timespec="seconds")
    far = max(before[-1], to_utc(new_start, new_zone)) + abs(shift) + timedelta(days=2)
    after = list(islice(occurrences(new_rule, new_start, new_zone, far), None if is_other else len(before)))
    places = dict(zip(before, after, strict=False))
    if is_other:
        places = {moment: moment for moment in before if moment in set(after)}
    erased = (places.get(datetime.fromisoformat(moment)) for moment in series.erased_starts)
    series.erased_starts = [moment.isoformat() for moment in erased if moment is not None]
    _place(work, series, rows, places, moved=moved, zone=new_zone)
    return series, moved


def _place(
    work: Work, series: MeetingSeries, rows: list[Meeting], places: dict[datetime, datetime], *, moved: bool, zone: str
) -> None:
    """Put rows to their new original starts; what has none any more is cancelled."""
    olds = {row.id: _at(row) for row in rows}
    for row in rows:
        row.original_start = None  # the new place of one may be the old one of another
        row.series_id = series.id
    work.flush()
    taken = set(work.scalars(select(Meeting.original_start).where(Meeting.series_id == series.id)))
    for row in rows:
        new = places.get(olds[row.id])
        has_passed = new is not None and new != olds[row.id] and new <= work.now()
        if new is None or new in taken or has_passed:
            if row.state == "scheduled":
                service.cancel(work, row, quietly=True)
            continue
        row.original_start = new
        if moved and row.state == "scheduled":
            service.apply(work, row, {"starts_at": new, "time_zone": zone})
    work.flush()


def _on_the_wall(moment: datetime, zone: str) -> datetime:
    """As a rule has it: in whole seconds, and the first of a time that comes twice."""
    return to_utc(to_wall(moment, zone).replace(microsecond=0), zone)


def _at(row: Meeting) -> datetime:
    if row.original_start is None:
        raise errors.MeetingStateConflict("The occurrence is not its series' any more.", state=row.state)
    return row.original_start


def _read(work: Work, text: str, start: datetime, zone: str) -> Rule:
    rule = _read_text(text, zone)
    _check(work, rule, start, zone)
    return rule


def _read_text(text: str, zone: str) -> Rule:
    try:
        return read_rule(text, zone)
    except RuleError as error:
        raise _wrong("recurrence", str(error)) from None


def _check(work: Work, rule: Rule, start: datetime, zone: str) -> None:
    try:
        check_rule(rule, start, zone, work.settings.series_occurrences_max)
    except RuleError as error:
        raise _wrong("recurrence", str(error)) from None


def refuse_rule_of_one() -> errors.ValidationFailed:
    return _wrong("recurrence", "A series has one rule for all: say `scope=following` or `scope=all`.")


def _wrong(field: str, message: str) -> errors.ValidationFailed:
    return errors.ValidationFailed(errors=[{"location": "body", "field": field, "message": message}])


def _touch(work: Work, series: MeetingSeries) -> None:
    series.updated_at = work.now()
    series.version += 1
    work.flush()
