"""What the picture shows at each moment: tiles with what is in them."""

from __future__ import annotations

from collections.abc import Sequence

import av
from PIL import Image

from app.recordings.composing.canvas import EDGE, Canvas
from app.recordings.composing.labels import name_plate, name_tile
from app.recordings.composing.pictures import Pictures
from app.recordings.composing.plan import Plan
from app.recordings.composing.probe import Probed, Span
from app.recordings.composing.timeline import Person, Scene, Tile

Whose = tuple[str, bool]  # participant, and whether it is their screen

# How often a picture is looked at whether it tells more than the best one so far.
POSTER_LOOKS = 60


class Scenery:
    """Is asked for ever later frames."""

    def __init__(self, plan: Plan, people: dict[str, Person], scenes: Sequence[Scene]) -> None:
        self._plan, self._people, self._scenes = plan, people, scenes
        self._nameless = {who: f"Participant {number + 1}" for number, who in enumerate(people)}
        self._canvas = Canvas(plan.width, plan.height)
        self._frames = round(plan.duration_s * plan.frames_per_s)
        self._sources = self._opened()
        self._scene = -1
        self._shown: dict[Whose, object] = {}
        self._best: tuple[float, av.VideoFrame] | None = None

    def frame(self, number: int) -> av.VideoFrame:
        while self._scene + 1 < len(self._scenes) and self._scenes[self._scene + 1].first_frame <= number:
            self._scene += 1
            self._shown.clear()
        if not self._shown:
            self._canvas.clear()
        # A frame stands for what happens until the next one: its middle is the fairest moment.
        time_s = (number + 0.5) / self._plan.frames_per_s
        scene = self._scenes[self._scene]
        for tile in scene.tiles:
            self._fill(tile, time_s)
        if number % max(1, self._frames // POSTER_LOOKS) == 0:
            self._look(number, scene)
        return self._canvas.frame()

    def poster(self) -> Image.Image:
        best = self._best[1] if self._best else self._canvas.frame()
        image: Image.Image = best.to_image()  # type: ignore[no-untyped-call]
        return image

    def sources(self) -> list[Pictures]:
        return [source for of_one in self._sources.values() for source in of_one]

    def close(self) -> None:
        for source in self.sources():
            source.close()
        name_tile.cache_clear()
        name_plate.cache_clear()

    def _fill(self, tile: Tile, time_s: float) -> None:
        whose = (tile.participant_id, tile.is_screen)
        picture = next(
            (found for source in reversed(self._sources[whose]) if (found := source.at(time_s)) is not None), None
        )
        what: object = picture or "name"
        before = self._shown.get(whose)
        if what is before:
            return
        self._shown[whose] = what
        rect, person = tile.rect, self._people[tile.participant_id]
        otherwise = self._nameless[tile.participant_id]
        if picture is None:
            self._canvas.lay_tile(name_tile(person.label, rect.width, rect.height, otherwise), rect)
        else:
            if not _alike(before, picture):
                self._canvas.empty_tile(rect)
            self._canvas.lay_frame(picture, rect)
            plate = name_plate(person.label, rect.width, rect.height, otherwise)
            self._canvas.lay(plate, rect.x + EDGE, rect.y + rect.height - EDGE - plate[0].shape[0])
        if tile.speaks:
            self._canvas.frame_tile(rect)

    def _look(self, number: int, scene: Scene) -> None:
        """Keep the picture if it tells the most so far: cameras and screens, with something in them."""
        shown = sum(isinstance(what, av.VideoFrame) for what in self._shown.values())
        screen = any(tile.is_screen for tile in scene.tiles)
        score = float(self._canvas.luma()[::8, ::8].std()) * (1 + shown + 2 * screen)
        if number < self._frames / 10:
            score /= 2  # people still come in
        if self._best is None or score > self._best[0]:
            self._best = (score, self._canvas.frame())

    def _opened(self) -> dict[Whose, list[Pictures]]:
        seen = self._seen()
        return {
            (person.participant_id, is_screen): [
                Pictures(probed, seen.get((person.participant_id, is_screen), []))
                for probed in sorted(files, key=_turn)
            ]
            for person in self._people.values()
            for is_screen, files in ((False, person.cameras), (True, person.screens))
        }

    def _seen(self) -> dict[Whose, list[Span]]:
        """When each is to be seen."""
        seen: dict[Whose, list[Span]] = {}
        ends = [scene.first_frame for scene in self._scenes[1:]] + [self._frames + 1]
        rate = self._plan.frames_per_s
        for scene, end in zip(self._scenes, ends, strict=True):
            for tile in scene.tiles:
                spans = seen.setdefault((tile.participant_id, tile.is_screen), [])
                start_s, until_s = scene.first_frame / rate, (end + 1) / rate
                if spans and start_s <= spans[-1][1]:
                    spans[-1] = (spans[-1][0], until_s)
                else:
                    spans.append((start_s, until_s))
        return seen


def _turn(probed: Probed) -> tuple[bool, Span]:
    """The later one is shown first; before all, what is left of files that others replace (see `preferring`)."""
    return not probed.file.is_local, probed.spans[0] if probed.spans else (0.0, 0.0)


def _alike(before: object, picture: av.VideoFrame) -> bool:
    """Whether the picture covers all that the one before did."""
    return isinstance(before, av.VideoFrame) and (before.width, before.height) == (picture.width, picture.height)
