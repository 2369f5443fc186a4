"""The parts of the documents that are made from the code, and the files that are made wholly."""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

from app.accounts import passwords
from app.accounts import schemas as account_schemas
from app.calendar import service as calendar_service
from app.core import db, errors, pagination
from app.core.jobs import leased
from app.core.objects import base as objects
from app.core.settings import Settings
from app.core.settings_docs import env_example, env_lines, settings_table
from app.events import catalogue
from app.inbox import service as inbox_service
from app.invitations.schemas import Invite
from app.meetings import schemas as meeting_schemas
from app.recordings.sharing_schemas import LONGEST_PASSCODE, SHORTEST_PASSCODE
from app.webhooks.addresses import LONGEST_URL
from media_worker.settings import OwnSettings as WorkerSettings
from tests.docs.pages import ROOT, replace_part

REFRESH = "run `.venv/bin/python -m tests.docs.refresh` and commit what it changes"


def files() -> dict[Path, str]:
    """What every file with generated parts has to be, by its path."""
    made = {ROOT / ".env.example": env_example() + "\n\n# Those of a media worker.\n" + env_lines(WorkerSettings)}
    made[ROOT / "docs/events.schema.json"] = event_schema()
    for name, parts in PARTS.items():
        page = ROOT / name
        text = page.read_text()
        for part, make in parts.items():
            try:
                text = replace_part(text, part, make())
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        made[page] = text
    return made


def error_table() -> str:
    rows = ["| Status | Code | What it says |", "|---|---|---|"]
    for kind in sorted(set(errors.every_error()), key=lambda kind: (kind.status, kind.code)):
        rows.append(f"| {kind.status} | `{kind.code}` | {kind.message} |")
    return "\n".join(rows)


def requirement_table() -> str:
    """The requirements with the reason that each one's line gives."""
    rows = ["| Package | Version | Why |", "|---|---|---|"]
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        found = re.fullmatch(r"([a-z0-9-]+(?:\[[a-z]+\])?)==(\S+) +# (.+)", line)
        if found:
            rows.append(f"| {found[1]} | {found[2]} | {found[3]} |")
    return "\n".join(rows)


# What begins in more states than the first of its table.
_BEGINNINGS = {"participants": ("waiting", "joined"), "recordings": ("requested", "recording")}


def state_diagrams() -> str:
    """Every life cycle of the code, as its `states.py` has it."""
    return "\n\n".join(_life(path) for path in sorted((ROOT / "app").rglob("states.py")))


def _life(path: Path) -> str:
    feature = path.parent.name
    spec = importlib.util.spec_from_file_location(f"states_of_{feature}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    transitions: dict[str, frozenset[str]] = module.TRANSITIONS
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f"    [*] --> {state}" for state in _BEGINNINGS.get(feature, (next(iter(transitions)),))]
    for state, following in transitions.items():
        order = list(transitions)
        lines += [f"    {state} --> {new}" for new in sorted(following, key=order.index)]
        if not following:
            lines.append(f"    {state} --> [*]")
    source = path.relative_to(ROOT)
    says = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
    diagram = "\n".join(lines)
    return f"### {feature.capitalize()}\n\n{says} ([{source}](../{source}))\n\n```mermaid\n{diagram}\n```"


def event_table() -> str:
    """Every event: what it says, who sees it, and how it looks."""
    return "\n\n".join(_event(kind) for kind in catalogue.KINDS.values())


_SEEN_BY = {
    catalogue.ASKED: "owner, accepted, invited",
    catalogue.MEMBERS: "owner, accepted",
    catalogue.OWNER: "owner, and who is invited",
    catalogue.ITS_PERSON: "the person whose it is",
}


def _event(kind: catalogue.Kind) -> str:
    lines = [f"### {kind.name}", "", f"{kind.about} Version {kind.version}; seen by: {_SEEN_BY[kind.seen_by]}.", ""]
    if kind.fields:
        lines += ["| Field | Type | What it says |", "|---|---|---|"]
        lines += [f"| `{name}` | {_type_of(field)} | {field['description']} |" for name, field in _flat(kind.fields)]
        lines.append("")
    return "\n".join([*lines, "```json", json.dumps(catalogue.example(kind), ensure_ascii=False), "```"])


def _flat(fields: dict[str, catalogue.Field], before: str = "") -> Iterator[tuple[str, catalogue.Field]]:
    for name, field in fields.items():
        yield before + name, field
        inner = field.get("items", field)
        yield from _flat(inner.get("properties", {}), before + name + ("[]." if "items" in field else "."))


def _type_of(field: catalogue.Field) -> str:
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    return " or ".join([field.get("format", types[0]), *types[1:]])


