"""Silence that was the API's own counts for nobody's absence."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.durability.device import enter_a_meeting
from tests.durability.processes import Api, Http, Jobs, Parley
from tests.support.waiting import eventually

# A process looks alive for 15 s after its last beat: in that time nobody's silence may be counted up to now.
RECONNECTING_S, LEFT_S = 20, 25
LAST_SEEN_S, LAST_BEAT_S = LEFT_S + 1, 13  # ago

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_nobody_is_counted_out_while_a_killed_api_is_away_nor_right_after(parley: Callable[..., Parley]) -> None:
    here = parley(PRESENCE_RECONNECTING_S=str(RECONNECTING_S), PRESENCE_LEFT_S=str(LEFT_S), PRESENCE_GRACE_S="60")
    with Jobs(here), Api(here) as api:
        device, *_ = enter_a_meeting(here.port, 2, seed=1)
        api.kill()
        be_silent_since_an_api_that_was_up_for_long_has_ended(here, LAST_BEAT_S)
        wait_for_a_whole_sweep(here, datetime.now(UTC))
        assert states(here) == {"joined"}
        api.start()
        be_silent_since_an_api_that_was_up_for_long_has_ended(here, 0)
        wait_for_a_whole_sweep(here, datetime.now(UTC))
        assert states(here) == {"joined"}
        anna = Http(here.port, device.token)
        reply = anna.ok("GET", f"/rtc/inbox?participant_id={device.participant_id}&wait=0")
        types = {message["type"] for message in reply["messages"]}
        assert "participant.joined" in types
        assert not types & {"participant.updated", "participant.left"}, "somebody was told that others were gone"


def be_silent_since_an_api_that_was_up_for_long_has_ended(parley: Parley, last_beat_s: float) -> None:
    """Turn back what the first of the API's processes has written, and when people were last seen."""
    now = datetime.now(UTC).replace(tzinfo=None)
    ago = {name: str(now - timedelta(seconds=s)) for name, s in (("beat", last_beat_s), ("seen", LAST_SEEN_S))}
    with parley.connection() as connection:
        first = "role = 'api' AND started_at = (SELECT min(started_at) FROM processes WHERE role = 'api')"
        up = f"UPDATE processes SET started_at = :begun, beat_at = :beat WHERE {first}"
        connection.execute(text(up), {"begun": str(now - timedelta(hours=1)), "beat": ago["beat"]})
        connection.execute(text("UPDATE inboxes SET last_seen_at = :seen"), {"seen": ago["seen"]})


def swept_at(parley: Parley) -> datetime | None:
    """When the last one ended."""
    with parley.connection() as connection:
        last = connection.execute(text("SELECT finished_at FROM jobs WHERE task = 'participants.sweep'")).scalar()
    return datetime.fromisoformat(last).replace(tzinfo=UTC) if last else None


def wait_for_a_sweep(parley: Parley, after: datetime) -> datetime:
    eventually(lambda: (last := swept_at(parley)) is not None and last > after, "a sweep")
    return swept_at(parley) or after


def wait_for_a_whole_sweep(parley: Parley, after: datetime) -> None:
    """One that also began after a time: the second that has ended after it."""
    wait_for_a_sweep(parley, wait_for_a_sweep(parley, after))


def states(parley: Parley) -> set[str]:
    with parley.connection() as connection:
        return set(connection.execute(text("SELECT state FROM meeting_participants")).scalars())
