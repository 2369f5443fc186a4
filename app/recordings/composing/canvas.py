"""One picture that tiles are laid onto. Only what has changed is laid anew."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from app.recordings.composing.labels import BACKGROUND, SPEAKING, TILE, Plane, Planes, plane_of, planes_of
from app.recordings.composing.layout import Rect, fitted

# Around each tile, in pixels; what lies there isn't seen.
GAP = 2
LINE = 4
EDGE = GAP + LINE  # what lies further in is never covered
SCALERS_MOST = 64


class Canvas:
    """yuv420p, BT.601 in limited range, as cameras send it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._all = np.zeros((height * 3 // 2, width), np.uint8)
        luma, chroma = width * height, width * height // 4
        flat = self._all.reshape(-1)
        self._planes: Planes = (
            flat[:luma].reshape(height, width),
            flat[luma : luma + chroma].reshape(height // 2, width // 2),
            flat[luma + chroma :].reshape(height // 2, width // 2),
        )
        self._background, self._tile, self._line = _colour(BACKGROUND), _colour(TILE), _colour(SPEAKING)
        # One for each kind of picture: a scaler that is asked for another begins anew.
        self._scalers: dict[tuple[object, ...], VideoReformatter] = {}
        self.clear()

    def clear(self) -> None:
        self._fill(Rect(0, 0, self.width, self.height), self._background)

    def frame_tile(self, rect: Rect) -> None:
        """A line around what lies in it: who has the word."""
        x, y, width, height = rect.x + GAP, rect.y + GAP, rect.width - 2 * GAP, rect.height - 2 * GAP
        for side in (
            Rect(x, y, width, LINE),
            Rect(x, y + height - LINE, width, LINE),
            Rect(x, y, LINE, height),
            Rect(x + width - LINE, y, LINE, height),
        ):
            self._fill(side, self._line)

    def empty_tile(self, rect: Rect) -> None:
        self._fill(_inner(rect), self._tile)

    def lay_frame(self, frame: av.VideoFrame, rect: Rect) -> None:
        """As large as it fits into the tile, its aspect ratio kept."""
        quarters = round(frame.rotation / 90) % 4  # counterclockwise: how a phone was held, in its own files
        upright = (frame.width, frame.height) if quarters % 2 == 0 else (frame.height, frame.width)
        place = fitted(*upright, rect)
        size = (place.width, place.height) if quarters % 2 == 0 else (place.height, place.width)
        scaled = self._scaled(frame, *size)
        planes = plane_of(scaled, 0), plane_of(scaled, 1), plane_of(scaled, 2)
        if quarters:
            planes = np.rot90(planes[0], quarters), np.rot90(planes[1], quarters), np.rot90(planes[2], quarters)
        self._lay(planes, place, _inner(rect))

    def _scaled(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """In this canvas's colours. The frame itself where it has that size and is of that kind already."""
        kind = (frame.width, frame.height, frame.format.name, width, height)
        if kind not in self._scalers:
            if len(self._scalers) >= SCALERS_MOST:
                self._scalers.clear()
            self._scalers[kind] = VideoReformatter()
        colours: dict[str, int] = {}
        if frame.colorspace == Colorspace.ITU709:
            colours = {"src_colorspace": Colorspace.ITU709, "dst_colorspace": Colorspace.ITU601}
        if frame.color_range == ColorRange.JPEG:
            colours |= {"src_color_range": ColorRange.JPEG, "dst_color_range": ColorRange.MPEG}
        return self._scalers[kind].reformat(
            frame, width=width, height=height, format="yuv420p", interpolation="BILINEAR", threads=1, **colours
        )

    def lay(self, planes: Planes, x: int, y: int) -> None:
        height, width = planes[0].shape
        self._lay(planes, Rect(x, y, width, height), Rect(0, 0, self.width, self.height))

    def lay_tile(self, planes: Planes, rect: Rect) -> None:
        self._lay(planes, rect, _inner(rect))

    def frame(self) -> av.VideoFrame:
        """As it is now: what is laid later doesn't show in it."""
        return av.VideoFrame.from_numpy_buffer(self._all.copy(), format="yuv420p", width=self.width)

    def luma(self) -> Plane:
        return self._planes[0]

    def _lay(self, planes: Planes, place: Rect, within: Rect) -> None:
        """What of the picture at that place lies within the other."""
        left, top = max(place.x, within.x), max(place.y, within.y)
        right = min(place.x + place.width, within.x + within.width)
        bottom = min(place.y + place.height, within.y + within.height)
        for number, (onto, plane) in enumerate(zip(self._planes, planes, strict=True)):
            half = 1 if number == 0 else 2
            onto[top // half : bottom // half, left // half : right // half] = plane[
                (top - place.y) // half : (bottom - place.y) // half,
                (left - place.x) // half : (right - place.x) // half,
            ]

    def _fill(self, rect: Rect, colour: tuple[int, int, int]) -> None:
        for number, (plane, value) in enumerate(zip(self._planes, colour, strict=True)):
            half = 1 if number == 0 else 2
            plane[rect.y // half : (rect.y + rect.height) // half, rect.x // half : (rect.x + rect.width) // half] = (
                value
            )


def _inner(rect: Rect) -> Rect:
    return Rect(rect.x + GAP, rect.y + GAP, rect.width - 2 * GAP, rect.height - 2 * GAP)


def _colour(colour: str) -> tuple[int, int, int]:
    y, u, v = planes_of(Image.new("RGB", (16, 16), colour))
    return int(y[0, 0]), int(u[0, 0]), int(v[0, 0])
