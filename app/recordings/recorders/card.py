"""The picture of a mock recording: a test card with names, over a strip of colour bars that moves."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Sequence
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent.parent / "fonts" / "DejaVuSans.ttf"
MARGIN = 32
STRIP_HEIGHT = 56
STRIP_SPEED = 8  # pixels per frame, and a divisor of the width: the strip comes round without a jump
NAMES_SHOWN = 8
LONGEST_NAME = 80  # letters; no column is as wide, and measuring has an end

# The colour bars of every test picture since the seventies, at 75 %.
BARS = ("#bfbfbf", "#bfbf00", "#00bfbf", "#00bf00", "#bf00bf", "#bf0000", "#0000bf", "#101010")
INK = "#f4f4f4"
FAINT = "#b8b8c8"


class Card:
    """A picture of `width` by `height` pixels. Its hue comes from `seed`: recordings differ at a glance."""

    width = 640
    height = 360

    def __init__(self, title: str, subtitle: str, names: Sequence[str], seed: str) -> None:
        hue = hashlib.sha256(seed.encode()).digest()[0] / 256
        red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.55, 0.30))
        self._picture = Image.new("RGB", (self.width, self.height), (red, green, blue))
        self._strip = _strip(self.width)
        self._small = ImageFont.truetype(FONT, 18)
        draw = ImageDraw.Draw(self._picture)
        draw.text((MARGIN, 28), title, INK, ImageFont.truetype(FONT, 42))
        draw.text((MARGIN, 86), subtitle, FAINT, self._small)
        self._draw_names(draw, names)

    def frame(self, number: int, frames_per_s: int) -> av.VideoFrame:
        """The picture of frame `number`, counted from 0: the strip has moved on, and the clock tells its
        time.
        """
        picture = self._picture.copy()
        offset = number * STRIP_SPEED % self.width
        top = self.height - STRIP_HEIGHT
        picture.paste(self._strip.crop((offset, 0, offset + self.width, STRIP_HEIGHT)), (0, top))
        clock = f"{number / frames_per_s:.2f} s"
        ImageDraw.Draw(picture).text((self.width - MARGIN, top - 12), clock, INK, self._small, anchor="rs")
        frame: av.VideoFrame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
        return frame

    def _draw_names(self, draw: ImageDraw.ImageDraw, names: Sequence[str]) -> None:
        """In two columns, down the left one first."""
        shown = list(names[:NAMES_SHOWN])
        column = (self.width - 2 * MARGIN) // 2
        for number, name in enumerate(shown):
            label = fitting(writable(name, self._small, f"Participant {number + 1}"), self._small, column - 16)
            x, y = number // (NAMES_SHOWN // 2), number % (NAMES_SHOWN // 2)
            draw.text((MARGIN + x * column, 136 + y * 32), label, INK, self._small)
        if more := len(names) - len(shown):
            draw.text((MARGIN, 136 + 4 * 32), f"and {more} more", FAINT, self._small)


def _strip(width: int) -> Image.Image:
    """Two rounds of the bars, so that a window of one width can start anywhere in the first."""
    strip = Image.new("RGB", (2 * width, STRIP_HEIGHT))
    draw = ImageDraw.Draw(strip)
    bar = width // len(BARS)
    for number in range(2 * len(BARS)):
        draw.rectangle((number * bar, 0, (number + 1) * bar - 1, STRIP_HEIGHT), BARS[number % len(BARS)])
    return strip


def fitting(label: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The label, cut off where it is wider than so many pixels."""
    if font.getlength(label) <= width:
        return label
    while label and font.getlength(label + "…") > width:
        label = label[:-1]
    return label.rstrip() + "…"


def writable(name: str, font: ImageFont.FreeTypeFont, otherwise: str) -> str:
    """The name on one line without the letters that the font lacks, or `otherwise` if that leaves none."""
    missing = bytes(font.getmask("\U0010fffd"))  # the box that stands for every such letter
    known = (c for c in name[:LONGEST_NAME] if c.isspace() or bytes(font.getmask(c)) != missing)
    return " ".join("".join(known).split()) or otherwise
