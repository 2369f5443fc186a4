from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox.models import Signal
from app.meetings import tasks
from app.meetings.models import Meeting, MeetingPerson
from tests.support.people import Call, Person, ok, problem, types_of

SOON = "2026-11-20T10:30:00Z"


def test_a_meeting_is_created_with_what_its_owner_set(anna: Person) -> None:
    meeting = anna.create_meeting(
        title="  Planning ",
        description="Next quarter",
        starts_at="2026-11-21T09:00:00+01:00",
        duration_min=45,
        time_zone="Europe/Berlin",
        media_mode="p2p",
        max_participants=5,
        metadata={"crm": {"deal": 7}},
    )
    assert meeting["title"] == "Planning"
    assert meeting["starts_at"] == "2026-11-21T08:00:00.000000Z"
    assert (meeting["state"], meeting["my_relation"], meeting["version"]) == ("scheduled", "owner", 1)
    assert meeting["metadata"] == {"crm": {"deal": 7}}
    assert meeting["owner"] == {"user_id": anna.user_id, "display_name": "Anna"}
    assert meeting["join_url"].endswith(f"/join/{meeting['code']}")
    assert ok(anna.get(f"/meetings/{meeting['id']}")) == meeting


def test_creating_answers_with_its_place_and_its_version(anna: Person) -> None:
    answer = anna.post("/meetings", {"title": "A"})
    assert answer.headers["Location"] == f"/api/v1/meetings/{answer.json['id']}"
    assert answer.headers["ETag"] == '"1"'


def test_codes_and_ids_are_not_repeated(anna: Person) -> None:
    meetings = [anna.create_meeting() for _ in range(20)]
    assert len({m["code"] for m in meetings}) == len({m["id"] for m in meetings}) == 20


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 201),
        ("title", None),
        ("title", "a\x07b"),
        ("starts_at", "2026-11-21T09:00:00"),
        ("starts_at", "tomorrow"),
        ("starts_at", "9999-12-31T23:59:59Z"),
        ("duration_min", 0),
        ("duration_min", 30.5),
        ("duration_min", 10**9),
        ("time_zone", "Mars/Olympus"),
        ("media_mode", "vr"),
        ("max_participants", 1),
        ("metadata", {"a": "x" * 9000}),
        ("metadata", [1]),
        ("colour", "red"),
    ],
)
def test_a_wrong_field_is_named(anna: Person, field: str, value: Any) -> None:
    answer = anna.post("/meetings", {"title": "A", field: value})
    [wrong] = problem(answer, 422, "validation_failed")["errors"]
    assert (wrong["location"], wrong["field"]) == ("body", field)


