"""Which transcriber and which analyst a version of notes is made by.

Where nothing was really recorded the canned rungs are the honest ones, whatever is set up: they say that they are.
"""

from dataclasses import dataclass
from typing import Any

from app.core.runtime import Work
from app.core.settings import Settings
from app.notes.analysts.base import Analyst
from app.notes.models import Notes
from app.notes.transcribers.base import Transcriber


@dataclass(frozen=True)
class Canned:
    """The mock rungs, whichever are set up."""

    transcriber: Transcriber
    analyst: Analyst

    def close(self) -> None:
        self.transcriber.close()
        self.analyst.close()


def chosen_for(work: Work, *, is_mocked: bool) -> Transcriber:
    """By which a new version is transcribed."""
    configured = work.driver(Transcriber)
    if configured.is_mock or not is_mocked:
        return configured
    return work.driver(Canned).transcriber


def transcriber_of(work: Work, notes: Notes) -> Transcriber:
    return chosen_for(work, is_mocked=notes.provider == "mock")


def analyst_of(work: Work, notes: Notes) -> Analyst:
    """Of canned talk that nobody asked for nothing is spent on an analysis."""
    if transcriber_of(work, notes) is work.driver(Transcriber):
        return work.driver(Analyst)
    return work.driver(Canned).analyst


def configuration(settings: Settings, family: str) -> dict[str, Any]:
    """The settings of a family: with others, it is another result. What it costs is none of it."""
    told = settings.model_dump(mode="json").items()
    return {name: value for name, value in told if name.startswith(family) and "_usd_" not in name}
