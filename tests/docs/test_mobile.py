"""The page for mobile developers is run, request by request, and the answers are held to what it shows."""

import ast
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from app import create_app
from app.core.settings import load_settings
from app.signaling.schemas import SIGNAL_TYPES
from tests.docs.pages import ROOT, Block, blocks

PAGE = ROOT / "docs" / "mobile.md"


@pytest.fixture
def server(tmp_path: Path, migrated_database: Path) -> Iterator[str]:
    """The address of the API of a Parley that listens, with the time that it really is."""
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "meetings.db").write_bytes(migrated_database.read_bytes())
    server = make_server("127.0.0.1", 0, lambda *request: app(*request), threaded=True)
    # Signed addresses name the port, and so it has to be known first.
    app = create_app(
        load_settings(storage_dir=storage, port=server.port, jobs="inline", log_level="WARNING", _env_file=None)
    )
    app.testing = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/api/v1"
    server.shutdown()
    thread.join()
    server.server_close()
    app.runtime.close()


def steps() -> list[tuple[Block, Block | None]]:
    """The page's requests, each with the answer that stands right behind it."""
    runnable = [block for block in blocks(PAGE) if block.language in ("bash", "json")]
    pairs: list[tuple[Block, Block | None]] = []
    for block, following in zip(runnable, [*runnable[1:], None], strict=True):
        if block.language == "bash":
            pairs.append((block, following if following and following.language == "json" else None))
    return pairs


def test_every_request_of_the_page_gets_the_answer_that_the_page_shows(server: str, tmp_path: Path) -> None:
    script = ["set -euo pipefail"]
    for request, _ in steps():
        script += [f"echo '--- line {request.line}' >&2", request.text, f"cp answer.json {request.line}.json || true"]
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "API": server, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    for request, answer in steps():
        if answer is not None:
            got = json.loads((tmp_path / f"{request.line}.json").read_text())
            assert differences(json.loads(answer.text), got) == [], f"docs/mobile.md, line {answer.line}"


def differences(shown: Any, got: Any, where: str = "answer") -> list[str]:
    """Where `got` is not what the page shows: `…` stands for anything, and objects may have further members."""
    if isinstance(shown, dict) and isinstance(got, dict):
        return [
            difference
            for name, value in shown.items()
            for difference in (
                differences(value, got[name], f"{where}.{name}") if name in got else [f"{where}.{name} is missing"]
            )
        ]
    if isinstance(shown, list) and isinstance(got, list) and len(shown) == len(got):
        pairs = enumerate(zip(shown, got, strict=True))
        return [d for index, (a, b) in pairs for d in differences(a, b, f"{where}.{index}")]
    if isinstance(shown, str) and isinstance(got, str):
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        return [] if re.fullmatch(pattern, got, re.DOTALL) else [f"{where} is {got!r}, not {shown!r}"]
    return [] if shown == got else [f"{where} is {got!r}, not {shown!r}"]


def test_the_page_shows_an_answer_for_nearly_every_request() -> None:
    pairs = steps()
    assert len(pairs) > 20
    assert sum(answer is not None for _, answer in pairs) > len(pairs) * 0.8


def types_in_the_pages() -> set[str]:
    """A media worker's messages have a page of their own."""
    pages = PAGE.read_text() + PAGE.with_name("media-workers.md").read_text()
    return set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", pages, re.MULTILINE))


def types_in_the_code() -> set[str]:
    """Names of messages that some feature puts into an inbox, and of signals that participants may send."""
    found = set(SIGNAL_TYPES)
    for path in (ROOT / "app").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and _tells(call.func):
                found |= {
                    argument.value
                    for argument in [*call.args, *(keyword.value for keyword in call.keywords)]
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and re.fullmatch(r"[a-z]+\.[a-z_]+", argument.value)
                }
    return found


def _tells(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "Message" or "tell" in name or "announce" in name


def test_every_type_of_message_stands_in_a_page_and_no_other() -> None:
    assert types_in_the_pages() == types_in_the_code(), "docs/mobile.md, table “What comes”"
