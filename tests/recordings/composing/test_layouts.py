"""Who is seen where, and how large, over time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.recordings.composing.chapters import chapters
from app.recordings.composing.compose import compose
from app.recordings.composing.labels import name_plate
from app.recordings.composing.layout import Rect, fitted, grid, stage
from app.recordings.composing.plan import Composition, Plan, TrackFile
from app.recordings.composing.timeline import Person, Share, Turn, scenes, turns
from tests.support.tracks import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Watched,
    audio_file,
    flat,
    looks_like,
    times,
    tone,
    video_file,
)

SILENT, LOUD, SOFT = 120, 20, 30


def camera(tmp_path: Path, who: str, colour: Any, start_s: float, until_s: float, source: str = "camera") -> TrackFile:
    path = video_file(tmp_path / f"{who}-{source}.webm", [(t, flat(colour)) for t in times(start_s, until_s)])
    return TrackFile(path, "video", source, who, who.title(), 0.0)


def speech(tmp_path: Path, who: str, start_s: float, until_s: float) -> TrackFile:
    path = audio_file(tmp_path / f"{who}-audio.webm", [(start_s, tone(440, until_s - start_s))])
    return TrackFile(path, "audio", "microphone", who, who.title(), 0.0)


def made_of(tmp_path: Path, *tracks: TrackFile, duration_s: float, layout: str = "grid", **more: Any) -> Composition:
    plan = Plan(tracks, duration_s, layout, audio_only=False, width=320, height=180, **more)
    return compose(plan, tmp_path / "made", lambda _: None)


def seen(file: Watched, time_s: float, x: int, y: int) -> str:
    picture = file.picture(time_s)[y - 4 : y + 4, x - 4 : x + 4]
    colours = {"red": RED, "green": GREEN, "blue": BLUE, "yellow": YELLOW, "tile": (36, 38, 46), "none": (16, 16, 20)}
    return next((name for name, colour in colours.items() if looks_like(picture, colour, 30)), "something else")


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (720, 1280), (320, 180)])
@pytest.mark.parametrize("count", range(1, 26))
def test_tiles_of_a_grid_lie_within_the_picture_and_beside_each_other(count: int, size: tuple[int, int]) -> None:
    rects = grid(count, *size)
    assert len(rects) == count
    covered = np.zeros((size[1], size[0]), int)
    for rect in rects:
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.x + rect.width <= size[0]
        assert rect.y + rect.height <= size[1]
        assert all(number % 2 == 0 for number in (rect.x, rect.y, rect.width, rect.height))
        assert rect.width / rect.height == pytest.approx(16 / 9, rel=0.06)
        covered[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] += 1
    assert covered.max() == 1


def test_four_tiles_fill_the_picture() -> None:
    assert sum(rect.width * rect.height for rect in grid(4, 1280, 720)) == 1280 * 720


@pytest.mark.parametrize("others", range(1, 6))
def test_a_stage_has_one_large_tile_and_a_strip_beside_it(others: int) -> None:
    large, strip = stage(others, 1280, 720)
    assert large.width * large.height > 0.7 * 1280 * 720
    assert all(rect.x >= large.x + large.width and rect.y + rect.height <= 720 for rect in strip)
    assert all(above.y + above.height <= below.y for above, below in pairwise(strip))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (1920, 1080), (2560, 1080), (1, 1), (3, 5000)])
def test_a_picture_of_any_shape_fits_into_its_tile(width: int, height: int) -> None:
    tile = Rect(100, 50, 640, 360)
    place = fitted(width, height, tile)
    assert place.x >= tile.x
    assert place.y >= tile.y
    assert place.x + place.width <= tile.x + tile.width
    assert place.y + place.height <= tile.y + tile.height
    if 0.1 < width / height < 10:
        assert place.width / place.height == pytest.approx(width / height, rel=0.02)
        assert place.width == tile.width or place.height == tile.height


def test_tiles_come_and_go_with_people(tmp_path: Path) -> None:
    """Anna all along; Bob from 1 to 3; Cora, without a camera, from 2 on."""
    made = made_of(
        tmp_path,
        camera(tmp_path, "anna", RED, 0, 4),
        camera(tmp_path, "bob", GREEN, 1, 3),
        duration_s=4.0,
        present=[("anna", "Anna", 0, 4), ("bob", "Bob", 1, 3), ("cora", "Cora", 2, 4)],
    )
    file = Watched(made.path)
    assert [seen(file, 0.5, 40, 90), seen(file, 0.5, 280, 90)] == ["red", "red"]
    assert [seen(file, 1.5, 80, 70), seen(file, 1.5, 240, 70)] == ["red", "green"]
    three = [seen(file, 2.5, *at) for at in ((80, 20), (240, 20), (100, 110))]
    assert three == ["red", "green", "tile"]
    assert [seen(file, 3.5, 80, 70), seen(file, 3.5, 180, 70)] == ["red", "tile"]


def test_who_comes_back_stands_in_the_same_tile(tmp_path: Path) -> None:
    again = video_file(tmp_path / "again.webm", [(t, flat(YELLOW)) for t in times(0, 2)])
    made = made_of(
        tmp_path,
        camera(tmp_path, "anna", RED, 0, 2),
        camera(tmp_path, "bob", GREEN, 0, 4),
        TrackFile(again, "video", "camera", "anna", "Anna", 2.0),
        duration_s=4.0,
        present=[("anna", "Anna", 0, 4), ("bob", "Bob", 0, 4)],
    )
    file = Watched(made.path)
    assert [seen(file, at, 80, 70) for at in (1.0, 3.0)] == ["red", "yellow"]
    assert [seen(file, at, 240, 70) for at in (1.0, 3.0)] == ["green", "green"]


def test_who_speaks_is_large_from_the_first_word_on(tmp_path: Path) -> None:
    made = made_of(
        tmp_path,
        camera(tmp_path, "anna", RED, 0, 6),
        camera(tmp_path, "bob", GREEN, 0, 6),
        speech(tmp_path, "anna", 0, 3),
        speech(tmp_path, "bob", 3, 6),
        duration_s=6.0,
        layout="speaker",
    )
    file = Watched(made.path)
    assert [seen(file, 2.8, 128, 70), seen(file, 2.8, 290, 80)] == ["red", "green"]
    assert [seen(file, 3.3, 128, 70), seen(file, 3.3, 290, 80)] == ["green", "red"]


def test_who_has_the_word_in_a_grid_has_a_line_around(tmp_path: Path) -> None:
    made = made_of(
        tmp_path,
        camera(tmp_path, "anna", RED, 0, 4),
        camera(tmp_path, "bob", BLUE, 0, 4),
        speech(tmp_path, "anna", 0, 2),
        speech(tmp_path, "bob", 2, 4),
        duration_s=4.0,
    )
    file = Watched(made.path)
    lines = [[looks_like(file.picture(at)[60:120, x : x + 3], (76, 175, 125)) for x in (3, 163)] for at in (1.5, 2.5)]
    assert lines == [[True, False], [False, True]]


@pytest.mark.parametrize("layout", ["grid", "speaker"])
def test_a_shared_screen_is_large_as_long_as_it_runs(tmp_path: Path, layout: str) -> None:
    made = made_of(
        tmp_path,
        camera(tmp_path, "anna", RED, 0, 6),
        camera(tmp_path, "bob", GREEN, 0, 6),
        camera(tmp_path, "bob", BLUE, 1, 2, source="screen"),
        duration_s=6.0,
        layout=layout,
        present=[("anna", "Anna", 0, 6), ("bob", "Bob", 0, 6)],
    )
    file = Watched(made.path)
    assert seen(file, 0.5, 128, 70) in ("red", "tile")
    assert seen(file, 1.5, 128, 70) == "blue"
    assert {seen(file, 1.5, 300, 62), seen(file, 1.5, 300, 98)} == {"red", "green"}
    assert seen(file, 5.0, 128, 70) == "red"


def test_a_cough_moves_nobody_to_the_front() -> None:
    anna = bytearray([LOUD] * 50 + [SOFT] * 5 + [LOUD] * 45)
    bob = bytearray([SILENT] * 50 + [LOUD] * 5 + [SILENT] * 45)
    assert turns({"anna": anna, "bob": bob}) == [Turn(0.0, "anna")]


def test_pauses_between_words_are_part_of_a_turn() -> None:
    words = ([LOUD] * 4 + [SILENT] * 4) * 5
    found = turns({"anna": bytearray([LOUD] * 40 + [SILENT] * 40), "bob": bytearray([SILENT] * 40 + words)})
    assert [turn.participant_id for turn in found] == ["anna", "bob"]
    assert found[1].start_s == pytest.approx(4.0, abs=0.6)


def test_a_microphone_that_hisses_does_not_take_the_word() -> None:
    hiss = 42
    anna = bytearray([LOUD] * 40 + [SILENT] * 100)
    bob = bytearray([hiss, hiss + 1] * 45 + [SOFT] * 20 + [hiss] * 30)
    assert turns({"anna": anna, "bob": bob}) == [Turn(0.0, "anna"), Turn(9.0, "bob")]


def test_silence_leaves_the_word_with_who_had_it() -> None:
    assert turns({"anna": bytearray([LOUD] * 20 + [SILENT] * 200)}) == [Turn(0.0, "anna")]
    assert turns({"anna": bytearray([SILENT] * 50)}) == []
    assert turns({}) == []


def test_of_forty_people_who_speaks_is_among_those_that_are_seen() -> None:
    people = {f"p{n}": Person(f"p{n}", f"P {n}", [(0.0, 10.0)]) for n in range(40)}
    plan = Plan((), 10.0, "grid", audio_only=False)
    first, second = scenes(plan, people, [Turn(5.0, "p39")])
    assert len(first.tiles) == len(second.tiles) == 25
    assert "p39" not in [tile.participant_id for tile in first.tiles]
    assert second.tiles[-1].participant_id == "p39"


def test_chapters_are_who_has_the_word_for_long_and_what_is_shown(tmp_path: Path) -> None:
    people = {"anna": Person("anna", "Anna"), "bob": Person("bob", "Bob")}
    spoken = [Turn(0.4, "anna"), Turn(100, "bob"), Turn(108, "anna"), Turn(300, "bob")]
    shared = [Share("bob", (400.0, 500.0)), Share("anna", (550.0, 552.0))]
    found = chapters(600.0, "Weekly", people, spoken, shared)
    assert [(chapter.start_s, chapter.title) for chapter in found] == [
        (0.0, "Anna"),
        (300.0, "Bob"),
        (400.0, "Bob shares a screen"),
        (500.0, "Bob"),
    ]


def test_chapters_stand_in_the_file(tmp_path: Path) -> None:
    made = made_of(
        tmp_path, speech(tmp_path, "anna", 0, 6), speech(tmp_path, "bob", 6, 12), duration_s=12.0, title="Weekly"
    )
    assert [chapter.title for chapter in made.chapters] == ["Anna", "Bob"]
    told = Watched(made.path).chapters
    assert [title for _, title in told] == ["Anna", "Bob"]
    assert [start for start, _ in told] == pytest.approx([0.0, 6.0], abs=0.3)


@pytest.mark.parametrize("name", ["Анна Петрова", "Ελένη", "عمر", "Łukasz", "O'Neil & Söhne"])
def test_names_are_written_in_their_own_script(name: str) -> None:
    written, otherwise = (name_plate(text, 640, 360, "Participant 7")[0] for text in (name, "?"))
    assert written.shape[1] > otherwise.shape[1]
    assert written.std() > 20


def test_a_name_that_the_font_lacks_is_told_by_a_number() -> None:
    foreign, told = (name_plate(text, 640, 360, "Participant 7")[0] for text in ("山田太郎", "Participant 7"))
    assert np.array_equal(foreign, told)


def test_a_very_long_name_stays_within_its_tile() -> None:
    assert name_plate("Maximiliane " * 20, 128, 72, "Participant 1")[0].shape[1] < 128
