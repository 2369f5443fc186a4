"""What notes are made of: a meeting's recordings, or a call that was recorded elsewhere. The pipeline is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from app.core.runtime import Runtime, Work
from app.notes.transcribers.base import Speaker


class StillArriving(Exception):
    """Files of it are on their way: ask again in a while."""


class Unreadable(Exception):
    """There is no sound in a file that could be listened to; asking again won't help."""


class NothingHere(Exception):
    """There is no such part after all; its text says why, for people."""


@dataclass(frozen=True)
class Subject:
    """:param account_id: who pays. :param held_on: the day, where it was held. :param is_day_assumed: nobody has said
    which it was, so it is the one on which it was sent. :param begun_at: None: nobody knows.
    """

    id: str
    title: str
    account_id: str
    held_on: date | None = None
    is_day_assumed: bool = False
    lasted_s: float | None = None
    begun_at: datetime | None = None


@dataclass(frozen=True)
class Heard:
    """Somebody whose words are transcribed."""

    speaker: Speaker
    may_be_analysed: bool


@dataclass(frozen=True)
class Part:
    """One sound that is listened to by itself.

    :param id: of the track's file, or of the channel.
    :param made_of: checksums of all that the sound is made of.
    :param offset_s: where the zero of its recording lies in the transcript.
    :param lasts_s: how long its recording is.
    :param source: how `speaker` is known.
    :param more: what `Source.prepare` needs to know besides.
    """

    id: str
    made_of: Sequence[str]
    speaker: Speaker
    source: str
    offset_s: float = 0.0
    lasts_s: float | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """:param path: a WAV as `transcribers.base.Sound` wants it. :param speaker: who is heard on it, as was found."""

    path: Path
    speaker: Speaker
    source: str


class Source(Protocol):
    """A kind of subject. Methods that get a `Work` read within it."""

    def hold(self, work: Work, subject_id: str) -> None:
        """Lock what has to be locked before its notes are. :raises NotFound:"""

    def subject(self, work: Work, subject_id: str) -> Subject: ...

    def folder_of(self, subject_id: str) -> str:
        """The object store's prefix of everything that is kept of its notes. It need not exist any more."""

    def heard(self, work: Work, subject_id: str) -> Sequence[Heard]:
        """Whoever may be transcribed, once each. :raises NothingToTranscribe: nobody wants to be."""

    def is_mocked(self, work: Work, subject_id: str) -> bool:
        """Whether nothing of it was really recorded, so that canned notes are the honest ones."""

    def parts(self, work: Work, subject_id: str) -> Sequence[Part]:
        """What is listened to, of those who may be transcribed.

        :raises NothingToTranscribe: :raises StillArriving:
        """

    def prepare(self, runtime: Runtime, part: Part, folder: Path) -> Prepared:
        """The part as a WAV in `folder`.

        :raises Unreadable: nothing can be heard on it. :raises NothingHere: it turns out that there is no such part.
        :raises ObjectStoreError:
        """

    def tell(self, work: Work, subject_id: str, type: str, payload: dict[str, Any], *, all_of_them: bool) -> None:
        """Tell whom it concerns: everybody who may read its notes, or the one who owns it."""


@dataclass(frozen=True)
class Sources:
    """The sources by their kinds."""

    meetings: Source
    calls: Source

    def close(self) -> None:
        """Nothing is held."""
