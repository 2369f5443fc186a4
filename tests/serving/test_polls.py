"""Which polls and acknowledgements are answered from memory, as Flask would, and what ends that."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.accounts.models import UserSession
from app.core.clock import ManualClock
from app.core.flask_app import ParleyApp
from app.core.ids import new_id
from app.core.runtime import Runtime
from app.core.settings import Settings
from app.inbox import service
from app.inbox.models import Inbox
from app.inbox.parking import Parking
from app.inbox.service import News, topic
from app.serving.flask_calls import FlaskCalls
from app.serving.polls import POLL_PATH
from app.serving.safety_net import SafetyNet
from app.serving.watches import ACTIVE_S, MOST_NEWS
from tests.serving.asked_of_flask import count_asked
from tests.serving.bridged import bridged
from tests.support.people import Call, Person, ok, problem, types_of
from tests.support.waiting import LONG_S, ParkedPoll, eventually


@pytest.fixture
def app(app: ParleyApp) -> Iterator[ParleyApp]:
    app.extensions["asked_of_flask"] = count_asked(app)
    with bridged(app) as app.wsgi_app:  # type: ignore[method-assign]
        yield app


@pytest.fixture
def known(call: Call, asked: list[str]) -> Call:
    """The owner's device has polled, and has read everything."""
    call.owners["read_up_to"] = call.owner.poll(call.owners)["head_seq"]
    asked.clear()
    return call


def query_of(call: Call, **query: Any) -> dict[str, Any]:
    """A poll as apps repeat it, from behind what the owner's device has read."""
    return {"participant_id": call.owners["id"], "wait": 0, "after": call.owners["read_up_to"], **query}


def poll(call: Call, **query: Any) -> Any:
    return ok(call.owner.get("/rtc/inbox", **query_of(call, **query)))


def parked_poll(runtime: Runtime, call: Call, **query: Any) -> ParkedPoll:
    return ParkedPoll(runtime, call.owner, **query_of(call, **{"wait": LONG_S, **query}))


def head(call: Call) -> int:
    seq: int = poll(call)["head_seq"]
    return seq


def inbox_row(runtime: Runtime, call: Call) -> Any:
    with runtime.reading() as work:
        return work.execute(
            select(Inbox.id, Inbox.acked_seq, Inbox.head_seq).where(Inbox.owner_id == call.owners["id"])
        ).one()


