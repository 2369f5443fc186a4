"""The documents as their tests read them: blocks of code, code spans, links, headings, generated parts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: `language` is what stands behind the opening fence."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [Block(found[1], found[2], text.count("\n", 0, found.start()) + 1) for found in _FENCE.finditer(text)]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def code(page: Path) -> Iterator[str]:
    """All that the page says in code: spans whole, blocks line by line."""
    yield from _SPAN.findall(prose(page))
    for block in blocks(page):
        yield from block.text.splitlines()


def links(page: Path) -> list[str]:
    return _LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The names under which GitHub lets a link point at the page's headings."""
    return {_anchor(heading) for heading in _HEADING.findall(prose(page))}


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.strip().replace(" ", "-")


def replace_part(text: str, name: str, content: str) -> str:
    """`text` with the generated part `name` replaced.

    :raises ValueError: the page has no such part.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"there must be one part between {begin} and {end}")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return f"{before}{begin}\n{content.strip()}\n{end}{after}"
