from typing import Any

import pytest

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.meetings import tasks
from app.meetings.models import Meeting, MeetingSeries
from tests.support.people import PASSWORD, Person, ok, problem, types_of

# A Monday after the tests' now (20 November 2026); clocks in Berlin change on 28 March 2027.
START = "2026-11-30T09:00:00+01:00"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"series_horizon_days": 150})


def weekly(person: Person, **fields: Any) -> dict[str, Any]:
    given = {"starts_at": START, "time_zone": "Europe/Berlin", "duration_min": 30, "recurrence": "FREQ=WEEKLY"}
    return person.create_meeting(**(given | fields))


def all_of(person: Person, meeting: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    asked = {"series_id": meeting["series_id"], "order": "asc", "limit": "200", **query}
    return list(ok(person.get("/meetings", **asked))["items"])


def starts(meetings: list[dict[str, Any]]) -> list[str]:
    return [meeting["starts_at"][5:16] for meeting in meetings]


def change(person: Person, meeting: dict[str, Any], scope: str, **fields: Any) -> dict[str, Any]:
    path = f"/meetings/{meeting['id']}"
    version = ok(person.get(path))["version"]
    return dict(ok(person.patch(f"{path}?scope={scope}", fields, version=version)))


def cancel(person: Person, meeting: dict[str, Any], scope: str) -> dict[str, Any]:
    return dict(ok(person.post(f"/meetings/{meeting['id']}/cancel?scope={scope}")))


class TestMakingOne:
    def test_makes_a_meeting_of_each_occurrence_that_keeps_its_wall_time_when_clocks_change(self, anna: Person) -> None:
        first = weekly(anna)
        assert (first["starts_at"], first["recurrence"]) == ("2026-11-30T08:00:00.000000Z", "FREQ=WEEKLY")
        made = all_of(anna, first)
        assert made[0]["id"] == first["id"]
        assert starts(made)[:2] == ["11-30T08:00", "12-07T08:00"]
        assert starts(made)[-5:] == ["03-22T08:00", "03-29T07:00", "04-05T07:00", "04-12T07:00", "04-19T07:00"]
        assert {one["code"] for one in made} == {first["code"]}
        assert all(one["starts_at"] == one["original_start"] for one in made)

    def test_always_makes_the_next_one_however_far_it_is(self, anna: Person) -> None:
        first = weekly(anna, starts_at="2027-11-29T09:00:00+01:00", recurrence="FREQ=YEARLY")
        assert starts(all_of(anna, first)) == ["11-29T08:00"]

    @pytest.mark.parametrize(
        ("fields", "field", "says"),
        [
            ({"recurrence": "FREQ=MINUTELY"}, "recurrence", "FREQ must be one of"),
            ({"recurrence": "FREQ=WEEKLY;COUNT=501"}, "recurrence", "a series has 500 occurrences at most"),
            ({"recurrence": "FREQ=WEEKLY;BYDAY=TU"}, "recurrence", "its first is Tue 2026-12-01"),
            ({"starts_at": None}, "starts_at", "needs its first start"),
        ],
    )
    def test_needs_a_rule_that_can_be_used(self, anna: Person, fields: dict[str, Any], field: str, says: str) -> None:
        body = {"title": "A", "starts_at": START, "time_zone": "Europe/Berlin", "recurrence": "FREQ=WEEKLY", **fields}
        [wrong] = problem(anna.post("/meetings", body), 422, "validation_failed")["errors"]
        assert wrong["field"] == field
        assert says in wrong["message"]

    def test_goes_on_as_time_passes_and_makes_nothing_twice(
        self, anna: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        endless, short = weekly(anna), weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        clock.advance(days=15)
        for _ in range(3):
            tasks.extend_series(runtime, {})
        with runtime.reading() as work:
            rows = work.query(Meeting.series_id, Meeting.original_start).all()
            assert len(rows) == len(set(rows))
            made = [row.original_start for row in rows if row.series_id == endless["series_id"]]
            assert f"{max(made):%m-%d %H:%M}" == "05-03 07:00"
            assert len(rows) - len(made) == 3
            assert work.get_one(MeetingSeries, short["series_id"]).is_complete

    def test_lets_a_meeting_repeat_that_did_not_with_whoever_was_asked(self, anna: Person, ben: Person) -> None:
        single = anna.create_meeting(starts_at=START, time_zone="Europe/Berlin")
        ben.accept(anna.invite(single, ben)[0])
        first = change(anna, single, "this", recurrence="FREQ=WEEKLY;COUNT=3")
        assert (first["id"], first["code"]) == (single["id"], single["code"])
        assert [one["my_relation"] for one in all_of(ben, first)] == ["accepted"] * 3


class TestChanging:
    def test_one_occurrence_leaves_the_others_alone(self, anna: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        second = all_of(anna, first)[1]
        moved = change(anna, second, "this", starts_at="2026-12-08T09:00:00Z", title="Once on Tuesday")
        assert moved["original_start"] == second["starts_at"]
        assert starts(all_of(anna, first)) == ["11-30T08:00", "12-08T09:00", "12-14T08:00"]
        problem(
            anna.patch(f"/meetings/{first['id']}", {"recurrence": "FREQ=DAILY"}, version=1), 422, "validation_failed"
        )

    def test_all_sets_what_it_names_and_leaves_what_it_does_not(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=4")
        anna.invite(first, ben)
        second, third = all_of(anna, first)[1:3]
        change(anna, second, "this", starts_at="2026-12-08T09:00:00Z")
        cancel(anna, third, "this")
        ben.poll(ack=ben.poll()["head_seq"])
        change(anna, first, "all", title="Review")
        assert starts(all_of(anna, first)) == ["11-30T08:00", "12-08T09:00", "12-14T08:00", "12-21T08:00"]
        assert {one["title"] for one in all_of(anna, first, state="scheduled")} == {"Review"}
        [message] = ben.poll()["messages"]
        assert (message["type"], message["payload"]["recurrence"]) == ("series.updated", "FREQ=WEEKLY;COUNT=4")

        change(anna, first, "all", starts_at="2026-11-30T10:30:00+01:00")  # what was cancelled stays so, the rest goes
        assert starts(all_of(anna, first, state="scheduled")) == ["11-30T09:30", "12-07T09:30", "12-21T09:30"]

    def test_this_and_the_following_splits_the_series(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=4")
        ben.accept(anna.invite(first, ben)[0])
        third = all_of(anna, first)[2]
        changed = change(anna, third, "following", starts_at="2026-12-15T09:00:00+01:00", title="On Tuesdays")
        assert changed["id"] == third["id"]
        assert starts(all_of(anna, first)) == ["11-30T08:00", "12-07T08:00"]
        assert all_of(anna, first)[0]["recurrence"] == "FREQ=WEEKLY;UNTIL=20261214T075959Z"
        rest = all_of(anna, changed)
        assert (changed["recurrence"], starts(rest)) == ("FREQ=WEEKLY;COUNT=2", ["12-15T08:00", "12-22T08:00"])
        assert [one["my_relation"] for one in all_of(ben, first)] == ["accepted"] * 2
        assert [one["my_relation"] for one in all_of(ben, changed)] == ["invited"] * 2  # a yes was to the old time

    def test_the_rule_keeps_occurrences_that_it_still_has(self, anna: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        before = {one["starts_at"]: one["id"] for one in all_of(anna, first)}
        change(anna, first, "all", recurrence="FREQ=WEEKLY;INTERVAL=2;COUNT=3")
        after = {one["starts_at"]: one["id"] for one in all_of(anna, first, state="scheduled")}
        assert [start[5:10] for start in after] == ["11-30", "12-14", "12-28"]
        assert [after[start] for start in before if start in after] == [before[s] for s in before if s in after]
        assert starts(all_of(anna, first, state="cancelled")) == ["12-07T08:00"]

    def test_the_time_zone_keeps_the_moment_of_the_occurrence_at_hand(self, anna: Person) -> None:
        first = weekly(anna)
        change(anna, first, "all", time_zone="America/New_York")  # at 3:00 there; clocks change on 14 March
        made = starts(all_of(anna, first))
        assert (made[0], made[-7:-5]) == ("11-30T08:00", ["03-08T08:00", "03-15T07:00"])


class TestCancelling:
    def test_one_this_and_following_or_all(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=5")
        anna.invite(first, ben)
        ben.poll(ack=ben.poll()["head_seq"])
        made = all_of(anna, first)
        cancel(anna, made[1], "this")
        cancel(anna, made[3], "following")
        assert starts(all_of(anna, first, state="scheduled")) == ["11-30T08:00", "12-14T08:00"]
        cancel(anna, made[0], "all")
        assert all_of(anna, first, state="scheduled") == []
        assert types_of(ben.poll()) == ["meeting.cancelled", "series.cancelled", "series.cancelled"]

    def test_what_was_cancelled_and_erased_is_not_made_again(
        self, anna: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        first = weekly(anna)
        second = all_of(anna, first)[1]
        cancel(anna, second, "this")
        ok(anna.delete(f"/meetings/{second['id']}"), 204)
        change(anna, first, "all", title="Still there")
        tasks.extend_series(runtime, {})
        assert starts(all_of(anna, first))[:2] == ["11-30T08:00", "12-14T08:00"]

    def test_comes_with_the_end_of_its_owners_account(self, anna: Person, ben: Person, runtime: Runtime) -> None:
        first, alone = weekly(anna), weekly(anna)
        anna.invite(first, ben)
        ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
        tasks.extend_series(runtime, {})
        with runtime.reading() as work:
            assert {row.state for row in work.query(Meeting.state)} == {"cancelled"}
            assert work.get_one(MeetingSeries, first["series_id"]).is_complete
            assert work.get(MeetingSeries, alone["series_id"]) is None


class TestInvitations:
    def test_asking_once_asks_to_all_and_one_answer_is_for_all(
        self, anna: Person, ben: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        first = weekly(anna)
        [invitation] = anna.invite(first, ben)
        assert (invitation["scope"], invitation["meeting"]["recurrence"]) == ("all", "FREQ=WEEKLY")
        assert types_of(ben.poll()) == ["invitation.received"]
        ben.accept(invitation)
        assert {one["my_relation"] for one in all_of(ben, first)} == {"accepted"}
        assert [one["id"] for one in ok(ben.get("/invitations"))["items"]] == [invitation["id"]]
        count = len(all_of(ben, first))
        with runtime.writing() as work:
            work.get_one(MeetingSeries, first["series_id"]).made_until = clock.now()
        clock.advance(minutes=1)
        tasks.extend_series(runtime, {})
        ok(anna.delete(f"/invitations/{invitation['id']}"), 204)
        assert all_of(ben, first) == []
        assert count == len(all_of(anna, first))

    def test_one_occurrence_may_be_answered_otherwise(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        [invitation] = anna.invite(first, ben)
        ben.accept(invitation)
        second = all_of(anna, first)[1]
        own = ok(ben.post(f"/invitations/{invitation['id']}/propose?meeting_id={second['id']}", {"starts_at": START}))
        assert (own["scope"], own["status"], own["meeting"]["id"]) == ("this", "proposed", second["id"])
        assert [one["my_relation"] for one in all_of(ben, first)] == ["accepted", "invited", "accepted"]
        listed = ok(anna.get(f"/meetings/{second['id']}/invitations"))["items"]
        assert [one["status"] for one in listed] == ["proposed"]
        ok(anna.post(f"/invitations/{own['id']}/proposal/accept"))
        assert ok(ben.get(f"/meetings/{second['id']}"))["my_relation"] == "accepted"
        ok(ben.post(f"/invitations/{invitation['id']}/reject?meeting_id={first['id']}"))
        assert first["id"] not in {one["id"] for one in all_of(ben, first)}
        elsewhere = anna.create_meeting()
        problem(ben.post(f"/invitations/{invitation['id']}/accept?meeting_id={elsewhere['id']}"), 404, "not_found")

    def test_somebody_may_be_asked_to_one_occurrence_alone(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        path = f"/meetings/{first['id']}/invitations?scope=this"
        [invitation] = ok(anna.post(path, {"invitees": [{"email": ben.email}]}), 201)["items"]
        assert (invitation["scope"], len(all_of(ben, first))) == ("this", 1)

    def test_a_moved_occurrence_asks_for_that_one_alone(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=3")
        ben.accept(anna.invite(first, ben)[0])
        change(anna, all_of(anna, first)[1], "this", starts_at="2026-12-08T09:00:00Z")
        assert [one["my_relation"] for one in all_of(ben, first)] == ["accepted", "invited", "accepted"]

    def test_joining_answers_for_the_occurrence_that_is_joined(self, anna: Person, ben: Person) -> None:
        first = weekly(anna, recurrence="FREQ=WEEKLY;COUNT=2")
        anna.invite(first, ben)
        anna.join(first)
        ben.join(first)
        assert [one["my_relation"] for one in all_of(ben, first)] == ["accepted", "invited"]
