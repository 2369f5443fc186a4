"""Silence that was the API's own counts for nobody's absence."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from tests.durability.device import enter_a_meeting
from tests.durability.processes import Api, Http, Jobs, Parley
from tests.support.waiting import eventually

LEFT_S = 2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_nobody_is_counted_out_while_a_killed_api_is_away_nor_right_after(parley: Callable[..., Parley]) -> None:
    here = parley(PRESENCE_RECONNECTING_S="1", PRESENCE_LEFT_S=str(LEFT_S), PRESENCE_GRACE_S="60")
    with Jobs(here), Api(here) as api:
        device, *_ = enter_a_meeting(here.port, 2, seed=1)
        eventually(lambda: swept_at(here), "the first sweep")
        api.kill()
        be_up_for_an_hour(here)
        wait_for_a_whole_sweep(here, datetime.now(UTC) + timedelta(seconds=LEFT_S))
        assert states(here) == {"joined"}
        api.start()
        wait_for_a_whole_sweep(here, datetime.now(UTC))
        assert states(here) == {"joined"}
        anna = Http(here.port, device.token)
        reply = anna.ok("GET", f"/rtc/inbox?participant_id={device.participant_id}&wait=0")
        types = {message["type"] for message in reply["messages"]}
        assert "participant.joined" in types
        assert not types & {"participant.updated", "participant.left"}, "somebody was told that others were gone"


def be_up_for_an_hour(parley: Parley) -> None:
    """Make the API's processes have begun long ago."""
    with parley.connection() as connection:
        long_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
        connection.execute(text("UPDATE processes SET started_at = :then WHERE role = 'api'"), {"then": str(long_ago)})


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
