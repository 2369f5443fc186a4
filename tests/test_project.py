"""What the repository promises about itself."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Whoever installs Parley chooses where packages come from. In halves, so that this file names none either.
REGISTRIES = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
    "jsdelivr" + ".net",
    "unpkg" + ".com",
    "cdnjs" + ".cloudflare.com",
    "docker" + ".io",
    "proxy.golang" + ".org",
]


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def makefile_targets() -> set[str]:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = [line.removeprefix(".PHONY:").split() for line in lines if line.startswith(".PHONY:")]
    return {target for targets in phony for target in targets}


@pytest.mark.parametrize("filename", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_says_why(filename: str) -> None:
    lines = (ROOT / filename).read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert requirements
    for line in requirements:
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?==[0-9][0-9a-z.]* +# \S.*", line), f"{filename}: {line!r}"


def test_no_requirement_is_named_twice() -> None:
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    names = re.findall(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==", text, re.MULTILINE)
    assert sorted(names) == sorted(set(names))


def test_no_tracked_file_names_a_package_registry() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {registry}"
        for path in tracked_files()
        for registry in REGISTRIES
        if registry.encode() in path.read_bytes()
    ]
    assert named == []


def test_make_help_lists_every_target_with_its_purpose() -> None:
    text = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    listed = dict(re.findall(r"^ +make (\S+) +(\S.*)$", text, re.MULTILINE))
    assert set(listed) == makefile_targets()


def test_make_without_a_target_only_lists_targets() -> None:
    bare, listed = (
        subprocess.run(["make", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for arguments in ([], ["help"])
    )
    assert bare == listed


def test_nothing_that_a_running_system_writes_is_tracked() -> None:
    stored = [path.name for path in tracked_files() if path.is_relative_to(ROOT / "storage")]
    assert stored == ["README.md"]
