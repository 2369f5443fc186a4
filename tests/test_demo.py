"""`flask demo`: what it makes, what it leaves alone, and where it refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select, update

from app.accounts.models import User
from app.accounts.passwords import PasswordHasher
from app.core.db import Base
from app.core.flask_app import ParleyApp
from app.core.objects.base import ObjectStore
from app.core.settings import Settings
from app.demo.service import demo_password
from app.demo.story import PEOPLE, PLANS, working_day
from app.notes.transcribers.base import Transcriber, TranscriptionFailed
from app.notes.transcribers.mock import MockTranscriber
from tests.support.people import Person, ok

Demo = Callable[..., Result]


@pytest.fixture
def demo(app: ParleyApp) -> Demo:
    """`demo("seed")` runs the command."""
    return lambda *arguments, **kwargs: app.test_cli_runner().invoke(args=["demo", *arguments], **kwargs)


@pytest.fixture
def sign_in(app: ParleyApp) -> Callable[[str], Person]:
    def sign_in(name: str) -> Person:
        (person,) = (person for person in PEOPLE if person.name.startswith(name))
        body = {"email": person.email, "password": demo_password(app.runtime.settings)}
        tokens = ok(app.test_client().post("/api/v1/auth/login", json=body))
        return Person(app, person.name, person.email, tokens)

    return sign_in


SignIn = Callable[[str], Person]


def rows(app: ParleyApp) -> dict[str, int]:
    with app.runtime.reading() as work:
        return {
            table.name: work.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def items(person: Person, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(person.get(path, limit=200, **query))["items"]
    return found


def meeting(person: Person, title: str) -> dict[str, Any]:
    (found,) = (m for m in items(person, "/meetings") if m["title"] == title)
    return found


class TestSeeding:
    def test_it_says_what_it_made_and_how_to_sign_in(self, demo: Demo, app: ParleyApp) -> None:
        result = demo("seed")
        assert result.exit_code == 0, result.output
        assert f"Made {len(PEOPLE)} people and {len(PLANS)} meetings" in result.output
        assert all(plan.title in result.output for plan in PLANS)
        assert "anna.berg@example.org" in result.output
        assert demo_password(app.runtime.settings) in result.output

    def test_everybody_can_sign_in(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        assert [sign_in(person.name).tokens["user"]["email_verified"] for person in PEOPLE] == [True] * len(PEOPLE)

    def test_the_password_is_another_one_in_every_installation(self, settings: Settings) -> None:
        elsewhere = settings.model_copy(update={"storage_dir": settings.storage_dir / "other"})
        assert demo_password(settings) == demo_password(settings) != demo_password(elsewhere)
        assert len(demo_password(settings)) >= 10

    def test_there_are_meetings_in_every_state_but_live(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        states = {m["state"] for name in ("Anna", "Priya") for m in items(sign_in(name), "/meetings")}
        assert states == {"scheduled", "ended", "cancelled"}

    def test_past_meetings_are_past_and_coming_ones_to_come(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        for m in items(sign_in("Anna"), "/meetings"):
            if m["starts_at"]:
                starts_at = datetime.fromisoformat(m["starts_at"])
                assert (starts_at < datetime(2026, 11, 20, 10, tzinfo=UTC)) == (m["state"] != "scheduled"), m["title"]
                assert starts_at.weekday() < 5
            assert m["created_at"] < "2026-11-20T10:00:00"

    def test_there_are_invitations_in_every_state(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        sent = [
            invitation for person in PEOPLE for invitation in items(sign_in(person.name), "/invitations", box="sent")
        ]
        assert {invitation["status"] for invitation in sent} == {
            "pending",
            "accepted",
            "rejected",
            "proposed",
            "revoked",
        }
        (proposed,) = (invitation for invitation in sent if invitation["status"] == "proposed")
        assert proposed["proposal"]["starts_at"] > proposed["meeting"]["starts_at"]
        assert proposed["proposal"]["note"]
        assert any(invitation["invitee"]["user_id"] is None for invitation in sent)

    def test_who_took_part_came_and_went_while_the_meeting_lasted(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        anna = sign_in("Anna")
        held = meeting(anna, "Weekly review")
        stays = items(anna, f"/meetings/{held['id']}/participants")
        assert len([s for s in stays if s["display_name"] == "Tomás Rivera"]) == 2  # went on from another device
        for stay in stays:
            assert stay["state"] == "left"
            assert held["started_at"] <= stay["joined_at"] < stay["left_at"] <= held["ended_at"]

    def test_the_recording_is_a_real_file_with_times_in_the_past(
        self, demo: Demo, app: ParleyApp, sign_in: SignIn
    ) -> None:
        demo("seed")
        anna = sign_in("Anna")
        held = meeting(anna, "Weekly review")
        (recording,) = items(anna, "/recordings")
        assert (recording["state"], recording["is_mock"]) == ("ready", True)
        assert held["started_at"] <= recording["started_at"] < recording["ended_at"] < held["ended_at"]
        assert len(recording["participants"]) == 4
        content = anna.get(f"/recordings/{recording['id']}/download").data
        assert hashlib.sha256(content).hexdigest() == recording["sha256"]

    def test_its_notes_are_in_the_mouths_of_those_who_were_there(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        mei = sign_in("Mei")
        held = meeting(mei, "Weekly review")
        notes = ok(mei.get(f"/meetings/{held['id']}/notes"))
        assert (notes["state"], notes["version"], notes["is_mock"]) == ("ready", 1, True)
        assert notes["ready_at"] > held["ended_at"]
        speakers = {segment["speaker"]["label"] for segment in notes["transcript"]["segments"]}
        assert speakers == {"Anna Berg", "Mei Lin", "Tomás Rivera", "Jonas Weber"}

    def test_people_write_in_the_chat_of_a_meeting(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        jonas = sign_in("Jonas")
        held = meeting(jonas, "Weekly review")
        said = [one for one in items(jonas, f"/meetings/{held['id']}/messages") if one["type"] == "text"]
        assert {one["sender"]["display_name"] for one in said} == {"Anna Berg", "Mei Lin", "Tomás Rivera"}
        assert any(one["reactions"] for one in said)
        assert all(held["started_at"] < one["created_at"] < held["ended_at"] for one in said)

    def test_a_meeting_repeats_and_another_has_a_lobby(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        anna = sign_in("Anna")
        rounds = [one for one in items(anna, "/meetings") if one["title"] == "Planning round"]
        assert len(rounds) == 8
        assert {one["my_relation"] for one in rounds} == {"accepted"}
        assert meeting(anna, "Open office")["lobby"] == "guests"

    def test_those_who_met_find_each_other_again(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        met = {person["display_name"] for person in items(sign_in("Olu"), "/users")}
        assert met == {"Anna Berg", "Tomás Rivera", "Mei Lin", "Jonas Weber"}


class TestSeedingAgain:
    def test_nothing_is_made_twice(self, demo: Demo, app: ParleyApp) -> None:
        demo("seed")
        before = rows(app)
        result = demo("seed")
        assert result.exit_code == 0, result.output
        assert rows(app) == before
        assert f"Made 0 people and 0 meetings; {len(PLANS)} meetings were there." in result.output
        assert demo_password(app.runtime.settings) in result.output

    def test_what_was_deleted_is_made_again(self, demo: Demo, sign_in: SignIn) -> None:
        demo("seed")
        anna = sign_in("Anna")
        assert anna.delete(f"/meetings/{meeting(anna, 'Weekly review')['id']}").status_code == 204
        assert "Made 0 people and 1 meetings" in demo("seed").output
        assert meeting(anna, "Weekly review")["state"] == "ended"

    def test_notes_that_were_not_made_the_first_time_are_made_the_second(
        self, demo: Demo, app: ParleyApp, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("app.notes.service.ask", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            demo("seed")
        assert demo("seed").exit_code == 0
        anna = sign_in("Anna")
        assert ok(anna.get(f"/meetings/{meeting(anna, 'Weekly review')['id']}/notes"))["state"] == "ready"

    def test_people_who_have_another_password_keep_it_and_it_is_not_told(self, demo: Demo, app: ParleyApp) -> None:
        demo("seed")
        another = app.runtime.drivers[PasswordHasher].hash("another password")
        with app.runtime.writing() as work:
            work.execute(update(User).values(password_hash=another))
        result = demo("seed")
        assert demo_password(app.runtime.settings) not in result.output
        assert "the one that was set" in result.output


class TestTrouble:
    def test_notes_that_fail_make_the_command_fail_and_say_so(self, demo: Demo, app: ParleyApp) -> None:
        class FailingTranscriber(MockTranscriber):
            def transcribe(self, request: Any) -> Any:
                raise TranscriptionFailed("no")

        app.runtime.drivers[Transcriber] = FailingTranscriber()
        result = demo("seed")
        assert result.exit_code == 1
        assert "The notes of Weekly review are failed: The meeting could not be transcribed." in result.output

    @pytest.mark.sqlite
    def test_without_tables_it_says_what_to_do(self, demo: Demo, app: ParleyApp) -> None:
        Base.metadata.drop_all(app.runtime.database.writer)
        result = demo("seed")
        assert result.exit_code == 1
        assert "flask db upgrade" in result.output


class TestResetting:
    def test_it_empties_every_table_and_the_object_store(self, demo: Demo, app: ParleyApp) -> None:
        demo("seed")
        result = demo("reset", "--yes")
        assert result.exit_code == 0, result.output
        assert set(rows(app).values()) == {0}
        assert list(app.runtime.drivers[ObjectStore].list()) == []

    def test_it_asks_first(self, demo: Demo, app: ParleyApp) -> None:
        demo("seed")
        result = demo("reset", input="n\n")
        assert result.exit_code == 1
        assert "Delete everything" in result.output
        assert rows(app)["users"] == len(PEOPLE)
        assert demo("reset", input="y\n").exit_code == 0
        assert rows(app)["users"] == 0

    def test_after_it_the_demo_can_be_made_again(self, demo: Demo, app: ParleyApp) -> None:
        demo("seed")
        first = rows(app)
        demo("reset", "--yes")
        demo("seed")
        again = rows(app)
        assert again == first


class TestInProduction:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"profile": "production"})

    @pytest.mark.parametrize("arguments", [["seed"], ["reset", "--yes"]])
    def test_it_refuses(self, demo: Demo, app: ParleyApp, arguments: list[str]) -> None:
        before = rows(app)
        result = demo(*arguments)
        assert result.exit_code == 1
        assert "no demo in the production profile" in result.output
        assert rows(app) == before


@pytest.mark.parametrize(
    ("today", "days", "expected"),
    [
        ("2026-11-20", 1, "2026-11-23"),  # from a Friday
        ("2026-11-20", -1, "2026-11-19"),
        ("2026-11-20", 6, "2026-11-30"),
        ("2026-11-21", 1, "2026-11-23"),  # from a Saturday
        ("2026-11-22", -1, "2026-11-20"),
        ("2026-11-23", -1, "2026-11-20"),
    ],
)
def test_weekends_are_no_working_days(today: str, days: int, expected: str) -> None:
    assert working_day(date.fromisoformat(today), days) == date.fromisoformat(expected)
