"""Names as pictures: FFmpeg in PyAV's wheel draws no text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from app.recordings.recorders.card import FONT, fitting, writable

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]  # Y, U, V; U and V have half of the width and height

BACKGROUND = "#101014"
TILE = "#24262e"
DISC = "#3d5a80"
INK = "#f4f4f4"
PLATE = "#16181d"
SPEAKING = "#4caf7d"
# A letter's height of a tile's, within what can be read and isn't shouted.
LETTER = 0.055
SMALLEST_LETTER, LARGEST_LETTER = 11, 24


@lru_cache(maxsize=48)  # a tile as large as the picture takes 1.4 MB
def name_tile(label: str, width: int, height: int, otherwise: str) -> Planes:
    """Who has no picture: initials on a disc, and the name below."""
    picture = Image.new("RGB", (width, height), TILE)
    draw = ImageDraw.Draw(picture)
    font = _font(height * 1.3)
    name = _readable(label, font, otherwise, width * 0.9)
    radius = height * 0.2
    centre = (width / 2, height * 0.42)
    draw.ellipse((centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius), DISC)
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    draw.text(centre, initials, INK, ImageFont.truetype(FONT, max(8, round(radius * 0.8))), anchor="mm")
    draw.text((width / 2, height * 0.78), name, INK, font, anchor="mm")
    return planes_of(picture)


@lru_cache(maxsize=256)
def name_plate(label: str, width: int, height: int, otherwise: str) -> Planes:
    """The name as it stands in the corner of a picture, in a tile of that size."""
    font = _font(height)
    name = _readable(label, font, otherwise, width * 0.7)
    margin = max(3, round(font.size * 0.4))
    left, _, right, _ = font.getbbox(name)
    size = (_even_up(right - left + 2 * margin), _even_up(font.size * 1.2 + margin))
    picture = Image.new("RGB", size, PLATE)
    ImageDraw.Draw(picture).text((size[0] / 2, size[1] / 2), name, INK, font, anchor="mm")
    return planes_of(picture)


def planes_of(picture: Image.Image) -> Planes:
    """Of a picture with an even width and height."""
    frame = av.VideoFrame.from_image(picture).reformat(format="yuv420p")  # type: ignore[no-untyped-call]
    y, u, v = (plane_of(frame, number).copy() for number in range(3))
    return y, u, v


def plane_of(frame: av.VideoFrame, number: int) -> Plane:
    """A view of the frame's own bytes."""
    plane: Any = frame.planes[number]
    rows: Plane = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _font(tile_height: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, round(min(max(tile_height * LETTER, SMALLEST_LETTER), LARGEST_LETTER)))


def _readable(label: str, font: ImageFont.FreeTypeFont, otherwise: str, width: float) -> str:
    return fitting(writable(label, font, otherwise), font, int(width))


def _even_up(number: float) -> int:
    return (int(number) + 1) // 2 * 2
