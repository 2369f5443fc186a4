"""The documents are held against the code: what is generated is fresh, and what is named exists."""

import re
import subprocess
from pathlib import Path

import click
import pytest

from app import access
from app.core import errors
from app.core.flask_app import ParleyApp
from app.core.settings import Settings
from media_worker.settings import Settings as WorkerSettings
from tests.deployment.files import variables
from tests.docs import generated
from tests.docs.pages import PAGES, ROOT, anchors, blocks, code, links, prose

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_everything_that_is_generated_is_fresh() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generated.files().items()
        if not path.exists() or path.read_text() != text
    ]
    assert stale == [], generated.REFRESH


@by_name
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found for text in code(page) for found in re.findall(r"\bmake ([a-z]+)", text)}
    assert named <= targets


@by_name
def test_every_flask_command_that_a_page_names_exists(page: Path, app: ParleyApp) -> None:
    unknown = []
    for text in code(page):
        for words in re.findall(r"(?:^|/|\s)flask ((?:[a-z]+ ?)+)", text):
            group: click.Command | None = app.cli
            for word in words.split():
                if not isinstance(group, click.Group):
                    break  # arguments follow
                group = group.commands.get(word)
                if group is None and word not in ("db", "run"):  # those are Flask's and Flask-Migrate's own
                    unknown.append(f"flask {words}")
    assert unknown == []


@by_name
def test_every_operation_that_a_page_names_is_in_the_openapi_document(page: Path, app: ParleyApp) -> None:
    document = app.test_client().get("/openapi.json").json
    assert document is not None
    known = {_anonymous(operation) for operation in access.QA_RULES} | {
        f"{method.upper()} {_anonymous(path.removeprefix('/api/v1'))}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    named = {
        f"{method} {_anonymous(path.removeprefix('/api/v1'))}"
        for text in code(page)
        for method, path in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s?`]*)", text)
    }
    assert sorted(named - known) == []


def _anonymous(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@by_name
def test_every_page_of_the_server_that_a_page_names_exists(page: Path, app: ParleyApp) -> None:
    for path in re.findall(r"`(/(?:docs|redoc|health|openapi)[^` {]*)`", prose(page)):
        assert app.test_client().get(path).status_code == 200, path


@by_name
def test_every_error_code_that_stands_beside_its_status_is_one(page: Path) -> None:
    known = {f"{kind.status} `{kind.code}`" for kind in errors.every_error()}
    assert set(re.findall(r"\b[45]\d\d `[a-z_]+`", prose(page))) <= known


@by_name
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    settings = {name.upper() for name in Settings.model_fields}
    others = {"PYTHON", "BENCH", "REQUIRE_ALL", "TEST_DATABASE", "PATH", "UDP", "SSL_CERT_FILE"}
    others |= {name.upper() for name in WorkerSettings.model_fields} | set(variables())
    others |= {"NOW", "API", "ANNA", "BEN", "MEETING", "INVITATION"}
    named = {name for text in code(page) for name in re.findall(r"(?<![A-Z_$\-'/])([A-Z]+(?:_[A-Z]+)+)(?:=|$)", text)}
    shell = {name for block in blocks(page) if block.language == "bash" for name in re.findall(r"[A-Z_]+", block.text)}
    assert sorted(named - settings - others - shell) == []


@by_name
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@by_name
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = {
        text
        for text in re.findall(r"`([a-z_.]+/[\w./-]+)`", prose(page))
        if text.split("/")[0] in {entry.name for entry in ROOT.iterdir()} and not text.startswith("storage/")
    }
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_the_folder_map_of_the_readme_is_the_tree() -> None:
    map_of_folders = next(block.text for block in blocks(ROOT / "README.md") if "Procfile" in block.text)
    named = {
        (indent, name)
        for indent, names in re.findall(r"^( *)(\S+(?:  \S+)?)(?=  )", map_of_folders, re.MULTILINE)
        for name in names.split()
    }
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tracked = [Path(name) for name in listed.splitlines() if (ROOT / name).exists()]
    top = {_entry(path.parts, 0) for path in tracked} - {"requirements-dev.txt"}
    features = {_entry(path.parts, 1) for path in tracked if path.parts[0] == "app"}
    assert {name for indent, name in named if not indent} == top
    assert {name for indent, name in named if indent} == features


def _entry(parts: tuple[str, ...], depth: int) -> str:
    return parts[depth] + ("/" if len(parts) > depth + 1 else "")


def test_the_features_stand_in_the_order_in_which_imports_run() -> None:
    map_of_folders = next(block.text for block in blocks(ROOT / "README.md") if "Procfile" in block.text)
    shown = re.findall(r"^  ([a-z]+)/", map_of_folders, re.MULTILINE)
    layers = re.findall(r'^  "\(([a-z]+)\)', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert shown == [layer for layer in layers if layer in shown]


def test_requirements_that_wait_for_what_is_to_come_are_used_by_now() -> None:
    folders = (ROOT / "app", ROOT / "media_worker")
    sources = "".join(path.read_text() for folder in folders for path in folder.rglob("*.py"))
    for name in ("minio", "aiortc"):
        assert re.search(rf"^\s*(import|from) {name}\b", sources, re.MULTILINE), name


# Defaults that stand in running text: (page, what it says).
FIGURES = (
    ("docs/mobile.md", "after {presence_reconnecting_s:g} s, and `left` after {presence_left_s:g} s"),
    ("docs/mobile.md", "more than {inbox_max_unacked} messages"),
    ("docs/mobile.md", "({access_token_min:g} minutes after it was made)"),
    ("docs/qa.md", "`reconnecting` after {presence_reconnecting_s:g} s"),
    ("docs/qa.md", "`timed_out` after {presence_left_s:g} s"),
    ("docs/operations.md", "| {presence_reconnecting_s:g} or more | `reconnecting`"),
    ("docs/operations.md", "| {presence_left_s:g} or more | `left`"),
    ("docs/operations.md", "`PRESENCE_GRACE_S` ({presence_grace_s:g} s)"),
    ("docs/operations.md", "`EMPTY_END_MIN` ({empty_end_min:g} minutes)"),
    ("docs/operations.md", "`POLL_MAX_WAIT_S` ({poll_max_wait_s:g} s)"),
    ("docs/troubleshooting.md", "access tokens live {access_token_min:g} minutes"),
)


@pytest.mark.parametrize(("page", "says"), FIGURES)
def test_figures_in_running_text_are_the_defaults(page: str, says: str) -> None:
    defaults = Settings.model_construct()
    text = " ".join((ROOT / page).read_text().split())
    assert says.format(**defaults.model_dump()) in text


@by_name
def test_every_row_of_a_table_has_as_many_cells_as_its_head(page: Path) -> None:
    uneven = []
    for table in re.findall(r"(?:^\|.*\n)+", prose(page), re.MULTILINE):
        rows = [re.sub(r"\\\||`[^`]*`", "", row).count("|") for row in table.splitlines()]
        uneven += [line for line, cells in zip(table.splitlines(), rows, strict=True) if cells != rows[0]]
    assert uneven == []


@by_name
def test_a_block_of_code_in_a_list_stands_as_far_in_as_its_fence(page: Path) -> None:
    """Else it ends before it has begun, and the list with it."""
    blocks_in_lists = re.findall(r"^( +)```\w*\n(.*?)^ *```$", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = [(indent, line) for indent, text in blocks_in_lists for line in text.splitlines() if line]
    assert [line for indent, line in lines if not line.startswith(indent)] == []


@by_name
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = {span for span in code(page) if re.fullmatch(r"tests/[\w/.]+", span)}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
