"""A line chart as SVG, without a library for it."""

from html import escape
from pathlib import Path

Points = list[tuple[float, float]]

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 110, 50, 60
COLOURS = ("#0b6e4f", "#c84630", "#3a5a9b")
ROUND_STEPS = (1, 2, 5)


def line_chart(path: Path, title: str, x_label: str, y_label: str, lines: dict[str, Points]) -> None:
    """Write `lines` (name → points, by rising x); both axes begin at 0."""
    points = [point for line in lines.values() for point in line]
    x_ticks, y_ticks = _ticks(max(x for x, _ in points)), _ticks(max(y for _, y in points))

    def across(x: float) -> float:
        return LEFT + x / x_ticks[-1] * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return HEIGHT - BOTTOM - y / y_ticks[-1] * (HEIGHT - TOP - BOTTOM)

    parts = [_text(LEFT, 28, title, "start", 'font-size="16"')]
    for y in y_ticks:
        parts.append(_line(LEFT, down(y), WIDTH - RIGHT, down(y), "#ddd"))
        parts.append(_text(LEFT - 8, down(y) + 4, f"{y:g}", "end"))
    for x in x_ticks:
        parts.append(_text(across(x), HEIGHT - BOTTOM + 20, f"{x:,g}", "middle"))
    parts.append(_line(LEFT, down(0), WIDTH - RIGHT, down(0), "#444"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, x_label, "middle"))
    parts.append(_text(16, TOP - 8, y_label, "start"))
    for (name, line), colour in zip(lines.items(), COLOURS, strict=False):
        path_points = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in line)
        parts.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="3.5" fill="{colour}"/>' for x, y in line]
        parts.append(_text(across(line[-1][0]) + 10, down(line[-1][1]) + 4, name, "start", f'fill="{colour}"'))
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    content = "\n".join([background, *parts])
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} {style}>\n'
        f"<title>{escape(title)}</title>\n{content}\n</svg>\n"
    )


def _ticks(largest: float) -> list[float]:
    """Round numbers from 0 to at least `largest`, seven at most."""
    power = 10.0**-3
    while True:
        for step in ROUND_STEPS:
            if step * power * 6 >= largest:
                count = int(-(-largest // (step * power)))
                return [round(step * power * number, 6) for number in range(max(count, 1) + 1)]
        power *= 10


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
