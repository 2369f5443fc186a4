"""How calls go, as those who are in them measure it: the only figure of quality where media goes from device to device.

A device tells a summary of its `getStats()` every `CALL_STATS_EVERY_S`. Of each stay in a meeting one row is kept,
however long it lasts: the newest summary, the worst of each figure, and what averages are made of.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from app.core import errors
from app.core.actor import Actor
from app.core.inserts import insert_unless_there
from app.core.runtime import Work
from app.media.models import CallQuality
from app.meetings.service import standing_of
from app.participants import service as participants
from app.participants.models import Participant
from app.participants.states import IN_THE_ROOM

# The figures, and which of two is worse.
WORSE: dict[str, Any] = {
    "round_trip_ms": max,
    "jitter_ms": max,
    "lost": max,
    "frozen": max,
    "sent_bps": min,
    "received_bps": min,
}

# A call is poor from here on. ITU-T G.114 §1: no call should have 400 ms of delay, one way; with a round trip of
# that people begin to talk at once. Opus hides losses of some per cent, and pictures stand still with them.
POOR = {"round_trip_ms": 400, "lost": 0.05, "frozen": 0.05}
FRESH = 3  # intervals after which who tells nothing more is not counted as in a call


def tell(work: Work, participant_id: str, summary: Mapping[str, float | bool]) -> None:
    """Take a summary of a device that is in the room.

    :raises SenderLeft:
    """
    participant = participants.get(work, participant_id)
    if participant.state not in IN_THE_ROOM:
        raise errors.SenderLeft()
    now = work.now()
    first = {"meeting_id": participant.meeting_id, "first_told_at": now, "told_at": now, "number": 0}
    nothing: dict[str, Any] = {"last": {}, "worst": {}, "sums": {}, "is_poor": False}
    insert_unless_there(work, CallQuality, participant_id=participant_id, **first, **nothing)
    row = work.get_one(CallQuality, participant_id, with_for_update=True, populate_existing=True)
    row.told_at, row.number = now, row.number + 1
    row.last = dict(summary)
    row.is_poor = any(summary.get(name, 0) >= limit for name, limit in POOR.items())
    figures = {name: float(value) for name, value in summary.items() if name in WORSE}
    row.worst = row.worst | {name: WORSE[name](value, row.worst.get(name, value)) for name, value in figures.items()}
    sums = {name: [*row.sums.get(name, (0.0, 0))] for name in figures}
    row.sums = row.sums | {name: [sums[name][0] + value, sums[name][1] + 1] for name, value in figures.items()}


def of_meeting(work: Work, actor: Actor, meeting_id: str) -> list[dict[str, Any]]:
    """Of each stay that told anything, in the order in which they came: to hosts of all, to others of their own."""
    query = (
        select(CallQuality, Participant)
        .join(Participant, Participant.id == CallQuality.participant_id)
        .where(CallQuality.meeting_id == meeting_id)
        .order_by(Participant.joined_at, Participant.id)
    )
    if not standing_of(work, actor.user_id, meeting_id).is_host:
        query = query.where(Participant.user_id == actor.user_id)
    return [_shown(row, participant) for row, participant in work.execute(query)]


def counts(work: Work) -> tuple[int, int]:
    """How many devices have told of their call lately, and how many of them that it goes poorly."""
    since = work.now() - timedelta(seconds=FRESH * max(work.settings.call_stats_every_s, 1))
    fresh = select(CallQuality.is_poor, func.count()).where(CallQuality.told_at > since).group_by(CallQuality.is_poor)
    found = {row.is_poor: int(row[1]) for row in work.execute(fresh)}
    return sum(found.values()), found.get(True, 0)


def _shown(row: CallQuality, participant: Participant) -> dict[str, Any]:
    return {
        "participant_id": row.participant_id,
        "user_id": participant.user_id,
        "display_name": participant.display_name,
        "device": participant.device,
        "first_told_at": row.first_told_at,
        "told_at": row.told_at,
        "number": row.number,
        "is_poor": row.is_poor,
        "last": row.last,
        "worst": row.worst,
        "average": {name: round(total / number, 4) for name, (total, number) in row.sums.items()},
    }
