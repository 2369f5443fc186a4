from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.core.objects.base import ObjectStore
from app.core.runtime import Runtime, Work
from app.notes.models import Notes, Stage
from app.notes.sources import Heard, Part, Source, Subject
from app.notes.transcribers.base import Speaker


class Skipped(Exception):
    """There is nothing to do in this stage; its text says why, for people."""


class Final(Exception):
    """It can't be done, and trying again won't help; the text is for people."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Run:
    """One try at a stage: what it is of, as it was when the run began. `spool` is a folder of its own on this disk."""

    runtime: Runtime
    source: Source
    subject: Subject
    heard: Sequence[Heard]
    notes: Notes
    stage: Stage
    spool: Path

    @property
    def store(self) -> ObjectStore:
        store: ObjectStore = self.runtime.drivers[ObjectStore]
        return store

    @property
    def folder(self) -> str:
        """The object store's prefix of everything that belongs to these notes."""
        return f"{self.source.folder_of(self.subject.id)}{self.notes.id}/"

    @property
    def speakers(self) -> list[Speaker]:
        return [one.speaker for one in self.heard]


class Stages(Protocol):
    """A module of a stage."""

    def make(self, run: Run) -> Any: ...

    def keep(self, work: Work, notes: Notes, stage: Stage, made: Any) -> None: ...


def part_in(stage: Stage) -> Part:
    """The part that a stage of one is about."""
    given = dict(stage.input or {})
    return Part(**(given | {"speaker": Speaker(**given["speaker"])}))
