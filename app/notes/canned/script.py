"""What a canned meeting consists of.

The mock transcriber speaks a script's lines, the n-th as segment `s<n>`; the mock analyst finds the script by
the transcript's model and gives the notes that stand beside each line, with that segment as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "key_points", "action_items", "decisions", "questions", "objections", "pain_points", "topics", "entities"
]


@dataclass(frozen=True)
class Note:
    """What an analyst would make of a line. An action item's owner is whoever says the line, by `due_text` if
    any; `type` is an entity's.
    """

    kind: Kind
    text: str
    due_text: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class Line:
    """What the person in `role` says. `{title}` is the meeting's, `{0}` to `{3}` what the roles are
    called.
    """

    role: int
    text: str
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Script:
    """`score` is the sentiment, from -1 to 1; `{title}` and `{people}` may stand in the summary."""

    name: str
    score: float
    summary: str
    lines: tuple[Line, ...]

    @property
    def model(self) -> str:
        """What a transcript of this script tells as its model."""
        return f"canned-{self.name}"


ROLES = 4


def line(role: int, text: str, *notes: Note) -> Line:
    return Line(role, text, notes)
