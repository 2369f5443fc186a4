"""Who speaks, who is there and who is seen where, for a whole recording, decided before a picture is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.recordings.composing import layout
from app.recordings.composing.layout import Rect
from app.recordings.composing.mixing import LEVELS_PER_S, SILENT_DB
from app.recordings.composing.plan import Plan
from app.recordings.composing.probe import Probed, Span, joined

# dB under full scale. Speech is at −15 to −30, a quiet room at −60. Some microphones hiss as loud as others speak: what
# is softer than CLEARLY_DB is speech only if it stands out from how that microphone mostly sounds.
SPEAKING_DB, CLEARLY_DB, STANDS_OUT_DB = 45, 30, 9
# Whoever is shown large must be outspoken for as long: a cough or a "yes" changes nothing.
TAKES_OVER_AFTER_S = 1.0
# A voice pauses between words.
PAUSE_S = 0.6


@dataclass(frozen=True)
class Turn:
    """From when on somebody has the word; until the next turn."""

    start_s: float
    participant_id: str


@dataclass(frozen=True)
class Share:
    participant_id: str
    span: Span


@dataclass
class Person:
    participant_id: str
    label: str
    stays: Sequence[Span] = ()
    cameras: list[Probed] = field(default_factory=list)
    screens: list[Probed] = field(default_factory=list)

    def is_there(self, time_s: float) -> bool:
        return any(start <= time_s < until for start, until in self.stays)


@dataclass(frozen=True)
class Tile:
    participant_id: str
    is_screen: bool
    rect: Rect
    speaks: bool = False


@dataclass(frozen=True)
class Scene:
    """Which tiles are seen from a frame on, until the next scene."""

    first_frame: int
    tiles: Sequence[Tile]


def people(plan: Plan, files: Sequence[Probed]) -> dict[str, Person]:
    """In the order in which they came."""
    stays: dict[str, list[Span]] = {}
    labels: dict[str, str] = {}
    for participant_id, label, start, until in plan.present:
        labels[participant_id] = label
        stays.setdefault(participant_id, []).append((start, until))
    told = set(stays)
    for probed in files:
        file = probed.file
        labels.setdefault(file.participant_id, file.label)
        if file.participant_id not in told and probed.spans:
            whole = (probed.spans[0][0], probed.spans[-1][1])
            stays.setdefault(file.participant_id, []).append(whole)
    found = {
        participant_id: Person(participant_id, labels[participant_id], joined(spans))
        for participant_id, spans in sorted(stays.items(), key=lambda item: min(item[1]))
    }
    for probed in files:
        if probed.file.kind == "video" and probed.file.participant_id in found:
            person = found[probed.file.participant_id]
            (person.screens if probed.file.source == "screen" else person.cameras).append(probed)
    return found


def turns(levels: dict[str, bytearray]) -> list[Turn]:
    """Who has the word when, by the levels of each participant (dB under full scale, as `mixing` has them).

    As all is known already, a turn begins with its first word and not when it has proved to be one.
    """
    names = [name for name, found in levels.items() if found]
    if not names:
        return []
    length = max(len(levels[name]) for name in names)
    table = np.full((len(names), length), SILENT_DB, np.uint8)
    for row, name in enumerate(names):
        table[row, : len(levels[name])] = _spoken(np.frombuffer(levels[name], np.uint8))
    table = _bridged(table, round(PAUSE_S * LEVELS_PER_S))
    loudest = table.argmin(axis=0)
    speaking = table.min(axis=0) < SILENT_DB
    found: list[Turn] = []
    current, candidate, since, spoken = -1, -1, 0, 0
    for tenth in range(length):
        if not speaking[tenth]:
            candidate = -1
            continue
        row = int(loudest[tenth])
        if row == current:
            candidate = -1
            continue
        if row != candidate:
            candidate, since, spoken = row, tenth, 0
        spoken += 1
        if spoken >= (TAKES_OVER_AFTER_S * LEVELS_PER_S if found else 3):
            current, candidate = row, -1
            found.append(Turn(since / LEVELS_PER_S, names[row]))
    return found


def shares(found: dict[str, Person], duration_s: float) -> list[Share]:
    """In the order in which they began."""
    spans = [
        Share(person.participant_id, (max(0.0, start), min(until, duration_s)))
        for person in found.values()
        for start, until in joined([span for screen in person.screens for span in screen.spans])
        if until > 0 and start < duration_s
    ]
    return sorted(spans, key=lambda share: share.span)


def scenes(plan: Plan, found: dict[str, Person], spoken: Sequence[Turn]) -> list[Scene]:
    """From frame 0 on."""
    shared = shares(found, plan.duration_s)
    edges = {0.0}
    for person in found.values():
        edges.update(edge for stay in person.stays for edge in stay)
        edges.update(edge for camera in person.cameras for span in camera.spans for edge in span)
    edges.update(edge for share in shared for edge in share.span)
    edges.update(turn.start_s for turn in spoken)
    frames = sorted({round(edge * plan.frames_per_s) for edge in edges if 0 <= edge < plan.duration_s})
    made: list[Scene] = []
    speaker, upcoming = "", 0
    for number in frames:
        time_s = (number + 0.5) / plan.frames_per_s
        while upcoming < len(spoken) and spoken[upcoming].start_s <= time_s:
            speaker = spoken[upcoming].participant_id
            upcoming += 1
        there = [person for person in found.values() if person.is_there(time_s)]
        screen = next((s for s in reversed(shared) if s.span[0] <= time_s < s.span[1]), None)
        tiles = _arranged(plan, there, screen, speaker, time_s)
        if not made or made[-1].tiles != tiles:
            made.append(Scene(number, tiles))
    return made


def _arranged(plan: Plan, there: Sequence[Person], screen: Share | None, speaker: str, time_s: float) -> Sequence[Tile]:
    if screen:
        shown = _chosen(there, layout.STRIP_MOST, speaker, time_s)
        large, strip = layout.stage(len(shown), plan.width, plan.height)
        return [Tile(screen.participant_id, True, large), *_tiles(shown, strip, speaker)]
    if plan.layout == "speaker" and len(there) > 1:
        front = next((person for person in there if person.participant_id == speaker), there[0])
        rest = [person for person in there if person is not front]
        shown = _chosen(rest, layout.STRIP_MOST, "", time_s)
        large, strip = layout.stage(len(shown), plan.width, plan.height)
        return [Tile(front.participant_id, False, large), *_tiles(shown, strip, "")]
    shown = _chosen(there, layout.GRID_MOST, speaker, time_s)
    rects = layout.grid(len(shown), plan.width, plan.height) if shown else []
    return _tiles(shown, rects, speaker if len(shown) > 1 else "")


def _tiles(shown: Sequence[Person], rects: Sequence[Rect], speaker: str) -> list[Tile]:
    return [
        Tile(person.participant_id, False, rect, speaks=person.participant_id == speaker)
        for person, rect in zip(shown, rects, strict=True)
    ]


def _chosen(there: Sequence[Person], most: int, speaker: str, time_s: float) -> list[Person]:
    """All, in the order in which they came; if there are too many, who speaks or has a picture goes first."""
    if len(there) <= most:
        return list(there)

    def rank(person: Person) -> tuple[bool, bool]:
        pictured = any(camera.runs_at(time_s) for camera in person.cameras)
        return person.participant_id != speaker, not pictured

    first = sorted(there, key=rank)[:most]
    return [person for person in there if person in first]


def _spoken(levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same, with silence where nobody speaks."""
    heard = levels[levels < SILENT_DB]
    mostly_db = float(np.percentile(heard, 80)) if len(heard) else SILENT_DB
    softest = max(CLEARLY_DB, min(SPEAKING_DB, mostly_db - STANDS_OUT_DB))
    return np.where(levels <= softest, levels, SILENT_DB).astype(np.uint8)


def _bridged(table: npt.NDArray[np.uint8], tenths: int) -> npt.NDArray[np.uint8]:
    """Each level as that of the loudest moment shortly before: pauses between words are no silence."""
    bridged = table.copy()
    for shift in range(1, tenths):
        bridged[:, shift:] = np.minimum(bridged[:, shift:], table[:, :-shift] + np.uint8(shift))
    return bridged
