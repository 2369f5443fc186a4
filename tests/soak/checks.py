"""What must be true once everybody has fallen silent: nothing acknowledged is lost, nothing is stuck, nothing leaks.

Each check returns what is wrong, in words.
"""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import amqp
from sqlalchemy import select, text

from app.core.db import Base
from app.notes.models import Notes
from app.recordings.renditions import NOTHING_CAME
from tests.durability.processes import Parley
from tests.soak.house import QUEUE, House
from tests.soak.people import Acknowledged

FELT_S = 10.0  # after a kill: until all that was killed is back, and has taken up its meetings
STUCK_AFTER_S = 120.0  # what was broken off is taken up again after a lease, and after pauses between attempts

# What still has to happen, as statements that count it; each must come to nothing.
UNSETTLED = {
    "jobs that are queued for now, or running": (
        "SELECT count(*) FROM jobs WHERE every_s IS NULL AND (state = 'running' OR"
        " (state = 'queued' AND run_at <= now() AT TIME ZONE 'utc' + interval '5 seconds'))"
    ),
    "recordings on their way": "SELECT count(*) FROM recordings WHERE state NOT IN ('ready', 'failed')",
    "stages of notes on their way": "SELECT count(*) FROM notes_stages WHERE state IN ('queued', 'running')",
    "notes on their way": "SELECT count(*) FROM ai_notes WHERE state = 'pending'",
    "uploads that are being verified": "SELECT count(*) FROM uploads WHERE state = 'completing'",
    "changes that the search has not followed": "SELECT count(*) FROM search_pending",
    "events without a position": "SELECT count(*) FROM events WHERE position IS NULL",
    "events that the broker has not got": (
        "SELECT count(*) FROM events WHERE position > (SELECT position FROM event_cursors WHERE name = 'publisher')"
    ),
}
# What there must never be.
BROKEN = {
    "jobs that failed": "SELECT count(*) FROM jobs WHERE state = 'failed'",
    "transactions left open": (
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        " AND now() - state_change > interval '30 seconds'"
    ),
    "messages of an inbox above its head": (
        "SELECT count(*) FROM rtc_signals JOIN inboxes ON inboxes.id = inbox_id WHERE seq > head_seq"
    ),
}


def counted(parley: Parley, statements: dict[str, str]) -> dict[str, int]:
    with parley.connection() as connection:
        found = {what: connection.execute(text(statement)).scalar_one() for what, statement in statements.items()}
    return {what: number for what, number in found.items() if number}


def unsettled(house: House, say: Callable[[str], None]) -> list[str]:
    """Waits until everything that was begun has ended, or until nothing has come of it for a while."""
    left, changed_at = counted(house.parley, UNSETTLED), time.monotonic()
    while left and time.monotonic() < changed_at + STUCK_AFTER_S:
        time.sleep(1)
        now = counted(house.parley, UNSETTLED)
        if now != left:
            left, changed_at = now, time.monotonic()
            say(", ".join(f"{number} {what}" for what, number in left.items()))
    return [f"stuck: {number} {what}" for what, number in left.items()]


def broken(house: House) -> list[str]:
    return [f"{number} {what}" for what, number in counted(house.parley, BROKEN).items()]


def lost(house: House, noted: Acknowledged) -> list[str]:
    """What was acknowledged and is not there, or not as it was."""
    checks: tuple[Callable[[House, Acknowledged], Iterator[str]], ...] = (_chat, _stays, _recordings, _calls)
    return [what for check in checks for what in check(house, noted)]


def _chat(_: House, noted: Acknowledged) -> Iterator[str]:
    for meeting_id, messages in noted.chat.items():
        there = _all_messages(noted, meeting_id)
        yield from (f"chat message lost: {text!r}" for one in messages if one not in there for text in one[1:])
        times = Counter(text for _, text in there)
        twice = [text for _, text in messages if times[text] > 1]
        yield from (f"chat message doubled: {text!r}" for text in twice)
        order = {id_: place for place, (id_, _) in enumerate(there)}
        places = [order[id_] for id_, _ in messages if id_ in order]
        if places != sorted(places):
            yield f"chat of {meeting_id} is not in the order in which it was acknowledged"


