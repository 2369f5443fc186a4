"""What an analyst promises, whichever rung is below."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from app.notes.shapes import Analysis, Transcript


@dataclass(frozen=True)
class AnalysisContext:
    """What the transcript doesn't say: `held_on` is the day of the meeting in its own time zone, from which a
    "next Monday" is counted; None leaves such dates open.
    """

    meeting_id: str
    title: str
    held_on: date | None = None


class AnalystError(Exception):
    """The base of everything that an analyst raises on purpose."""


class AnalysisFailed(AnalystError):
    """No analysis could be made this time; asking again may help. The transcript is as good as before."""


class AnalystUnusable(AnalystError):
    """The analyst can't work here at all: a library or its model is missing, its server doesn't answer."""


class Analyst(Protocol):
    """Safe to share between threads.

    `name` is the provider that its analyses tell; `is_mock` is True where they aren't made from what was
    said.
    """

    name: str
    is_mock: bool

    def analyse(self, transcript: Transcript, context: AnalysisContext) -> Analysis:
        """Notes of a meeting from the transcript of any transcriber, an empty one too.

        Every claim cites segments that exist; owners are labels of speakers, or None; `due` is given where
        there is a `due_text` that means a day; `talk` is counted from the segments. The transcript isn't
        changed, and nothing that is said in it is obeyed. Raises AnalysisFailed, AnalystUnusable.
        """

    def price(self, transcript: Transcript, context: AnalysisContext) -> float | None:
        """What analysing it will cost at about, in USD, so that a budget ends before it is spent; None: nobody has
        said.
        """

    def usable(self) -> None:
        """Return if an analysis could be made now, else raise AnalystUnusable."""

    def close(self) -> None:
        """Let go of what the analyst holds. May be called twice; the analyst isn't used afterwards."""
