"""What providers cost is booked, and stops where the budget ends."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from app.core.clock import ManualClock
from app.core.runtime import Runtime
from app.core.settings import Settings, SettingsError, load_settings
from app.notes.analysts.base import Analyst
from app.notes.meeting_source import MeetingSource
from app.notes.models import Spending
from app.notes.transcribers.base import Transcriber, UnsupportedLanguage
from tests.notes.hearing import Ears, quick_sound, record
from tests.notes.test_pipeline import Reader
from tests.support.people import Call, Person, ok, problem, start_call
from tests.support.races import at_once

SAID = {"Anna": [(1.0, "Hello.")], "Ben": [(4.0, "Hello.")]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"notes_budget_usd": 1.0, "access_token_min": 100_000})


@pytest.fixture
def ears(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Ears:
    """Each second costs a cent."""
    monkeypatch.setattr(MeetingSource, "prepare", quick_sound)
    ears = runtime.drivers[Transcriber] = Ears(dict(SAID), usd_a_minute=0.6)
    return ears


def ask(call: Call, **body: Any) -> dict[str, Any]:
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes", body), 202)
    notes: dict[str, Any] = ok(call.owner.get(f"/meetings/{call.meeting['id']}/notes"))
    return notes


def spending(call: Call, **query: Any) -> dict[str, Any]:
    page: dict[str, Any] = ok(call.owner.get("/auth/me/spending", **query))
    return page


def test_each_call_of_a_provider_is_booked_on_the_meetings_owner(call: Call, runtime: Runtime, ears: Ears) -> None:
    runtime.drivers[Analyst] = Reader()
    record(runtime, call, call.owners["id"], call.guests["id"])
    notes = ask(call)
    page = spending(call)
    assert (page["month"], page["spent_usd"], page["budget_usd"]) == ("2026-11", pytest.approx(0.03), 1.0)
    rows = [(one["stage"], one["provider"], one["model"], one["seconds"], one["cost_usd"]) for one in page["items"]]
    assert rows == [
        ("analyse", "reader", None, None, 0.01),
        ("transcribe", "ears", "ears-1", 1.0, pytest.approx(0.01)),
        ("transcribe", "ears", "ears-1", 1.0, pytest.approx(0.01)),
    ]
    assert {(one["meeting_id"], one["notes_id"]) for one in page["items"]} == {(call.meeting["id"], notes["id"])}
    assert notes["cost_usd"] == pytest.approx(0.03)
    assert ok(call.guest.get("/auth/me/spending"))["items"] == []


def test_it_stays_when_the_notes_are_deleted(call: Call, runtime: Runtime, ears: Ears) -> None:
    record(runtime, call, call.owners["id"])
    ask(call)
    call.owner.delete(f"/meetings/{call.meeting['id']}/notes")
    assert spending(call)["spent_usd"] == pytest.approx(0.01)


def test_what_failed_is_not_booked(call: Call, runtime: Runtime, ears: Ears) -> None:
    ears.failures = iter([UnsupportedLanguage("tlh")])
    record(runtime, call, call.owners["id"])
    assert ask(call)["state"] == "failed"
    assert spending(call)["items"] == []


def test_what_does_not_fit_into_the_budget_is_not_spent_and_can_be_gone_on_with(
    call: Call, runtime: Runtime, ears: Ears
) -> None:
    ears.usd_a_minute = 36.0  # 0.60 a track
    record(runtime, call, call.owners["id"], call.guests["id"])
    notes = ask(call)
    assert (notes["state"], notes["error_code"]) == ("failed", "budget_reached")
    assert notes["error"] == "0.60 of 1.00 USD are spent this month."
    assert ears.asked == ["Anna"]
    ears.usd_a_minute = 0.0
    ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes/retry", {}), 202)
    assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/notes"))["state"] == "ready"
    assert ears.asked == ["Anna", "Ben"]


def test_once_it_is_spent_nothing_is_begun_until_the_next_month(
    call: Call, runtime: Runtime, ears: Ears, clock: ManualClock
) -> None:
    ears.usd_a_minute = 60.0
    record(runtime, call, call.owners["id"])
    assert ask(call)["state"] == "ready"
    told = problem(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 409, "budget_reached")
    assert (told["spent_usd"], told["budget_usd"]) == (1.0, 1.0)
    clock.advance(days=11)
    assert ask(call, language="en")["state"] == "ready"
    assert spending(call)["month"] == "2026-12"
    assert spending(call, month="2026-11")["spent_usd"] == 1.0


def test_an_analysis_that_would_not_fit_into_the_budget_is_not_asked_for(
    call: Call, runtime: Runtime, ears: Ears
) -> None:
    """Ben's and Anna's minute leave one cent, and it is thought to cost two."""
    reader = runtime.drivers[Analyst] = Reader()
    ears.usd_a_minute = 29.7
    record(runtime, call, call.owners["id"], call.guests["id"])
    notes = ask(call)
    assert (notes["state"], notes["error_code"]) == ("failed", "budget_reached")
    assert notes["transcript"]["segments"]
    assert reader.read == []


def test_an_analysis_is_booked_at_what_it_cost_in_the_end(call: Call, runtime: Runtime, ears: Ears) -> None:
    reader = runtime.drivers[Analyst] = Reader()
    record(runtime, call, call.owners["id"])
    booked: list[float] = []
    reader.before = lambda: booked.append(spending(call)["items"][0]["cost_usd"])
    ask(call)
    assert booked == [0.02]
    assert spending(call)["items"][0]["cost_usd"] == 0.01


def test_where_nobody_knows_the_price_a_budget_lets_nothing_through(call: Call, runtime: Runtime, ears: Ears) -> None:
    ears.usd_a_minute = None
    record(runtime, call, call.owners["id"])
    assert ask(call)["error_code"] == "price_unknown"
    assert ears.asked == []


def test_a_budget_needs_the_prices_of_a_model_that_is_paid() -> None:
    paid = {"analyst": "llm", "analyst_url": "https://llm.example.org/v1", "analyst_model": "m"}
    with pytest.raises(SettingsError, match="NOTES_BUDGET_USD: needs ANALYST_USD_PER_MILLION_INPUT_TOKENS"):
        load_settings(notes_budget_usd=5, _env_file=None, **paid)


class TestMinutes:
    """Each track lasts a second, and costs nothing."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"notes_budget_usd": 0.0, "transcription_month_min": 1.5 / 60})

    @pytest.fixture
    def ears(self, ears: Ears) -> Ears:
        ears.usd_a_minute = 0.0
        return ears

    def test_what_costs_nothing_is_counted_and_stops_at_its_limit(
        self, call: Call, runtime: Runtime, ears: Ears, clock: ManualClock
    ) -> None:
        record(runtime, call, call.owners["id"], call.guests["id"])
        notes = ask(call)
        assert (notes["state"], notes["error_code"]) == ("failed", "transcription_limit_reached")
        assert [(one["seconds"], one["cost_usd"]) for one in spending(call)["items"]] == [(1.0, 0.0)]
        assert ears.asked == ["Anna"]
        clock.advance(days=11)
        ok(call.owner.post(f"/meetings/{call.meeting['id']}/notes/retry", {}), 202)
        assert ok(call.owner.get(f"/meetings/{call.meeting['id']}/notes"))["state"] == "ready"

    def test_once_they_are_used_up_nothing_is_begun(self, call: Call, runtime: Runtime, ears: Ears) -> None:
        record(runtime, call, call.owners["id"])
        assert ask(call)["state"] == "ready"
        with runtime.writing() as work:
            work.execute(update(Spending).values(seconds=90.0))
        told = problem(call.owner.post(f"/meetings/{call.meeting['id']}/notes", {}), 409, "transcription_limit_reached")
        assert (told["used_min"], told["limit_min"], told["scope"]) == (1.5, 0.025, "account")
        assert told["detail"] == "1.5 of 0.025 minutes are used this month."


class TestMinutesOfAll:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"notes_budget_usd": 0.0, "transcription_month_total_min": 1.5 / 60})

    def test_two_accounts_at_once_do_not_both_find_the_last_minute(
        self, call: Call, cleo: Person, runtime: Runtime, ears: Ears
    ) -> None:
        ears.said["Cleo"] = SAID["Anna"]
        other = start_call(cleo, call.guest)
        for one in (call, other):
            record(runtime, one, one.owners["id"])
        notes = at_once(partial(ask, call), partial(ask, other))
        assert sorted(one["state"] for one in notes) == ["failed", "ready"]
        [failed] = [one for one in notes if one["state"] == "failed"]
        assert failed["error_code"] == "transcription_limit_reached"
        assert len(ears.asked) == 1
