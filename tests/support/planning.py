"""A meeting in which two people say who does what until when: the script, and what notes of it have to find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from tests.support import spoken

# Priyanka stands in no dictionary: her name is taught to who listens.
SCRIPT: spoken.Script = (
    ("Priyanka", "Good morning Rob. How is the support team doing?"),
    ("Rob", "Good morning Priyanka. The new phone system is slow, and we lost two calls last week."),
    ("Priyanka", "That is a big problem. What do you suggest?"),
    ("Rob", "I will call the phone company by Wednesday."),
    ("Priyanka", "Very good. We have decided to start the new project in January."),
    ("Rob", "Do we have enough people for the project?"),
    ("Priyanka", "We need to hire two more developers."),
    ("Rob", "Can you write the job description by Friday?"),
    ("Priyanka", "Yes, of course. And I will send the new price list to the customers next Monday."),
    ("Rob", "Great. I will finish the report for the management tomorrow."),
    ("Priyanka", "Thank you. That is all for today. Goodbye."),
)
MONDAY, WEDNESDAY, FRIDAY = 0, 2, 4


@dataclass(frozen=True)
class Task:
    """`about`: a word that only the sentence with this task has."""

    owner: str
    about: str
    due: date


def tasks(held_on: date) -> list[Task]:
    """What comes of the meeting if it is held on that day."""
    return [
        Task("Rob", "company", _coming(held_on, WEDNESDAY)),
        Task("Priyanka", "description", _coming(held_on, FRIDAY)),
        Task("Priyanka", "customers", held_on + timedelta(days=7 - held_on.weekday())),
        Task("Rob", "report", held_on + timedelta(days=1)),
    ]


def found(task: Task, action_items: Sequence[Mapping[str, Any]]) -> bool:
    """With the right owner and the right day."""
    about = [item for item in action_items if task.about in item["text"].lower().split()]
    return [(item["owner"], item["due"]) for item in about] == [(task.owner, task.due.isoformat())]


@dataclass(frozen=True)
class Understood:
    """How a transcript lies beside what was said.

    :param wrong: the share of words that were put in, left out or put in place of others, of each speaker's own.
    :param strangers: segments whose speaker is not who spoke then.
    :param late_s: of each line, how much later than it was said its first segment starts.
    """

    wrong: float
    strangers: Sequence[Mapping[str, Any]]
    late_s: Sequence[float]

    @property
    def late_by_s(self) -> float:
        return median(self.late_s)

    @property
    def apart_s(self) -> float:
        """The most by which a line is off the others: what no shift of the whole would mend."""
        return max(abs(late - self.late_by_s) for late in self.late_s)


def understood(lines: Sequence[spoken.Line], segments: Sequence[Mapping[str, Any]], zero_s: float = 0.0) -> Understood:
    """:param zero_s: when the first line's clock began, in the transcript's."""
    errors = words = 0
    for name in {line.speaker for line in lines}:
        expected = [word for line in lines if line.speaker == name for word in spoken.words_of(line.text)]
        heard = [word for one in segments if one["speaker"]["label"] == name for word in spoken.words_of(one["text"])]
        errors, words = errors + spoken.word_errors(expected, heard), words + len(expected)
    firsts: dict[float, float] = {}
    strangers = []
    for one in segments:
        middle_s = (one["start_s"] + one["end_s"]) / 2 - zero_s
        nearest = min(lines, key=lambda line: max(line.start_s - middle_s, middle_s - line.end_s))
        if one["speaker"]["label"] == nearest.speaker:
            firsts.setdefault(nearest.start_s, one["start_s"] - zero_s - nearest.start_s)
        else:
            strangers.append(one)
    return Understood(errors / words, strangers, list(firsts.values()))


def _coming(day: date, weekday: int) -> date:
    """The next such day after it."""
    return day + timedelta(days=(weekday - day.weekday() - 1) % 7 + 1)
