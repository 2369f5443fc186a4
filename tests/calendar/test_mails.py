"""Mails about meetings, through a real SMTP server of this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from pydantic import SecretStr

from app.core.jobs.leased import LeasedJobs
from app.core.jobs.models import Job
from app.core.runtime import Runtime
from app.core.settings import Settings
from tests.calendar.conftest import occurrences
from tests.calendar.test_files import events, parsed
from tests.support.mail_server import MailServer
from tests.support.people import Person, ok


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: MailServer) -> Settings:
    url = SecretStr(f"smtp://127.0.0.1:{server.port}")
    return settings.model_copy(update={"smtp_url": url, "auto_verify_email": True})


@pytest.fixture
def meeting(anna: Person) -> dict[str, Any]:
    return anna.create_meeting(title="Planning", starts_at="2026-12-01T09:00:00Z", duration_min=30)


def taken(server: MailServer) -> list[tuple[str, str, Any, EmailMessage]]:
    """Method, recipient and event of the mails that have come since this was asked last."""
    mails, server.received[:] = list(server.received), []
    found = []
    for mail in mails:
        text, part = mail.iter_parts()
        assert (text.get_content_type(), part.get_content_type()) == ("text/plain", "text/calendar")
        assert "<" not in text.get_content().replace("<b>", "")
        calendar = parsed(part.get_content().encode())
        [event] = events(calendar)
        method = str(calendar["METHOD"])
        assert part["Content-Type"].params["method"] == method
        found.append((method, str(mail["To"]), event, mail))
    return found


def test_an_invitation_is_a_request_and_the_answer_a_reply(
    anna: Person, ben: Person, meeting: dict[str, Any], server: MailServer
) -> None:
    [invitation] = anna.invite(meeting, ben)
    [(method, to, event, mail)] = taken(server)
    assert (method, to, mail["Reply-To"]) == ("REQUEST", ben.email, anna.email)
    assert (str(event["UID"]), str(event["ORGANIZER"])) == (meeting["id"], f"mailto:{anna.email}")
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"
    assert "Anna invites you to “Planning”." in mail.get_body(("plain",)).get_content()
    ben.accept(invitation)
    [(method, to, event, mail)] = taken(server)
    assert (method, to, mail["Reply-To"]) == ("REPLY", anna.email, ben.email)
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"


def test_another_time_is_a_counter_that_is_declined_or_becomes_a_new_request(
    anna: Person, ben: Person, cleo: Person, meeting: dict[str, Any], server: MailServer
) -> None:
    invitation, others = anna.invite(meeting, ben, cleo)
    cleo.accept(others)
    taken(server)
    proposal = {"starts_at": "2026-12-01T15:00:00Z", "note": "Later?"}
    ok(ben.post(f"/invitations/{invitation['id']}/propose", proposal))
    [(method, to, event, _)] = taken(server)
    assert (method, to, str(event["COMMENT"])) == ("COUNTER", anna.email, "Later?")
    assert event.decoded("DTSTART") == datetime(2026, 12, 1, 15, 0, tzinfo=UTC)

    ok(anna.post(f"/invitations/{invitation['id']}/proposal/decline"))
    assert [mail[:2] for mail in taken(server)] == [("DECLINECOUNTER", ben.email)]

    ok(ben.post(f"/invitations/{invitation['id']}/propose", proposal))
    before = taken(server)[0][2]["SEQUENCE"]
    ok(anna.post(f"/invitations/{invitation['id']}/proposal/accept"))
    told = taken(server)
    assert sorted(mail[:2] for mail in told) == [("REQUEST", ben.email), ("REQUEST", cleo.email)]
    assert {mail[2]["SEQUENCE"] > before for mail in told} == {True}
    assert {mail[2].decoded("DTSTART").hour for mail in told} == {15}


def test_a_meeting_that_is_called_off_is_cancelled_for_everybody_who_is_asked(
    anna: Person, ben: Person, cleo: Person, meeting: dict[str, Any], server: MailServer
) -> None:
    _, of_cleo = anna.invite(meeting, ben, cleo)
    ok(cleo.post(f"/invitations/{of_cleo['id']}/reject"))
    taken(server)
    ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
    [(method, to, event, _)] = taken(server)
    assert (method, to, str(event["STATUS"])) == ("CANCEL", ben.email, "CANCELLED")


def test_a_series_is_one_mail_and_so_is_one_occurrence_of_it(
    anna: Person, ben: Person, weekly: dict[str, Any], server: MailServer
) -> None:
    ben.accept(anna.invite(weekly, ben)[0])
    request, _ = taken(server)
    assert request[2]["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    second = occurrences(anna, weekly)[1]
    ok(anna.patch(f"/meetings/{second['id']}", {"starts_at": "2026-12-08T15:00:00Z"}, version=1))
    [(method, _, event, _)] = taken(server)
    assert (method, event["RECURRENCE-ID"].to_ical()) == ("REQUEST", b"20261207T090000")
    ok(anna.post(f"/meetings/{second['id']}/cancel"))
    [(method, _, event, _)] = taken(server)
    assert (method, event["RECURRENCE-ID"].to_ical()) == ("CANCEL", b"20261207T090000")
    ok(anna.patch(f"/meetings/{weekly['id']}?scope=all", {"title": "Review"}, version=1))
    [(method, _, event, _)] = taken(server)
    assert (method, str(event["SUMMARY"]), event["EXDATE"].to_ical()) == ("REQUEST", "Review", b"20261207T090000")
    ok(anna.post(f"/meetings/{weekly['id']}/cancel?scope=all"))
    [(method, _, event, _)] = taken(server)
    assert (method, str(event["UID"]), "RECURRENCE-ID" in event) == ("CANCEL", weekly["series_id"], False)


def test_a_dead_mail_server_loses_nothing(
    anna: Person, ben: Person, meeting: dict[str, Any], server: MailServer, runtime: Runtime
) -> None:
    runtime.jobs = LeasedJobs()
    server.refusals[ben.email] = "451 come back later"
    anna.invite(meeting, ben)
    with runtime.reading() as work:
        payload = work.query(Job.payload).filter(Job.task == "calendar.send_mail").one().payload
    task = runtime.tasks.by_name["calendar.send_mail"]
    with pytest.raises(Exception, match="451"):
        task(runtime, payload)  # so that the queue tries it again
    server.refusals.clear()
    task(runtime, payload)
    assert [mail[:2] for mail in taken(server)] == [("REQUEST", ben.email)]
