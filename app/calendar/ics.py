"""Writes calendars (RFC 5545, RFC 7986) and what mails carry that ask and answer (RFC 5546). Plain text, no HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vRecur, vText

from app.calendar.zones import time_zone

PRODUCT = "-//Parley//Parley//EN"
REFRESH = timedelta(minutes=15)
_ENDLESS_YEARS = 10  # for so long an endless series' time zone is told


@dataclass(frozen=True)
class Person:
    address: str  # an address, or an URI
    name: str | None = None
    partstat: str = "NEEDS-ACTION"


@dataclass(frozen=True)
class Entry:
    """A meeting, a series, or an occurrence that differs from its series (`recurrence_id`: its original start).

    Times are in UTC; `wall_start` is that of a series, in its zone.
    """

    uid: str
    sequence: int
    created_at: datetime
    updated_at: datetime
    starts_at: datetime
    duration_min: int | None
    time_zone: str
    title: str
    description: str
    url: str
    status: str  # CONFIRMED | TENTATIVE | CANCELLED
    organiser: Person
    attendees: Sequence[Person] = ()
    rule: str | None = None
    wall_start: datetime | None = None
    left_out: Sequence[datetime] = ()
    recurrence_id: datetime | None = None
    comment: str = ""
    zones_until: int = field(default=0)  # a year; 0: the year of its start


def calendar(entries: Sequence[Entry], *, method: str | None = None, name: str | None = None) -> bytes:
    """An iCalendar object. `method` makes it a message of iTIP, `name` a feed with this title."""
    made = Calendar()
    made.add("PRODID", PRODUCT)
    made.add("VERSION", "2.0")
    if method is not None:
        made.add("METHOD", method)
    if name is not None:
        made.add("NAME", name)
        made.add("X-WR-CALNAME", name)
        made.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
        made.add("X-PUBLISHED-TTL", "PT15M")
    for zone in sorted({entry.time_zone for entry in entries} - {"UTC"}):
        of_zone = [entry for entry in entries if entry.time_zone == zone]
        first = min((entry.wall_start or entry.starts_at).year for entry in of_zone) - 1
        last = max(max(entry.zones_until, entry.starts_at.year) for entry in of_zone) + 1
        made.add_component(time_zone(zone, first, last))
    for entry in entries:
        made.add_component(_event(entry))
    return bytes(made.to_ical())


def last_year_of(rule_until: datetime | None, start: datetime, now: datetime) -> int:
    """Until when the zone of a series is told."""
    return rule_until.year if rule_until else max(start.year, now.year) + _ENDLESS_YEARS


def _event(entry: Entry) -> Event:
    zone = ZoneInfo(entry.time_zone)
    event = Event()
    event.add("UID", entry.uid)
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTAMP", entry.updated_at.replace(microsecond=0))
    event.add("CREATED", entry.created_at.replace(microsecond=0))
    event.add("LAST-MODIFIED", entry.updated_at.replace(microsecond=0))
    event.add("SUMMARY", entry.title)
    event.add("DESCRIPTION", f"{entry.description}\n\n{entry.url}".strip())
    event.add("LOCATION", entry.url)  # where a phone shows a link
    event.add("URL", entry.url)
    event.add("STATUS", entry.status)
    start = entry.wall_start.replace(tzinfo=zone) if entry.wall_start else _in(zone, entry.starts_at)
    event.add("DTSTART", start)
    if entry.duration_min:
        event.add("DTEND", _in(zone, entry.starts_at + timedelta(minutes=entry.duration_min)))
    if entry.rule is not None:
        event.add("RRULE", vRecur.from_ical(entry.rule))
    for moment in entry.left_out:
        event.add("EXDATE", _in(zone, moment))
    if entry.recurrence_id is not None:
        event.add("RECURRENCE-ID", _in(zone, entry.recurrence_id))
    if entry.comment:
        event.add("COMMENT", entry.comment)
    event.add("ORGANIZER", _address(entry.organiser))
    for person in entry.attendees:
        address = _address(person)
        address.params["PARTSTAT"] = vText(person.partstat)
        address.params["ROLE"] = vText("REQ-PARTICIPANT")
        if person.partstat == "NEEDS-ACTION":
            address.params["RSVP"] = vText("TRUE")
        event.add("ATTENDEE", address)
    return event


def _in(zone: ZoneInfo, moment: datetime) -> datetime:
    """UTC stays UTC, which is written with a Z; anything else as a wall time with its zone."""
    whole = moment.replace(microsecond=0)
    return whole.astimezone(UTC) if zone.key == "UTC" else whole.astimezone(zone)


def _address(person: Person) -> vCalAddress:
    address = vCalAddress(person.address if ":" in person.address else f"mailto:{person.address}")
    if person.name:
        address.params["CN"] = vText(person.name)
    return address
