from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from app.calendar.models import CalendarFeed
from app.core.runtime import Runtime
from tests.calendar.conftest import occurrences
from tests.calendar.test_files import events, parsed
from tests.support.people import PASSWORD, Person, ok, problem


def subscribe(person: Person) -> str:
    return str(ok(person.request("PUT", "/auth/me/calendar-feed"))["url"]).removeprefix("http://127.0.0.1:8080")


def test_a_feed_has_a_persons_meetings_and_needs_no_token(
    anna: Person, ben: Person, weekly: dict[str, Any], client: FlaskClient
) -> None:
    single = anna.create_meeting(starts_at="2026-12-01T09:00:00Z", duration_min=30)
    anna.create_meeting(title="At any time")
    cancelled = anna.create_meeting(starts_at="2026-12-02T09:00:00Z")
    ok(anna.post(f"/meetings/{cancelled['id']}/cancel"))
    anna.invite(weekly, ben)
    found = events(parsed(client.get(subscribe(anna)).data))
    assert {str(one["UID"]): str(one["STATUS"]) for one in found} == {
        weekly["series_id"]: "CONFIRMED",
        single["id"]: "CONFIRMED",
        cancelled["id"]: "CANCELLED",
    }
    [bens] = events(parsed(client.get(subscribe(ben)).data))
    assert (str(bens["STATUS"]), str(bens["ATTENDEE"])) == ("TENTATIVE", f"mailto:{ben.email}")


def test_an_app_that_knows_what_is_there_is_told_so_until_something_changes(
    anna: Person, ben: Person, weekly: dict[str, Any], client: FlaskClient
) -> None:
    [invitation] = anna.invite(weekly, ben)
    address = subscribe(ben)
    tag = client.get(address).headers["ETag"]

    def again() -> int:
        return client.get(address, headers={"If-None-Match": tag}).status_code

    assert again() == 304
    ben.accept(invitation)
    assert again() == 200
    tag = client.get(address).headers["ETag"]
    assert again() == 304
    ok(anna.post(f"/meetings/{occurrences(anna, weekly)[1]['id']}/cancel"))
    assert again() == 200


def test_an_address_works_until_it_is_renewed_or_taken_back(
    anna: Person, client: FlaskClient, runtime: Runtime
) -> None:
    assert ok(anna.get("/auth/me/calendar-feed")) == {"url": None, "created_at": None}
    first = subscribe(anna)
    second = subscribe(anna)
    problem(client.get(first), 404, "not_found")
    assert client.get(second).status_code == 200
    shown = ok(anna.get("/auth/me/calendar-feed"))
    assert (shown["url"], bool(shown["created_at"])) == (None, True)
    with runtime.reading() as work:
        stored = work.scalars(select(CalendarFeed.secret_hash)).one()
    assert stored not in second
    ok(anna.delete("/auth/me/calendar-feed"), 204)
    problem(client.get(second), 404, "not_found")


def test_an_address_ends_with_the_account(anna: Person, client: FlaskClient) -> None:
    address = subscribe(anna)
    ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
    problem(client.get(address), 404, "not_found")
