"""A file sent through the disk rung, part by part, until it is verified, against `cp` and `sha256sum` of the same file;
and the memory of the server meanwhile, with a small and with a large file.
"""

import hashlib
import http.client
import json
import os
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figure import Figure, measure_in_turn, spread
from benchmarks.meeting import Organiser
from benchmarks.server import Server, jobs, parley

MB = 1_000_000
SIZE = 200 * MB
LARGE = 1_000 * MB
AT_ONCE = 3  # parts under way, as in the web client
PAIRS = 5


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / "storage"
        storage.mkdir()
        file, large = _file(Path(folder) / "file", SIZE), _file(Path(folder) / "large", LARGE)
        token = Organiser(storage).person().token
        with parley(storage, chat_file_max_bytes=LARGE) as server, jobs(storage):
            sent, copied = measure_in_turn(
                lambda: _timed(lambda: _send(server.port, token, file)), lambda: _timed(lambda: _copy(file)), PAIRS
            )
            small_kb = _most_memory(server, lambda: _send(server.port, token, file))
            large_kb = _most_memory(server, lambda: _send(server.port, token, large))
    return [
        Figure(
            name="upload of 200 MB until verified, disk",
            unit="s",
            value=median(sent),
            yardstick=median(copied),
            yardstick_name="cp, then sha256sum",
            must=2,
            aim=1.2,
            spread=spread(sent),
        ),
        Figure(
            name="most memory of the API while 1 GB comes",
            unit="MB",
            value=large_kb / 1000,
            yardstick=small_kb / 1000,
            yardstick_name="while 200 MB come",
            must=1.1,
            aim=1,
            spread=0,
        ),
    ]


def _file(path: Path, size: int) -> Path:
    some = os.urandom(MB)
    with path.open("wb") as file:
        for number in range(size // MB):
            file.write(number.to_bytes(4, "big") + some[4:])
    return path


def _timed(action: Any) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def _copy(file: Path) -> None:
    copy = file.with_name("copy")
    subprocess.run(["cp", str(file), str(copy)], check=True)
    subprocess.run(["sha256sum", str(copy)], check=True, stdout=subprocess.DEVNULL)
    copy.unlink()


def _send(port: int, token: str, file: Path) -> None:
    """The checksum is made beside the sending, as clients do."""
    size = file.stat().st_size
    begun = _ask(port, token, "POST", "/uploads", {"purpose": "chat_file", "name": "file", "size": size})
    upload = begun["upload"]
    parts = {part["number"]: part["url"] for part in begun["parts"]}
    left = [number for number in range(1, upload["part_count"] + 1) if number not in parts]
    for start in range(0, len(left), 100):
        signed = _ask(port, token, "POST", f"/uploads/{upload['id']}/parts", {"numbers": left[start : start + 100]})
        parts |= {part["number"]: part["url"] for part in signed["parts"]}
    with ThreadPoolExecutor(AT_ONCE + 1) as threads:
        digest = threads.submit(_digest, file)
        list(threads.map(lambda part: _put(port, file, upload["part_size"], *part), parts.items()))
        _ask(port, token, "POST", f"/uploads/{upload['id']}/complete", {"sha256": digest.result()})
    while (state := _ask(port, token, "GET", f"/uploads/{upload['id']}")["state"]) == "completing":
        time.sleep(0.02)
    if state != "complete":
        raise RuntimeError(f"the upload is {state}")
    _ask(port, token, "DELETE", f"/uploads/{upload['id']}")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _put(port: int, file: Path, part_size: int, number: int, url: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, blocksize=1024 * 1024)
    with file.open("rb") as stream:
        stream.seek((number - 1) * part_size)
        connection.request("PUT", f"{urlsplit(url).path}?{urlsplit(url).query}", stream.read(part_size))
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read().decode())
    connection.close()


def _ask(port: int, token: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise RuntimeError(content.decode())
    connection.close()
    return json.loads(content) if content else None


def _most_memory(server: Server, action: Any) -> float:
    """The most that the server held while `action` ran, in units of 1,000 bytes."""
    done = threading.Event()
    most = 0.0

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, server.resident_kb)

    watcher = threading.Thread(target=watch)
    watcher.start()
    action()
    done.set()
    watcher.join()
    return most