class TestADeviceThatGoesOnPolling:
    def test_is_answered_without_flask(self, known: Call, asked: list[str]) -> None:
        reply = poll(known)
        assert (reply["messages"], reply["next_poll_ms"], reply["superseded"], reply["ended"]) == ([], 0, False, None)
        assert asked == []

    def test_gets_messages_without_flask(self, known: Call, runtime: Runtime, asked: list[str]) -> None:
        parked = parked_poll(runtime, known)
        ok(known.send(known.offer(), known.candidate()), 201)
        assert types_of(parked.reply()) == ["rtc.offer", "rtc.candidate"]
        assert asked == []

    def test_is_woken_and_it_is_counted_how_long_that_took(self, known: Call, runtime: Runtime) -> None:
        parked = parked_poll(runtime, known)
        ok(known.send(known.offer()), 201)
        parked.reply()
        figures = runtime.figures
        eventually(lambda: "parley_wake_seconds" in figures.snapshot()["histograms"], "the figure")

    def test_gets_what_flask_would_give_it(self, known: Call, asked: list[str]) -> None:
        """The fields, texts and times of every message, and the headers."""
        ok(known.send(known.offer(sdp="v=0\r\nü – 😀\u2028"), known.candidate()), 201)
        known.guest.patch(f"/participants/{known.guests['id']}", {"hand": True})
        from_memory = known.owner.get("/rtc/inbox", **query_of(known))
        assert asked == []
        through_flask = known.owner.get("/rtc/inbox", **query_of(known, wait="0.00e0"))
        assert len(asked) == 1
        assert from_memory.json == through_flask.json
        assert len(ok(from_memory)["messages"]) == 3
        for answer in (from_memory, through_flask):
            answer.headers.pop("X-Request-ID")
            answer.headers.pop("Content-Length")
        assert sorted(from_memory.headers) == sorted(through_flask.headers)

    def test_has_its_request_id_in_the_answer(self, known: Call, asked: list[str]) -> None:
        path = f"/rtc/inbox?{urlencode(query_of(known))}"
        answer = known.owner.request("GET", path, headers={"X-Request-ID": "mine-1"})
        assert (answer.headers["X-Request-ID"], asked) == ("mine-1", [])

    def test_is_logged_as_every_request(self, known: Call, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        lines: list[tuple[Any, ...]] = []
        monkeypatch.setattr("app.serving.polls.log_request", lambda *line, **_: lines.append(line))
        poll(known)
        assert asked == []
        [(method, route, status, _took_s, user_id)] = eventually(lambda: lines, "the line")
        assert (method, route, status, user_id) == ("GET", POLL_PATH, 200, known.owner.user_id)

    def test_reads_what_it_has_acknowledged_already_from_the_database(self, known: Call, asked: list[str]) -> None:
        ok(known.send(known.offer()), 201)
        seq = head(known)
        poll(known, ack=seq)
        asked.clear()
        assert types_of(poll(known, after=seq - 1)) == ["rtc.offer"]
        assert len(asked) == 1

    def test_reads_the_database_when_it_is_far_behind(self, known: Call, asked: list[str]) -> None:
        for _ in range(MOST_NEWS + 1):
            ok(known.send(known.candidate()), 201)
        assert len(poll(known)["messages"]) == MOST_NEWS + 1
        assert len(asked) == 1

    def test_gets_as_many_as_it_asks_for(self, known: Call, asked: list[str]) -> None:
        ok(known.send(*[known.candidate() for _ in range(5)]), 201)
        first = poll(known, limit=2)["messages"]
        rest = poll(known, after=first[-1]["seq"])["messages"]
        assert (len(first), len(rest), asked) == (2, 3, [])

    def test_hears_only_the_latest_about_a_subject(self, known: Call, asked: list[str]) -> None:
        for hand in (True, False, True):
            known.guest.patch(f"/participants/{known.guests['id']}", {"hand": hand})
        [message] = poll(known)["messages"]
        assert (message["payload"]["participant"]["hand"], asked) == (True, [])


class TestAnAcknowledgement:
    def test_that_rides_on_a_poll_is_stored_before_the_answer(
        self, known: Call, runtime: Runtime, asked: list[str]
    ) -> None:
        ok(known.send(known.offer()), 201)
        seq = head(known)
        reply = poll(known, after=seq, ack=seq)
        assert (reply["acked_seq"], inbox_row(runtime, known).acked_seq, asked) == (seq, seq, [])

    def test_of_a_poll_that_is_parked_is_stored_before_its_answer(self, known: Call, runtime: Runtime) -> None:
        ok(known.send(known.offer()), 201)
        seq = head(known)
        parked = parked_poll(runtime, known, after=seq, ack=seq)
        ok(known.send(known.candidate()), 201)
        assert types_of(parked.reply()) == ["rtc.candidate"]
        assert inbox_row(runtime, known).acked_seq == seq

    def test_by_itself_is_stored_before_the_answer(self, known: Call, runtime: Runtime, asked: list[str]) -> None:
        ok(known.send(known.offer()), 201)
        seq = head(known)
        reply = ok(known.owner.post("/rtc/ack", {"participant_id": known.owners["id"], "up_to": seq}))
        assert reply == {"acked_seq": seq, "head_seq": seq}
        assert (inbox_row(runtime, known).acked_seq, asked) == (seq, [])
        assert known.owner.poll(known.owners)["messages"] == []

    def test_never_goes_backwards(self, known: Call, asked: list[str]) -> None:
        seq = head(known)
        reply = ok(known.owner.post("/rtc/ack", {"participant_id": known.owners["id"], "up_to": seq - 1}))
        assert (reply["acked_seq"], asked) == (seq, [])

    @pytest.mark.parametrize("way", ["poll", "ack"])
    def test_of_what_was_never_sent_is_refused(self, known: Call, way: str) -> None:
        ahead = head(known) + 1
        if way == "poll":
            answer = known.owner.get("/rtc/inbox", **query_of(known, ack=ahead))
        else:
            answer = known.owner.post("/rtc/ack", {"participant_id": known.owners["id"], "up_to": ahead})
        assert problem(answer, 409, "cursor_ahead")["head_seq"] == ahead - 1

    @pytest.mark.parametrize("body", [{"up_to": True}, {"up_to": "1"}, {"up_to": 1, "x": 1}, {"up_to": -1}, []])
    def test_in_another_form_is_judged_by_flask(self, known: Call, body: Any, asked: list[str]) -> None:
        problem(known.owner.post("/rtc/ack", body), 422, "validation_failed")
        assert len(asked) == 1

    @pytest.mark.parametrize("way", ["poll", "parked", "ack"])
    def test_that_cannot_be_stored_is_an_error_and_comes_again(
        self, known: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        ok(known.send(known.offer()), 201)
        seq = head(known)

        def fail(*_: Any) -> None:
            raise OperationalError("UPDATE", {}, Exception("disk I/O error"))

        with monkeypatch.context() as broken:
            broken.setattr(service, "acknowledge_many", fail)
            broken.setattr(service, "acknowledge", fail)
            if way == "ack":
                answer = known.owner.post("/rtc/ack", {"participant_id": known.owners["id"], "up_to": seq})
            else:
                wait = 0 if way == "poll" else 0.3
                answer = known.owner.get("/rtc/inbox", **query_of(known, wait=wait, after=seq, ack=seq))
        assert answer.status_code >= 500
        assert inbox_row(runtime, known).acked_seq < seq
        assert types_of(poll(known)) == ["rtc.offer"]


class TestFlaskIsAsked:
    def test_who_is_unknown(self, call: Call, asked: list[str]) -> None:
        asked.clear()
        call.guest.poll(call.guests)
        assert len(asked) == 1

    def test_where_to_begin_by_who_does_not_know(self, known: Call, asked: list[str]) -> None:
        known.owner.poll(known.owners)
        assert len(asked) == 1

    @pytest.mark.parametrize(
        "query", ["wait=0&wait=0", "wait=0&limit=0", "wait=-1", "wait=56", "after=x", "x=1", "limit=201", "wait=nan"]
    )
    def test_about_queries_that_it_may_refuse(self, known: Call, query: str, asked: list[str]) -> None:
        known.owner.request("GET", f"/rtc/inbox?participant_id={known.owners['id']}&after=0&{query}")
        assert len(asked) == 1

    def test_about_another_inbox_with_the_same_token(self, known: Call) -> None:
        problem(known.owner.get("/rtc/inbox", participant_id=known.guests["id"], wait=0), 404, "not_found")

    def test_after_a_pause(self, known: Call, clock: ManualClock, asked: list[str]) -> None:
        clock.advance(seconds=ACTIVE_S)
        poll(known)
        assert len(asked) == 1

    def test_when_the_token_has_expired(self, known: Call, clock: ManualClock, settings: Settings) -> None:
        for _ in range(int(settings.access_token_min * 60 / 4)):
            clock.advance(seconds=4)
            answer = known.owner.get("/rtc/inbox", **query_of(known))
        problem(answer, 401, "token_expired")

    def test_from_another_origin(self, known: Call, asked: list[str]) -> None:
        path = f"/rtc/inbox?{urlencode(query_of(known))}"
        known.owner.request("GET", path, headers={"Origin": "https://elsewhere.example"})
        assert len(asked) == 1


class TestWhatIsKnownIsForgotten:
    def test_with_the_session(self, known: Call, anna: Person) -> None:
        ok(anna.post("/auth/logout"), 204)
        problem(anna.get("/rtc/inbox", **query_of(known)), 401, "session_ended")

    def test_with_another_session_of_the_same_person(self, known: Call, asked: list[str]) -> None:
        """A stay that one session began may be polled with the token of another."""
        body = {"email": known.owner.email, "password": "correct horse battery"}
        tokens = ok(known.owner.app.test_client().post("/api/v1/auth/login", json=body))
        other = Person(known.owner.app, "Anna", known.owner.email, tokens)
        ok(other.get("/rtc/inbox", **query_of(known)))
        asked.clear()
        ok(other.get("/rtc/inbox", **query_of(known)))
        assert asked == []
        ok(known.owner.delete(f"/auth/sessions/{other.session_id}"), 204)
        problem(other.get("/rtc/inbox", **query_of(known)), 401, "session_ended")

    @pytest.mark.safety_net
    def test_with_the_session_whose_end_nobody_told_of(
        self, known: Call, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with runtime.writing() as work:
            work.execute(
                update(UserSession).where(UserSession.id == known.owner.session_id).values(ended_at=work.now())
            )

        def is_refused() -> bool:
            return known.owner.get("/rtc/inbox", **query_of(known)).status_code == 401

        eventually(is_refused, "the refusal")

    def test_when_the_stay_ends(self, known: Call) -> None:
        ok(known.owner.post(f"/participants/{known.owners['id']}/leave"))
        known.owner.get("/rtc/inbox", **query_of(known))
        again = known.owner.get("/rtc/inbox", **query_of(known))
        problem(again, 410, "inbox_closed")

    def test_and_its_poll_is_asked_of_flask_as_itself_and_not_as_the_request_that_ended_it(
        self, known: Call, runtime: Runtime, asked: list[str]
    ) -> None:
        parked = parked_poll(runtime, known)
        ok(known.owner.post(f"/meetings/{known.meeting['id']}/end"))
        assert parked.reply()["ended"] == {"reason": "meeting_ended"}
        assert len(asked) == 1

    def test_when_a_nudge_is_missing(self, known: Call, runtime: Runtime, asked: list[str]) -> None:
        parked = parked_poll(runtime, known)
        with pytest.MonkeyPatch.context() as lost:
            lost.setattr(runtime.wakeups, "wake", lambda nudges: None)
            ok(known.send(known.offer()), 201)
        ok(known.send(known.candidate()), 201)
        assert types_of(parked.reply()) == ["rtc.offer", "rtc.candidate"]

    def test_and_a_nudge_that_comes_twice_harms_nothing(self, known: Call, runtime: Runtime, asked: list[str]) -> None:
        wake = runtime.wakeups.wake
        with pytest.MonkeyPatch.context() as doubled:
            doubled.setattr(runtime.wakeups, "wake", lambda nudges: [wake(nudges), wake(nudges)])
            ok(known.send(known.offer()), 201)
        assert types_of(poll(known)) == ["rtc.offer"]
        assert asked == []

    def test_when_another_process_has_taken_the_inbox_over(self, known: Call, runtime: Runtime) -> None:
        parked = parked_poll(runtime, known)
        with runtime.writing() as work:
            service.take_over(work, work.get_one(Inbox, inbox_row(runtime, known).id))
        assert parked.reply()["superseded"] is True


class TestOfTwoPollsInTwoProcesses:
    """The other process's is played by a unit of work that writes what it would."""

    def poll_elsewhere(self, runtime: Runtime, call: Call, poll_id: str) -> None:
        with runtime.writing() as work:
            inbox_id = inbox_row(runtime, call).id
            work.execute(update(Inbox).where(Inbox.id == inbox_id).values(poll_id=poll_id))
            work.wake([topic(inbox_id)])

    def test_the_one_that_came_later_has_the_inbox(self, known: Call, runtime: Runtime) -> None:
        parked = parked_poll(runtime, known)
        self.poll_elsewhere(runtime, known, new_id())
        assert parked.reply()["superseded"] is True

    def test_the_one_that_came_earlier_and_was_begun_later_does_not_end_the_other(
        self, known: Call, runtime: Runtime, asked: list[str]
    ) -> None:
        earlier = new_id()
        parked = parked_poll(runtime, known)
        assert asked == []
        self.poll_elsewhere(runtime, known, earlier)
        eventually(lambda: asked, "Flask to be asked")
        ok(known.send(known.offer()), 201)
        reply = parked.reply()
        assert (types_of(reply), reply["superseded"]) == (["rtc.offer"], False)


class TestWhatIsNotHeldAgainstTheDatabase:
    @pytest.mark.safety_net
    def test_is_trusted_no_more_once_that_has_failed_for_a_while(
        self, known: Call, asked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> Any:
            raise OperationalError("SELECT", {}, Exception("unable to open database file"))

        monkeypatch.setattr("app.serving.safety_net.find_missed", fail)
        monkeypatch.setattr(SafetyNet, "_may_have_missed", lambda _: True)

        def goes_to_flask() -> bool:
            poll(known)
            return bool(asked)

        eventually(goes_to_flask, "the poll to go to Flask")

    def test_is_no_answer_to_a_parked_poll_whose_time_is_up(
        self, known: Call, runtime: Runtime, asked: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parking: Parking = runtime.drivers[Parking]
        monkeypatch.setattr(SafetyNet, "holds", property(lambda _: not parking.parked))
        assert poll(known, wait=0.1)["messages"] == []
        assert len(asked) == 1


def test_a_poll_that_the_server_fails_to_ask_is_a_problem_document(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(FlaskCalls, "answer", fail)
    problem(call.owner.get("/rtc/inbox", wait=0), 500, "internal_error")


def test_news_survive_the_way_through_a_nudge() -> None:
    news = News(7, "participant:1", '{"seq": 7, "payload": {"text": "a\\tb\\n"}}')
    assert News.of_line(topic("x") + news.line) == news
    assert News.of_line(topic("x") + News(8, None, "{}").line) == News(8, None, "{}")
    assert News.of_line(topic("x")) is None