class TestListing:
    def test_shows_only_what_one_may_see(self, anna: Person, ben: Person) -> None:
        hers, both = anna.create_meeting(), anna.create_meeting()
        anna.invite(both, ben)
        assert {m["id"] for m in ok(anna.get("/meetings"))["items"]} == {hers["id"], both["id"]}
        [shown] = ok(ben.get("/meetings"))["items"]
        assert (shown["id"], shown["my_relation"]) == (both["id"], "invited")

    def test_is_sorted_by_start_and_paged_without_gaps_or_doubles(self, anna: Person) -> None:
        starts = [f"2026-12-{day:02}T09:00:00Z" for day in (3, 1, 2, 1, 5, 4)]
        for start in starts:
            anna.create_meeting(starts_at=start)
        for order in ("asc", "desc"):
            found: list[str] = []
            cursor = None
            while True:
                query = {"order": order, "limit": 2} | ({"cursor": cursor} if cursor else {})
                page = ok(anna.get("/meetings", **query))
                found += [m["starts_at"] for m in page["items"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert [start[:10] for start in found] == sorted((s[:10] for s in starts), reverse=order == "desc")

    def test_filters_by_state_relation_and_time(self, anna: Person, ben: Person) -> None:
        one = anna.create_meeting(starts_at="2026-12-01T09:00:00Z")
        two = ben.create_meeting(starts_at="2026-12-02T09:00:00Z")
        ben.invite(two, anna)
        ok(anna.post(f"/meetings/{one['id']}/cancel"))

        def ids(**query: str) -> list[str]:
            return [m["id"] for m in ok(anna.get("/meetings", **query))["items"]]

        assert ids(state="cancelled") == ids(relation="owner") == [one["id"]]
        assert ids(relation="invited") == ids(**{"from": "2026-12-02T00:00:00Z"}) == [two["id"]]
        assert ids(to="2026-12-01T09:00:00Z") == []


class TestChanging:
    def test_needs_the_version_that_was_read(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        path = f"/meetings/{meeting['id']}"
        problem(anna.patch(path, {"title": "B"}), 428, "precondition_required")
        changed = anna.patch(path, {"title": "B"}, version=1)
        assert (ok(changed)["title"], changed.headers["ETag"]) == ("B", '"2"')
        assert problem(anna.patch(path, {"title": "C"}, version=1), 412, "version_mismatch")["version"] == 2
        assert ok(anna.get(path))["title"] == "B"

    def test_leaves_alone_what_is_not_named_and_the_version_if_nothing_changes(self, anna: Person) -> None:
        meeting = anna.create_meeting(description="Long")
        changed = ok(anna.patch(f"/meetings/{meeting['id']}", {"title": meeting["title"]}, version=1))
        assert (changed["description"], changed["version"]) == ("Long", 1)

    def test_tells_everybody_who_belongs_to_it(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        anna.invite(meeting, ben)
        ben.poll(ack=ben.poll()["head_seq"])
        ok(anna.patch(f"/meetings/{meeting['id']}", {"title": "New"}, version=1))
        [message] = ben.poll()["messages"]
        assert (message["type"], message["payload"]["meeting"]["title"]) == ("meeting.updated", "New")
        assert "my_relation" not in message["payload"]["meeting"]

    def test_of_the_version_is_not_disturbed_by_who_comes_and_goes(self, call: Call) -> None:
        before = ok(call.owner.get(f"/meetings/{call.meeting['id']}"))["version"]
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        call.guest.join(call.meeting)
        ok(call.owner.patch(f"/meetings/{call.meeting['id']}", {"title": "Still mine"}, version=before))

    @pytest.mark.parametrize("change", [{"media_mode": "mock"}, {"e2ee": True}, {"starts_at": SOON}])
    def test_of_some_things_waits_until_a_live_meeting_is_over(self, call: Call, change: dict[str, Any]) -> None:
        answer = call.owner.patch(f"/meetings/{call.meeting['id']}", change, version=call.meeting["version"])
        problem(answer, 409, "meeting_state_conflict")

    def test_is_refused_once_it_is_over(self, anna: Person) -> None:
        meeting = anna.create_meeting()
        ok(anna.post(f"/meetings/{meeting['id']}/cancel"))
        answer = anna.patch(f"/meetings/{meeting['id']}", {"title": "Too late"}, version=2)
        assert problem(answer, 409, "meeting_state_conflict")["state"] == "cancelled"


class TestItsLife:
    def test_goes_from_scheduled_over_live_to_ended(self, anna: Person) -> None:
        path = f"/meetings/{anna.create_meeting()['id']}"
        live = ok(anna.post(f"{path}/start"))
        assert (live["state"], live["effective_media_mode"], live["config_version"]) == ("live", "p2p", 1)
        ended = ok(anna.post(f"{path}/end"))
        assert (ended["state"], ended["started_at"], ended["ended_at"]) == (
            "ended",
            "2026-11-20T10:00:00.000000Z",
            "2026-11-20T10:00:00.000000Z",
        )

    @pytest.mark.parametrize("steps", [["start"], ["start", "end"], ["cancel"]])
    def test_takes_no_harm_from_a_repeated_step(self, anna: Person, steps: list[str]) -> None:
        path = f"/meetings/{anna.create_meeting()['id']}"
        for step in steps:
            first = ok(anna.post(f"{path}/{step}"))
        assert ok(anna.post(f"{path}/{steps[-1]}")) == first

    @pytest.mark.parametrize(
        ("steps", "contradiction"),
        [([], "end"), (["start"], "cancel"), (["start", "end"], "cancel"), (["cancel"], "start"), (["cancel"], "end")],
    )
    def test_refuses_a_step_that_contradicts_its_state(
        self, anna: Person, steps: list[str], contradiction: str
    ) -> None:
        path = f"/meetings/{anna.create_meeting()['id']}"
        for step in steps:
            before = ok(anna.post(f"{path}/{step}"))
        problem(anna.post(f"{path}/{contradiction}"), 409, "meeting_state_conflict")
        assert ok(anna.get(path))["state"] == (before["state"] if steps else "scheduled")

    def test_can_begin_again_after_its_end_with_a_new_configuration(self, anna: Person) -> None:
        path = f"/meetings/{anna.create_meeting()['id']}"
        for step in ("start", "end"):
            ok(anna.post(f"{path}/{step}"))
        again = ok(anna.post(f"{path}/start"))
        assert (again["state"], again["ended_at"], again["config_version"]) == ("live", None, 2)

    def test_that_asks_for_a_media_server_does_not_begin_without_one(self, anna: Person) -> None:
        path = f"/meetings/{anna.create_meeting(media_mode='sfu')['id']}"
        answer = anna.post(f"{path}/start")
        problem(answer, 503, "no_media_worker")
        assert answer.headers["Retry-After"]
        assert ok(anna.get(path))["state"] == "scheduled"

    def test_is_announced_to_everybody_invited(self, anna: Person, ben: Person) -> None:
        meeting = anna.create_meeting()
        anna.invite(meeting, ben)
        for step in ("start", "end"):
            ok(anna.post(f"/meetings/{meeting['id']}/{step}"))
        assert types_of(ben.poll()) == ["invitation.received", "meeting.started", "meeting.ended"]


class TestErasing:
    def test_is_for_meetings_that_are_over(self, call: Call) -> None:
        path = f"/meetings/{call.meeting['id']}"
        problem(call.owner.delete(path), 409, "meeting_state_conflict")
        ok(call.owner.post(f"{path}/end"))
        ok(call.owner.delete(path), 204)
        problem(call.owner.get(path), 404, "not_found")
        problem(call.guest.get(path), 404, "not_found")

    def test_leaves_nothing_of_it_behind(self, call: Call, runtime: Runtime) -> None:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        ok(call.owner.delete(f"/meetings/{call.meeting['id']}"), 204)
        with runtime.reading() as work:
            assert work.query(Meeting).count() == work.query(MeetingPerson).count() == 0
        assert ok(call.guest.get("/invitations"))["items"] == []


class TestARoomThatIsEmpty:
    def leave_both(self, call: Call) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        ok(call.owner.post(f"/participants/{call.owners['id']}/leave"))

    def state(self, call: Call) -> str:
        return str(ok(call.owner.get(f"/meetings/{call.meeting['id']}"))["state"])

    def test_ends_by_itself_after_a_while(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        self.leave_both(call)
        clock.advance(minutes=4)
        tasks.end_empty(runtime, {})
        assert self.state(call) == "live"
        clock.advance(minutes=1)
        tasks.end_empty(runtime, {})
        assert self.state(call) == "ended"
        [message] = [m for m in call.guest.poll()["messages"] if m["type"] == "meeting.ended"]
        assert message["payload"]["reason"] == "empty"

    def test_stays_open_while_somebody_is_there(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        ok(call.guest.post(f"/participants/{call.guests['id']}/leave"))
        clock.advance(minutes=14)
        tasks.end_empty(runtime, {})
        assert self.state(call) == "live"

    def test_stays_open_when_somebody_comes_back(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        self.leave_both(call)
        clock.advance(minutes=4)
        call.guest.join(call.meeting)
        clock.advance(minutes=4)
        tasks.end_empty(runtime, {})
        assert self.state(call) == "live"

    def test_ends_too_if_it_was_started_and_nobody_came(
        self, anna: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        meeting = anna.create_meeting()
        ok(anna.post(f"/meetings/{meeting['id']}/start"))
        clock.advance(minutes=5)
        tasks.end_empty(runtime, {})
        assert ok(anna.get(f"/meetings/{meeting['id']}"))["state"] == "ended"

    def test_that_is_opened_again_has_its_time_anew(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/end"))
        clock.advance(minutes=10)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/start"))
        clock.advance(minutes=4)
        tasks.end_empty(runtime, {})
        assert self.state(call) == "live"


class TestATimeThatIsUp:
    def test_is_told_before_and_ends_the_meeting(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        path = f"/meetings/{call.meeting['id']}"
        version = call.meeting["version"]
        longer = ok(call.owner.patch(path, {"max_duration_min": 30}, version=version))
        assert longer["ends_by"] == "2026-11-20T10:30:00.000000Z"
        call.guest.poll(call.guests, ack=call.guest.poll(call.guests)["head_seq"])
        for minutes in (24, 2, 4):
            clock.advance(minutes=minutes)
            tasks.watch_time(runtime, {})
            tasks.watch_time(runtime, {})
        with runtime.reading() as work:
            assert work.get_one(Meeting, call.meeting["id"]).state == "ended"
            told = [
                row.type for row in work.query(Signal.type).order_by(Signal.id) if row.type.startswith("meeting.en")
            ]
        assert told.count("meeting.ending") == told.count("meeting.ended") > 0
        assert told[-1] == "meeting.ended"

    def test_may_be_put_off_while_it_runs(self, call: Call, runtime: Runtime, clock: ManualClock) -> None:
        path = f"/meetings/{call.meeting['id']}"
        shorter = ok(call.owner.patch(path, {"max_duration_min": 10}, version=call.meeting["version"]))
        clock.advance(minutes=6)
        tasks.watch_time(runtime, {})
        ok(call.owner.patch(path, {"max_duration_min": 60}, version=shorter["version"]))
        clock.advance(minutes=8)
        tasks.watch_time(runtime, {})
        assert ok(call.owner.get(path))["state"] == "live"

    def test_is_at_most_what_the_server_allows(self, anna: Person) -> None:
        [wrong] = problem(anna.post("/meetings", {"title": "A", "max_duration_min": 1441}), 422, "validation_failed")[
            "errors"
        ]
        assert (wrong["field"], wrong["message"]) == ("max_duration_min", "At most 1440 minutes here.")
        live = ok(anna.post(f"/meetings/{anna.create_meeting()['id']}/start"))
        assert live["ends_by"] == "2026-11-21T10:00:00.000000Z"


def test_what_lists_go_by_is_what_the_meetings_say(anna: Person, ben: Person, runtime: Runtime) -> None:
    moved, ended, cancelled, repeats = (anna.create_meeting(starts_at=SOON) for _ in range(4))
    for meeting in (moved, ended, cancelled, repeats):
        anna.invite(meeting, ben)
    ok(anna.patch(f"/meetings/{moved['id']}", {"starts_at": "2026-12-24T10:00:00Z"}, version=1))
    for step in ("start", "end"):
        ok(anna.post(f"/meetings/{ended['id']}/{step}"))
    ok(anna.post(f"/meetings/{cancelled['id']}/cancel"))
    ok(anna.patch(f"/meetings/{repeats['id']}", {"recurrence": "FREQ=DAILY;COUNT=4"}, version=1))
    first = ok(anna.get(f"/meetings/{repeats['id']}"))
    later = {"starts_at": "2026-11-20T15:00:00Z"}
    ok(anna.patch(f"/meetings/{repeats['id']}?scope=all", later, version=first["version"]))
    ok(anna.post(f"/meetings/{repeats['id']}/cancel?scope=all"))
    with runtime.reading() as work:
        kept = select(MeetingPerson.state, MeetingPerson.sort_at, Meeting.state, Meeting.sort_at)
        rows = work.execute(kept.join(Meeting, Meeting.id == MeetingPerson.meeting_id)).all()
    assert len(rows) == 14
    assert [tuple(row[:2]) for row in rows] == [tuple(row[2:]) for row in rows]


class TestReminders:
    def test_come_once_shortly_before_the_start(
        self, anna: Person, ben: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        meeting = anna.create_meeting(starts_at=SOON)
        anna.invite(meeting, ben)
        ben.poll(ack=ben.poll()["head_seq"])
        tasks.remind(runtime, {})
        assert types_of(ben.poll()) == []
        clock.advance(minutes=20)
        ben_again = [tasks.remind(runtime, {}) for _ in range(3)]
        assert ben_again == [None] * 3
        token = ben.app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": ben.tokens["refresh_token"]})
        ben.tokens = ok(token)
        assert types_of(ben.poll()) == ["meeting.reminder"]

    def test_come_again_for_the_new_time_when_it_is_moved(
        self, anna: Person, runtime: Runtime, clock: ManualClock
    ) -> None:
        meeting = anna.create_meeting(starts_at="2026-11-20T10:05:00Z")
        tasks.remind(runtime, {})
        ok(anna.patch(f"/meetings/{meeting['id']}", {"starts_at": "2026-11-20T10:09:00Z"}, version=1))
        tasks.remind(runtime, {})
        assert types_of(anna.poll()) == ["meeting.reminder", "meeting.updated", "meeting.reminder"]


class TestWithAnErasedOwner:
    def test_what_is_to_come_is_cancelled_and_what_is_live_ends(
        self, anna: Person, ben: Person, person: Callable[[str], Person]
    ) -> None:
        from tests.support.people import PASSWORD

        coming = anna.create_meeting(starts_at=SOON)
        live = anna.create_meeting()
        for meeting in (coming, live):
            ben.accept(anna.invite(meeting, ben)[0])
        anna.join(live)
        ok(anna.delete("/auth/me", {"password": PASSWORD}), 204)
        states = {m["id"]: m["state"] for m in ok(ben.get("/meetings"))["items"]}
        assert states == {coming["id"]: "cancelled", live["id"]: "ended"}


def test_the_qa_profile_mocks_media_unless_told_otherwise(settings: Settings) -> None:
    qa = settings.model_copy(update={"profile": "qa"})
    assert (settings.media_mode_of_new_meetings, qa.media_mode_of_new_meetings) == ("auto", "mock")