def _all_messages(noted: Acknowledged, meeting_id: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    after: int | None = 0
    while after is not None:
        page = noted.clients[meeting_id].ask("GET", f"/meetings/{meeting_id}/messages?limit=100&after={after}")[1]
        found += [(message["id"], message["text"]) for message in page["items"]]
        after = page["next_cursor"]
    return found


def _stays(house: House, noted: Acknowledged) -> Iterator[str]:
    with house.parley.connection() as connection:
        rows = connection.execute(text("SELECT id, state FROM meeting_participants")).all()
    states = {row.id: row.state for row in rows}
    for participant_id in noted.left:
        if states.get(participant_id) != "left":
            yield f"left, and is {states.get(participant_id)}: {participant_id}"


def _recordings(house: House, noted: Acknowledged) -> Iterator[str]:
    for recording_id, (began_at, ended_at) in noted.recordings.items():
        client = noted.clients[recording_id]
        recording = client.ask("GET", f"/recordings/{recording_id}")[1]
        # A kill may take two seconds of a recording, and some of these are no longer.
        disturbed = any(began_at - FELT_S <= at <= ended_at for at in house.faulted_at)
        if disturbed and recording["state"] == "failed" and recording.get("error") == NOTHING_CAME:
            continue
        if recording["state"] != "ready":
            yield f"recording {recording_id} is {recording['state']}: {recording.get('error')}"
        elif hashlib.sha256(client.download(f"/recordings/{recording_id}/download")).hexdigest() != recording["sha256"]:
            yield f"recording {recording_id} is not what was made of it"


def _calls(house: House, noted: Acknowledged) -> Iterator[str]:
    with house.parley.connection() as connection:
        files = {row.id: row.file_path for row in connection.execute(text("SELECT id, file_path FROM calls"))}
    for call_id, sha256 in noted.calls.items():
        call = noted.clients[call_id].ask("GET", f"/calls/{call_id}")[1]
        if call["state"] != "done":
            yield f"call {call_id} is {call['state']}"
        file = house.parley.storage / "objects" / files.get(call_id, "nowhere")
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield f"call {call_id} is not what was sent"


def events_lost(house: House) -> tuple[list[str], int, int]:
    """What is wrong with the log of events and with what the broker got; how many there are; how many came twice."""
    with house.parley.connection() as connection:
        rows = connection.execute(text("SELECT id, meeting_id, seq FROM events ORDER BY position")).all()
    arrived = _arrived(house)
    first = list({event["id"]: event for event in arrived}.values())
    wrong = [f"event lost: {row.id}" for row in rows if row.id not in {event["id"] for event in first}]
    logged, told = defaultdict[Any, list[int]](list), defaultdict[Any, list[int]](list)
    for row in rows:
        logged[row.meeting_id].append(row.seq)
    for event in first:
        told[event["meeting_id"]].append(event["seq"])
    for meeting_id in logged:
        if meeting_id is None:
            continue
        if logged[meeting_id] != list(range(1, len(logged[meeting_id]) + 1)):
            wrong.append(f"events of {meeting_id} are logged with gaps, or out of order")
        if told[meeting_id] != sorted(told[meeting_id]):
            wrong.append(f"events of {meeting_id} came out of order")
    return wrong, len(rows), len(arrived) - len(first)


def _arrived(house: House) -> list[dict[str, Any]]:
    found = []
    with amqp.Connection(f"127.0.0.1:{house.broker.port}", "guest", "guest") as connection:
        channel = connection.channel()
        while (message := channel.basic_get(QUEUE, no_ack=True)) is not None:
            found.append(json.loads(message.body))
    return found


def left_behind(house: House) -> list[str]:
    """Files that nothing refers to."""
    storage = house.parley.storage
    with house.parley.connection() as connection:
        known = {
            path
            for table in Base.metadata.sorted_tables
            for column in table.columns
            if column.name.endswith("_path") or column.name == "object_key"
            for path in connection.execute(select(column).where(column.is_not(None))).scalars()
        }
        notes = set(connection.execute(select(Notes.id)).scalars())
    objects = [path for path in (storage / "objects").rglob("*") if path.is_file()]
    names = {str(path.relative_to(storage / "objects")) for path in objects}
    stray = sorted(name for name in names - known if not (name.split("/")[-2] in notes or "/." in f"/{name}"))
    wrong = [f"a file that nothing refers to: {name}" for name in stray]
    wrong += [f"a track was left in the spool: {path.name}" for path in house.parley.spool.glob("*/*.webm")]
    return wrong
