"""Every event that the outside learns of: its name, its version, what its payload says, and who may see it.

Each field is written as JSON Schema has it (2020-12); `docs/events.md` and `docs/events.schema.json` are made from
here. What a released version says stays: a new field may be added to it, for consumers pass over what they don't know;
whatever else changes is a new version.

Payloads hold ids and what became of things: no name, no address, no text that a person has written, and no secret.
They stay in the log when the meeting that they are about is erased.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Field = dict[str, Any]

ASKED = ("owner", "accepted", "invited")
MEMBERS = ("owner", "accepted")
OWNER = ("owner",)
ITS_PERSON = ()

EXAMPLE_ID = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"
EXAMPLE_TIME = "2026-11-20T10:00:00.000000Z"


class Kind(NamedTuple):
    """`seen_by`: which relations to the event's meeting let a person see it; beside them the person whose it is (an
    invitation's invitee, who sent an upload or a call), admins and services.
    """

    name: str
    about: str
    fields: dict[str, Field]
    seen_by: tuple[str, ...]
    version: int = 1


def _id(of: str) -> Field:
    return {"type": "string", "format": "uuid", "description": of, "examples": [EXAMPLE_ID]}


def _word(of: str, *examples: str) -> Field:
    return {"type": "string", "description": of, "examples": list(examples)}


def _time(of: str) -> Field:
    return {"type": "string", "format": "date-time", "description": of, "examples": [EXAMPLE_TIME]}


def _number(of: str, example: int) -> Field:
    return {"type": "integer", "description": of, "examples": [example]}


def _seconds(of: str, example: float) -> Field:
    return {"type": "number", "description": of, "examples": [example]}


def _flag(of: str) -> Field:
    return {"type": "boolean", "description": of, "examples": [False]}


def _or_null(field: Field) -> Field:
    return {**field, "type": [field["type"], "null"]}


def _ids(of: str) -> Field:
    each = {"type": "string", "format": "uuid"}
    return {"type": "array", "items": each, "description": of, "examples": [[EXAMPLE_ID]]}


def shape(fields: Mapping[str, Field], **more: Any) -> dict[str, Any]:
    """The JSON Schema of an object that has all of `fields`."""
    return {"type": "object", "required": list(fields), "properties": dict(fields), **more}


_OBJECT = {
    "bucket": _or_null(_word("Bucket of the store; null where files are kept on Parley's own disk.", "parley")),
    "key": _word("Key in the store.", f"recordings/{EXAMPLE_ID}/{EXAMPLE_ID}/recording.mp4"),
    "content_type": _or_null(_word("Media type.", "video/mp4")),
    "bytes": _or_null(_number("Its size.", 48_211_004)),
    "sha256": _or_null(
        _word("Its checksum, in hexadecimal.", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    ),
    "duration_s": _or_null(_seconds("Seconds that it lasts.", 1800.0)),
}
_EXAMPLE_OBJECT = {name: field["examples"][0] for name, field in _OBJECT.items()}
_TRACK = {
    "track_file_id": _id("As in `GET /recordings/{recording_id}/tracks/{track_file_id}/download`."),
    "participant_id": _id("Whose track it is."),
    "kind": _word("`audio` or `video`.", "audio"),
    "source": _word("`microphone`, `camera` or `screen`.", "microphone"),
    "object": shape(_OBJECT, description="Where its file is.", examples=[_EXAMPLE_OBJECT]),
}

_MEETING = {
    "owner_id": _id("User that it belongs to."),
    "series_id": _or_null(_id("Series that it is an occurrence of.")),
    "starts_at": _or_null(_time("When it is to begin; null: whenever somebody joins.")),
    "duration_min": _or_null(_number("Minutes that it is to last.", 30)),
}
_SERIES = {"series_id": _id("The series.")}
_STAY = {
    "participant_id": _id("The stay: one device of one person."),
    "user_id": _or_null(_id("The person, also a guest; null once erased.")),
    "is_guest": _flag("Whether the person has no account."),
}
_RECORDING = {"recording_id": _id("The recording.")}
_NOTES = {
    "notes_id": _id("The notes."),
    "call_id": _or_null(_id("The call, where they are not a meeting's.")),
    "version": _number("1 at first; raised when they are made again.", 1),
}
_UPLOAD = {"upload_id": _id("The upload."), "purpose": _word("What for: as in `POST /uploads`.", "call_audio")}
_CODE = _or_null(_word("Code of what went wrong, as in the table of errors or a stage's `error_code`.", "not_in_time"))
_CALL = {"call_id": _id("The call.")}
_USER = {"user_id": _id("The user.")}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("user.registered", "Somebody has an account now.", _USER, ITS_PERSON),
        Kind("user.erased", "An account is gone: delete what you keep of it.", _USER, ITS_PERSON),
        Kind(
            "meeting.created", "A meeting was made. Those of a series are told by `series.extended`.", _MEETING, ASKED
        ),
        Kind(
            "meeting.updated",
            "What its owner set has changed.",
            {**_MEETING, "moved": _flag("It has another time.")},
            ASKED,
        ),
        Kind(
            "meeting.started", "It is live, for the first time or again.", {"by_user_id": _id("Who started it.")}, ASKED
        ),
        Kind(
            "meeting.ended",
            "It is over.",
            {"reason": _word("Why: `ended` by a host, `empty`, `time_up`, `erased`.", "ended")},
            ASKED,
        ),
        Kind(
            "meeting.cancelled", "It will not take place.", {"with_series": _flag("With others of its series.")}, ASKED
        ),
        Kind("meeting.deleted", "Its owner has erased it and all that belongs to it.", {}, ASKED),
        Kind("series.begun", "A meeting that stood alone repeats from now on.", _SERIES, ASKED),
        Kind(
            "series.extended",
            "Occurrences were made, of a new series too; each is a meeting of its own.",
            {**_SERIES, "meeting_ids": _ids("Those that are new.")},
            ITS_PERSON,
        ),
        Kind(
            "series.updated",
            "A series has changed, by one of its occurrences.",
            {**_SERIES, "moved": _flag("Its occurrences to come have other times.")},
            ASKED,
        ),
        Kind(
            "series.split",
            "From one occurrence on it is another series.",
            {**_SERIES, "new_series_id": _id("That other series.")},
            ITS_PERSON,
        ),
        Kind("series.cancelled", "Nothing of it that was to come takes place.", _SERIES, ASKED),
        Kind(
            "invitation.changed",
            "Sent, answered, asked again or revoked.",
            {
                "invitation_id": _id("The invitation."),
                "invitee_id": _or_null(_id("Who is asked; null: an address without an account.")),
                "status": _word("`pending`, `accepted`, `rejected`, `proposed` or `revoked`.", "accepted"),
                "why": _word(
                    "Of one that is pending again: `moved` or `declined`; of an accepted one: `proposal`; else empty.",
                    "",
                ),
            },
            OWNER,
        ),
        Kind(
            "participant.joined",
            "Somebody came into the room; who waits at its door has not.",
            {**_STAY, "role": _word("`owner`, `co_host` or `participant`.", "participant")},
            MEMBERS,
        ),
        Kind(
            "participant.left",
            "A stay has ended.",
            {
                **_STAY,
                "reason": _word("Why: `left`, `timed_out`, `removed`, `banned`, `meeting_ended` and others.", "left"),
            },
            MEMBERS,
        ),
        Kind(
            "recording.started",
            "The room is recorded.",
            {**_RECORDING, "by_user_id": _id("Who asked for it.")},
            MEMBERS,
        ),
        Kind(
            "recording.stopped",
            "It runs no more; its files are being made.",
            {**_RECORDING, "reason": _or_null(_word("Why: `stopped`, `meeting_ended`, or what broke.", "stopped"))},
            MEMBERS,
        ),
        Kind(
            "recording.completed",
            "Its files are in the store. On the broker, `integrations` comes beside the payload: see below.",
            {
                **_RECORDING,
                "outcome": _or_null(_word("`complete`, or `recovered` where something lacks.", "complete")),
                "object": _or_null(
                    shape(
                        _OBJECT,
                        description="The file to watch; null where only tracks were asked for.",
                        examples=[_EXAMPLE_OBJECT],
                    )
                ),
                "tracks": {
                    "type": "array",
                    "items": shape(_TRACK),
                    "description": "The file of each participant's track.",
                    "examples": [[]],
                },
            },
            MEMBERS,
        ),
        Kind(
            "recording.failed",
            "There is no file to watch.",
            {**_RECORDING, "reason": _or_null(_word("Why it ended.", "worker_lost"))},
            MEMBERS,
        ),
        Kind("recording.deleted", "By its owner, or because its time was over.", _RECORDING, MEMBERS),
        Kind("notes.ready", "Transcript and notes can be read.", _NOTES, MEMBERS),
        Kind("notes.failed", "They could not be made.", {**_NOTES, "code": _CODE}, MEMBERS),
        Kind("transcript.corrected", "A person has changed a text or a speaker's name.", _NOTES, MEMBERS),
        Kind(
            "upload.completed",
            "A file has arrived and was verified.",
            {
                **_UPLOAD,
                "media_type": _word("What it is.", "audio/wav"),
                "bytes": _or_null(_number("Its size.", 48_211_004)),
            },
            ITS_PERSON,
        ),
        Kind("upload.failed", "What came is not what was declared.", {**_UPLOAD, "code": _CODE}, ITS_PERSON),
        Kind("call.received", "A recording of a call was sent in.", _CALL, ITS_PERSON),
        Kind("call.deleted", "It is gone, with everything that was made of it.", _CALL, ITS_PERSON),
    )
}

NAMES_SEEN_BY: dict[str, tuple[str, ...]] = {
    relation: tuple(kind.name for kind in KINDS.values() if relation in kind.seen_by) for relation in ASKED
}

_ENVELOPE: dict[str, Field] = {
    "id": _id("Of the event: who gets one twice knows it by this."),
    "position": _number("In the log of everything: it only grows.", 4711),
    "seq": _or_null(_number("1, 2, 3 … within the meeting, without gaps; null where there is no meeting.", 12)),
    "meeting_id": _or_null(_id("The meeting that it is about.")),
}


def envelope(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a whole event of this kind."""
    fields = {
        **_ENVELOPE,
        "name": {"const": kind.name},
        "version": {"const": kind.version},
        "occurred_at": _time("When."),
        "payload": shape(kind.fields),
    }
    return shape(fields, title=f"{kind.name} v{kind.version}", description=kind.about)


def example(kind: Kind) -> dict[str, Any]:
    fields: dict[str, Any] = {name: field["examples"][0] for name, field in _ENVELOPE.items()}
    payload = {name: field["examples"][0] for name, field in kind.fields.items()}
    return {**fields, "name": kind.name, "version": kind.version, "occurred_at": EXAMPLE_TIME, "payload": payload}
