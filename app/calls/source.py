"""A call as a source of notes: who is heard is told by the channel, where there are two that differ."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.calls.models import Call
from app.core import errors
from app.core.objects.base import CHUNK_BYTES, ObjectNotFound, ObjectStore, StoreUnusable
from app.core.runtime import Runtime, Work
from app.inbox.service import Message, deliver_to_person
from app.notes.sounds.shapes import SoundUnreadable
from app.notes.sources import Heard, NothingHere, Part, Prepared, Subject, Unreadable
from app.notes.transcribers.base import Speaker

CHANNELS = ("left", "right")
UNNAMED = ("Channel 1", "Channel 2")
SOMEBODY = Speaker("somebody", "Speaker", CHANNELS[0])  # of a call in mono: nobody tells who speaks


class CallSource:
    """A `Source`. Whoever sends a call answers for it that all who are heard have agreed."""

    def hold(self, work: Work, subject_id: str) -> None:
        hold(work, subject_id)

    def subject(self, work: Work, subject_id: str) -> Subject:
        call = get(work, subject_id)
        held_on = (call.held_at or call.created_at).date()
        is_assumed = call.held_at is None
        return Subject(call.id, call.title, call.user_id, held_on, is_day_assumed=is_assumed, begun_at=call.held_at)

    def folder_of(self, subject_id: str) -> str:
        return f"transcripts/{subject_id}/"

    def heard(self, work: Work, subject_id: str) -> Sequence[Heard]:
        return [Heard(speaker, may_be_analysed=True) for speaker in _speakers(get(work, subject_id))]

    def is_mocked(self, work: Work, subject_id: str) -> bool:
        return False

    def parts(self, work: Work, subject_id: str) -> Sequence[Part]:
        """How many channels there really are is seen when they are decoded."""
        call = get(work, subject_id)
        return [
            Part(id=channel, made_of=[call.sha256], speaker=speaker, source="channel", more={"call_id": call.id})
            for channel, speaker in zip(CHANNELS, _speakers(call), strict=True)
        ]

    def prepare(self, runtime: Runtime, part: Part, folder: Path) -> Prepared:
        from app.notes.sounds.apart import prepare_call  # here: only the jobs process needs it

        with runtime.reading() as work:
            call = work.get(Call, part.more["call_id"])
        if call is None:
            raise Unreadable("it was deleted")
        made = folder / "channels"
        made.mkdir()
        try:
            paths = prepare_call(_fetch(runtime, call, folder), made, lambda _: None).paths
        except SoundUnreadable as error:
            raise Unreadable(str(error)) from error
        if len(paths) == len(CHANNELS):
            return Prepared(paths[CHANNELS.index(part.id)], part.speaker, "channel")
        if part.id != CHANNELS[0]:
            raise NothingHere("Both channels are the same, or there is only one.")
        return Prepared(paths[0], SOMEBODY, "unknown")

    def tell(self, work: Work, subject_id: str, type: str, payload: dict[str, Any], *, all_of_them: bool) -> None:
        """Who sent it, and nobody else."""
        subject = None if all_of_them else f"{type}:{payload['notes_id']}"
        message = Message(type, {"call_id": subject_id, **payload}, subject=subject)
        deliver_to_person(work, get(work, subject_id).user_id, message)


def get(work: Work, call_id: str) -> Call:
    call = work.get(Call, call_id)
    if call is None:
        raise errors.NotFound()
    return call


def hold(work: Work, call_id: str) -> Call:
    """It as it is now, its row locked until the commit."""
    call = work.get(Call, call_id, populate_existing=True, with_for_update={"key_share": True})
    if call is None:
        raise errors.NotFound()
    return call


def _speakers(call: Call) -> list[Speaker]:
    names = [*call.channel_names, *UNNAMED[len(call.channel_names) :]]
    return [Speaker(channel, name, channel) for channel, name in zip(CHANNELS, names, strict=True)]


def _fetch(runtime: Runtime, call: Call, folder: Path) -> Path:
    store: ObjectStore = runtime.drivers[ObjectStore]
    path, digest = folder / "call", hashlib.sha256()
    try:
        with store.open(call.file_path) as stream, path.open("wb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
    except ObjectNotFound as error:
        raise Unreadable("it is not in the store any more") from error
    if digest.hexdigest() != call.sha256:
        raise StoreUnusable(f"{call.file_path} is not the file that was verified")
    return path