def event_schema() -> str:
    """All events in one JSON Schema."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of Parley",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in catalogue.KINDS],
        "$defs": {name: catalogue.envelope(kind) for name, kind in catalogue.KINDS.items()},
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def limit_table() -> str:
    """What is bounded, by how much, and by which setting; read from the code."""
    fixed = "fixed"
    invitees = Invite().fields["invitees"].validators[0].max  # type: ignore[attr-defined]
    limits: list[tuple[str, object, str]] = [
        ("Request body, bytes", _default("request_max_bytes"), "`REQUEST_MAX_BYTES`"),
        ("A request's line and headers, bytes", _default("request_head_max_bytes"), "`REQUEST_HEAD_MAX_BYTES`"),
        ("Until a request's head is there, seconds", _default("request_head_s"), "`REQUEST_HEAD_S`"),
        ("Until its body is there, seconds", _default("request_body_s"), "`REQUEST_BODY_S`"),
        ("Without taking some of an answer, seconds", _default("response_stall_s"), "`RESPONSE_STALL_S`"),
        ("A part of an upload, bytes", _default("upload_part_bytes"), "`UPLOAD_PART_BYTES`"),
        ("Parts of an upload", objects.MOST_PARTS, fixed),
        ("Without some more of a part, seconds", _default("upload_stall_s"), "`UPLOAD_STALL_S`"),
        ("Unused uploads of one user", _default("uploads_open_max"), "`UPLOADS_OPEN_MAX`"),
        ("All of them, bytes", _default("uploads_open_max_bytes"), "`UPLOADS_OPEN_MAX_BYTES`"),
        ("A file of the chat, bytes", _default("chat_file_max_bytes"), "`CHAT_FILE_MAX_BYTES`"),
        (
            "A track of a recording, bytes",
            _default("recording_track_max_bytes"),
            "`RECORDING_TRACK_MAX_BYTES`",
        ),
        ("Tracks of one participant's own in a recording", _default("local_tracks_max"), "`LOCAL_TRACKS_MAX`"),
        ("All of them, bytes", _default("local_tracks_max_bytes"), "`LOCAL_TRACKS_MAX_BYTES`"),
        (
            "Minutes that a stopped recording waits for them",
            _default("local_tracks_wait_min"),
            "`LOCAL_TRACKS_WAIT_MIN`",
        ),
        ("Hours in which they are taken", _default("local_tracks_accept_h"), "`LOCAL_TRACKS_ACCEPT_H`"),
        ("What one user stores, bytes", "none", "`STORAGE_QUOTA_BYTES`"),
        ("What all store together, bytes", "none", "`STORAGE_TOTAL_BYTES`"),
        ("Recordings that run in one owner's meetings", _default("recordings_running_max"), "`RECORDINGS_RUNNING_MAX`"),
        ("Recordings that run in all", _default("recordings_running_total_max"), "`RECORDINGS_RUNNING_TOTAL_MAX`"),
        ("Minutes transcribed for one account in a month", "any", "`TRANSCRIPTION_MONTH_MIN`"),
        ("The same of all accounts", "any", "`TRANSCRIPTION_MONTH_TOTAL_MIN`"),
        ("Jobs that wait while more are taken on", _default("jobs_waiting_max"), "`JOBS_WAITING_MAX`"),
        ("Minutes that the first of them has waited", _default("jobs_behind_max_min"), "`JOBS_BEHIND_MAX_MIN`"),
        ("Load of a media worker that more is begun on", _default("media_full_load"), "`MEDIA_FULL_LOAD`"),
        ("A call made elsewhere, bytes", _default("call_audio_max_bytes"), "`CALL_AUDIO_MAX_BYTES`"),
        ("Compositions of a recording", _default("recording_renditions_max"), "`RECORDING_RENDITIONS_MAX`"),
        ("Links of a recording at a time", _default("shares_max"), "`SHARES_MAX`"),
        ("Days until such a link expires", _default("share_max_days"), "`SHARE_MAX_DAYS`"),
        ("Its passcode, characters", f"{SHORTEST_PASSCODE} to {LONGEST_PASSCODE}", fixed),
        ("Password, characters", f"{passwords.SHORTEST} to {passwords.LONGEST}", fixed),
        ("Items of a page (`limit`)", pagination.MOST_PER_PAGE, fixed),
        ("Length of a meeting, minutes", meeting_schemas.LONGEST_MIN, fixed),
        ("Minutes that a meeting is live", _default("meeting_max_min"), "`MEETING_MAX_MIN`"),
        ("Occurrences of a series that has an end", _default("series_occurrences_max"), "`SERIES_OCCURRENCES_MAX`"),
        ("Days ahead that occurrences are made", _default("series_horizon_days"), "`SERIES_HORIZON_DAYS`"),
        ("Webhooks of one person", _default("webhooks_max"), "`WEBHOOKS_MAX`"),
        ("Address of a webhook, characters", LONGEST_URL, fixed),
        ("Seconds of one delivery to it", _default("webhook_time_s"), "`WEBHOOK_TIME_S`"),
        ("Bytes of its answer that are read", _default("webhook_answer_bytes"), "`WEBHOOK_ANSWER_BYTES`"),
        ("Deliveries at once, of all webhooks", _default("webhook_senders"), "`WEBHOOK_SENDERS`"),
        ("Days that deliveries are kept", _default("webhook_log_days"), "`WEBHOOK_LOG_DAYS`"),
        ("Integrations of one person", _default("integrations_max"), "`INTEGRATIONS_MAX`"),
        ("Each of them, characters", account_schemas.LONGEST_INTEGRATION, fixed),
        ("Meetings in a calendar feed", calendar_service.FEED_MOST, fixed),
        ("A meeting's `metadata`, bytes", meeting_schemas.METADATA_MAX_BYTES, fixed),
        ("People in a meeting at a time", _default("participants_max"), "`PARTICIPANTS_MAX`"),
        ("Invitations of a meeting", _default("invitations_max"), "`INVITATIONS_MAX`"),
        ("Invitees in one request", invitees, fixed),
        ("Signals in one request", _default("signal_batch_max"), "`SIGNAL_BATCH_MAX`"),
        ("An SDP, bytes", _default("sdp_max_bytes"), "`SDP_MAX_BYTES`"),
        ("Any other payload of a signal, bytes", _default("candidate_max_bytes"), "`CANDIDATE_MAX_BYTES`"),
        ("Unacknowledged messages of an inbox", _default("inbox_max_unacked"), "`INBOX_MAX_UNACKED`"),
        ("Retry-After of a full inbox, seconds", inbox_service.FULL_RETRY_S, fixed),
        ("Wait of a poll, seconds", _default("poll_max_wait_s"), "`POLL_MAX_WAIT_S`"),
        ("Threads of a web process", _default("web_threads"), "`WEB_THREADS`"),
        ("Polls parked in one process", _default("poll_max_parked"), "`POLL_MAX_PARKED`"),
        ("Of them polls of one user", _default("poll_max_per_user"), "`POLL_MAX_PER_USER`"),
        ("Beat of parked polls, seconds", Settings.model_construct().beat_every_s, "half of `PRESENCE_RECONNECTING_S`"),
        ("Passwords hashed at a time", _default("password_hashes_at_once"), "`PASSWORD_HASHES_AT_ONCE`"),
        ("A statement on a database server, seconds", db.STATEMENT_S, fixed),
        ("Attempts of a job", leased.MAX_ATTEMPTS, fixed),
        ("Jobs that a Celery worker runs at once", _default("celery_concurrency"), "`CELERY_CONCURRENCY`"),
        (
            "Until a process of it is replaced, jobs",
            _default("celery_max_tasks_per_child"),
            "`CELERY_MAX_TASKS_PER_CHILD`",
        ),
        ("A job of it, seconds", _default("celery_time_limit_s"), "`CELERY_TIME_LIMIT_S`"),
        ("Jobs that are done are kept, days", leased.DONE_KEPT.days, fixed),
        ("Jobs that failed are kept, days", leased.FAILED_KEPT.days, fixed),
    ]
    rows = ["| What | At most | Set by |", "|---|---|---|"]
    rows += [f"| {what} | {_thousands(value)} | {setting} |" for what, value, setting in limits]
    return "\n".join(rows)


def how_often_table() -> str:
    """What is bounded in time, in the order of the settings."""
    rows = ["| What | At most | Set by |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if name.startswith(("rate_limit_", "login_failures_", "code_failures_", "share_failures_")):
            what = str(field.description).partition(";")[0].rstrip(".")
            rows.append(f"| {what} | {field.default} | `{name.upper()}` |")
    return "\n".join(rows)


def _default(name: str) -> object:
    return Settings.model_fields[name].default


def _thousands(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


PARTS = {
    "README.md": {
        "settings": settings_table,
        "media worker settings": lambda: settings_table(WorkerSettings),
        "requirements": requirement_table,
    },
    "docs/architecture.md": {"states": state_diagrams},
    "docs/events.md": {"events": event_table},
    "docs/operations.md": {"limits": limit_table, "how often": how_often_table},
    "docs/qa.md": {"errors": error_table},
}
