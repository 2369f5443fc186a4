import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from app.calendar.zones import time_zone
from tests.calendar.conftest import occurrences
from tests.support.people import Person, ok, problem


def parsed(content: bytes | str) -> Calendar:
    """A calendar in which nothing was found wrong, and every line is short and ends as it must."""
    raw = content.encode() if isinstance(content, str) else content
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    calendar = Calendar.from_ical(raw)
    assert isinstance(calendar, Calendar)
    assert [error for part in calendar.walk() for error in part.errors] == []
    return calendar


def events(calendar: Calendar) -> list[Event]:
    return list(calendar.walk("VEVENT"))  # type: ignore[arg-type]


def ics_of(person: Person, meeting: dict[str, Any]) -> Calendar:
    answer = person.get(f"/meetings/{meeting['id']}/calendar.ics")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/calendar; charset=utf-8"
    return parsed(answer.data)


def test_a_meeting_has_all_that_a_calendar_shows(anna: Person, ben: Person, cleo: Person) -> None:
    meeting = anna.create_meeting(
        title="Planning, part 2", starts_at="2027-03-29T07:00:00Z", time_zone="Europe/Berlin", duration_min=45
    )
    invitation, _ = anna.invite(meeting, ben, cleo)
    ben.accept(invitation)
    [event] = events(ics_of(anna, meeting))
    assert (str(event["UID"]), event["SEQUENCE"], str(event["STATUS"])) == (meeting["id"], 1, "CONFIRMED")
    assert str(event["SUMMARY"]) == "Planning, part 2"
    assert event.decoded("DTSTART") == datetime(2027, 3, 29, 9, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(minutes=45)
    assert str(event["URL"]) == meeting["join_url"]
    assert str(event["ORGANIZER"]) == f"mailto:{anna.email}"
    told = {str(one): (one.params["CN"], one.params["PARTSTAT"]) for one in event["ATTENDEE"]}
    assert told == {f"mailto:{ben.email}": ("Ben", "ACCEPTED"), f"mailto:{cleo.email}": ("Cleo", "NEEDS-ACTION")}

    [for_cleo] = events(ics_of(cleo, meeting))  # who has not said yes sees nobody's address but their own
    assert (str(for_cleo["ATTENDEE"]), str(for_cleo["STATUS"])) == (f"mailto:{cleo.email}", "TENTATIVE")


def test_a_meeting_without_a_time_is_in_no_calendar(anna: Person) -> None:
    answer = anna.get(f"/meetings/{anna.create_meeting()['id']}/calendar.ics")
    problem(answer, 409, "meeting_without_time")


def test_a_series_has_its_rule_what_differs_and_what_is_left_out(anna: Person, weekly: dict[str, Any]) -> None:
    _, second, third, _ = occurrences(anna, weekly)
    moved = {"starts_at": "2026-12-08T15:00:00Z"}
    ok(anna.patch(f"/meetings/{second['id']}", moved, version=1))
    ok(anna.post(f"/meetings/{third['id']}/cancel"))
    master, other = events(ics_of(anna, weekly))
    assert str(master["UID"]) == str(other["UID"]) == weekly["series_id"]
    assert master["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    assert master["DTSTART"].to_ical() == b"20261130T090000"
    assert master["EXDATE"].to_ical() == b"20261214T090000"
    assert other["RECURRENCE-ID"].to_ical() == b"20261207T090000"
    assert other.decoded("DTSTART") == datetime(2026, 12, 8, 15, 0, tzinfo=UTC)
    assert other["SEQUENCE"] > master["SEQUENCE"]


def test_who_is_asked_to_one_occurrence_sees_that_one_alone(anna: Person, ben: Person, weekly: dict[str, Any]) -> None:
    second = occurrences(anna, weekly)[1]
    body = {"invitees": [{"email": ben.email}]}
    ok(anna.post(f"/meetings/{second['id']}/invitations?scope=this", body), 201)
    [event] = events(ics_of(ben, second))
    assert "RRULE" not in event
    assert event["RECURRENCE-ID"].to_ical() == b"20261207T090000"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_a_zone_is_told_as_the_system_knows_it(zone: str) -> None:
    told, real = time_zone(zone, 2026, 2028).to_tz(), ZoneInfo(zone)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    while moment.year < 2028:
        assert moment.astimezone(told).utcoffset() == moment.astimezone(real).utcoffset(), moment
        moment += timedelta(minutes=90)


def test_a_calendar_app_shows_the_series_at_its_wall_time_across_a_change_of_clocks(
    anna: Person, tmp_path: Path
) -> None:
    weekly = anna.create_meeting(
        title="Stand-up",
        starts_at="2027-03-22T09:00:00+01:00",
        time_zone="Europe/Berlin",
        duration_min=15,
        recurrence="FREQ=WEEKLY;COUNT=4",
    )
    answer = anna.get(f"/meetings/{weekly['id']}/calendar.ics")
    (tmp_path / "meeting.ics").write_bytes(answer.data)
    (tmp_path / "khal.conf").write_text(
        f"[calendars]\n[[parley]]\npath = {tmp_path / 'calendars'}\n[sqlite]\npath = {tmp_path / 'khal.db'}\n"
        "[locale]\nlocal_timezone = Europe/Berlin\ndefault_timezone = Europe/Berlin\ntimeformat = %H:%M\n"
        "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
        "longdatetimeformat = %Y-%m-%d %H:%M\n"
    )
    (tmp_path / "calendars").mkdir()

    def khal(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("khal")), "-c", str(tmp_path / "khal.conf"), *arguments]
        environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    khal("import", "--batch", "-a", "parley", str(tmp_path / "meeting.ics"))
    shown = khal("list", "--format", "{start-date} {start-time} {title}", "--day-format", "", "2027-03-01", "60d")
    assert [line for line in shown.splitlines() if line] == [
        f"2027-{day} 09:00 Stand-up" for day in ("03-22", "03-29", "04-05", "04-12")
    ]
