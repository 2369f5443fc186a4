"""What Dockerfile and compose.yaml say, as far as they are written here: enough to do the same without containers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$(?:(?P<plain>\$)|\{(?P<name>[A-Z_]+)(?::(?P<sign>[-?])(?P<text>[^}]*))?\})")


class Instruction(NamedTuple):
    """One of a Dockerfile, such as COPY, on one line."""

    name: str
    text: str


def stages() -> dict[str, list[Instruction]]:
    """Of the Dockerfile, by name; a stage that is made of another begins with what that one says."""
    found: dict[str, list[Instruction]] = {}
    stage: list[Instruction] = []
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, new = rest.partition(" AS ")
            stage = found[new] = list(found.get(base, []))
        else:
            stage.append(Instruction(name, rest.strip()))
    return found


def copied(stage: list[Instruction], into: Path) -> Path:
    """Put into a folder what a stage copies from the sources."""
    into.mkdir(parents=True)
    for instruction in stage:
        if instruction.name != "COPY" or instruction.text.startswith("--from"):
            continue
        *sources, target = instruction.text.split()
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, into / target)
    return into


def compose() -> dict[str, Any]:
    """compose.yaml, its variables as they stand there."""
    told: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return told


def variables() -> dict[str, bool]:
    """Those that .env may set; True: it has to."""
    found: dict[str, bool] = {}
    for match in _VARIABLE.finditer((ROOT / "compose.yaml").read_text()):
        if match["name"]:
            found[match["name"]] = found.get(match["name"], False) or match["sign"] == "?"
    return found


def filled(value: Any, told: Mapping[str, str]) -> Any:
    """A part of compose.yaml with its variables' values, as `docker compose` puts them in.

    :raises KeyError: one that has to be set is not.
    """
    if isinstance(value, Mapping):
        return {key: filled(one, told) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, told) for one in value]
    return _VARIABLE.sub(lambda match: _value(match, told), value) if isinstance(value, str) else value


def _value(match: re.Match[str], told: Mapping[str, str]) -> str:
    if match["plain"]:
        return "$"
    name = match["name"]
    return told.get(name) or (match["text"] if match["sign"] == "-" else told[name])


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """Of Parley's own services, by name."""
    for name, service in compose()["services"].items():
        if "build" in service:
            yield name, service["environment"]
