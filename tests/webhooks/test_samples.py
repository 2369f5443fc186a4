"""What docs/webhooks.md has others write is run against what Parley signs."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from app.webhooks import signing
from tests.docs.pages import ROOT, blocks
from tests.serving.test_server_process import free_port
from tests.support.waiting import eventually

SECRET, OLD_SECRET = signing.new_secret(), signing.new_secret()
ID = "01980a3e-7b6c-7d4e-8f00-1a2b3c4d5e6f"
BODY = json.dumps({"id": ID, "name": "meeting.started", "meeting_id": "a meeting"}).encode()


def sample(language: str) -> str:
    [found] = [block.text for block in blocks(ROOT / "docs/webhooks.md") if block.language == language]
    return found


def cases() -> list[tuple[dict[str, str], bytes, bool]]:
    """Headers, body, and whether they are to be taken."""
    now = int(time.time())
    good = signing.headers(ID, now, BODY, [SECRET])
    return [
        (good, BODY, True),
        (signing.headers(ID, now, BODY, [OLD_SECRET, SECRET]), BODY, True),
        (signing.headers(ID, now, BODY, [OLD_SECRET]), BODY, False),
        (good, BODY + b" ", False),
        ({**good, "webhook-id": ID.replace("0", "1")}, BODY, False),
        (signing.headers(ID, now - 301, BODY, [SECRET]), BODY, False),
    ]


def test_the_receiver_takes_what_parley_signs_and_nothing_else() -> None:
    port = free_port()
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    receiver = subprocess.Popen(
        [sys.executable, "-c", sample("python")], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip

    def post(headers: dict[str, str], body: bytes) -> int:
        try:
            with urlopen(Request(f"http://127.0.0.1:{port}/", body, headers), timeout=5) as answer:
                return int(answer.status)
        except HTTPError as refused:
            return refused.code

    def is_there() -> bool:
        try:
            return post(*cases()[-1][:2]) == 401
        except OSError:
            return False

    try:
        eventually(is_there)
        answers = [(post(headers, body) == 204, wanted) for headers, body, wanted in cases()]
    finally:
        receiver.kill()
        told, _ = receiver.communicate()
    assert [taken for taken, _ in answers] == [wanted for _, wanted in answers]
    assert told == "meeting.started a meeting\n", "once, although it came twice"


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_the_check_in_javascript_takes_the_same(tmp_path: Path) -> None:
    given = [[headers, body.decode()] for headers, body, _ in cases()]
    ask = f"""
    for (const [headers, body] of {json.dumps(given)})
      console.log(isSigned(headers, Buffer.from(body), {json.dumps(SECRET)}));
    """
    (tmp_path / "check.mjs").write_text(sample("javascript") + ask)
    ran = subprocess.run(["node", tmp_path / "check.mjs"], capture_output=True, text=True, check=True)
    assert [line == "true" for line in ran.stdout.split()] == [wanted for *_, wanted in cases()]
