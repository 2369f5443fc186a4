"""Where tiles lie on the picture. Arithmetic alone; all numbers are even, as chroma has half of the resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ASPECT = 16 / 9
# More tiles than these and nobody is recognised: 5 × 5 tiles of 256 × 144 in a picture of 720 lines.
GRID_MOST = 25
STRIP_MOST = 5


@dataclass(frozen=True)
class Rect:
    x: int
    y: int
    width: int
    height: int


def grid(count: int, width: int, height: int) -> Sequence[Rect]:
    """`count` tiles of one size, as large as possible, row by row, all in the middle."""
    columns = max(range(1, count + 1), key=lambda n: (_tile(n, math.ceil(count / n), width, height), n))
    rows = math.ceil(count / columns)
    tile_width, tile_height = _tile(columns, rows, width, height)
    top = (height - rows * tile_height) // 2
    rects = []
    for number in range(count):
        row, column = divmod(number, columns)
        in_row = min(columns, count - row * columns)
        left = (width - in_row * tile_width) // 2
        rects.append(Rect(_even(left) + column * tile_width, _even(top) + row * tile_height, tile_width, tile_height))
    return rects


def stage(others: int, width: int, height: int) -> tuple[Rect, Sequence[Rect]]:
    """A large tile, and up to STRIP_MOST small ones in a strip on its right, in the middle of its height."""
    if not others:
        return Rect(0, 0, _even(width), _even(height)), []
    small_height = _even(height / STRIP_MOST)
    small_width = _even(small_height * ASPECT)
    large = Rect(0, 0, _even(width - small_width), _even(height))
    top = _even((height - others * small_height) // 2)
    return large, [Rect(large.width, top + n * small_height, small_width, small_height) for n in range(others)]


def fitted(width: int, height: int, into: Rect) -> Rect:
    """The largest place within `into`, in its middle, that has the aspect ratio of `width` by `height`."""
    scale = min(into.width / width, into.height / height)
    fit_width = max(2, min(into.width, _even(width * scale + 1)))
    fit_height = max(2, min(into.height, _even(height * scale + 1)))
    x, y = into.x + _even((into.width - fit_width) // 2), into.y + _even((into.height - fit_height) // 2)
    return Rect(x, y, fit_width, fit_height)


def _tile(columns: int, rows: int, width: int, height: int) -> tuple[int, int]:
    tile_width = min(width / columns, height / rows * ASPECT)
    return _even(tile_width), _even(tile_width / ASPECT)


def _even(number: float) -> int:
    return int(number) // 2 * 2
