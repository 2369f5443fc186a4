"""A process below the one that asks for its work, for what must not be done in that one: media that strangers have
sent is decoded there, and where that ends a process, the jobs process and all its other jobs go on.

It is asked one thing, a line of JSON, and tells what it has to tell in such lines. It yields to everything else on the
machine, knows none of Parley's secrets, and ends with who has asked, however that ends: it sees the end of its input.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NICE = 10  # calls come first
_REPOSITORY = Path(__file__).parents[3]
_INHERITED = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")

Told = dict[str, Any]


class Ended(Exception):
    """The process has ended before it told all."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the process has ended, with status {status}")
        self.status = status


@contextmanager
def asking(module: str, asked: Told) -> Iterator[Iterator[Told]]:
    """What `python -m module` tells when it is asked, one by one; afterwards it is ended.

    Who has heard the last of what there is to hear stops listening: going on raises Ended.
    """
    with subprocess.Popen(  # noqa: S603 – a module of this house
        [sys.executable, "-m", module],
        cwd=_REPOSITORY,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _told(process, asked)
        finally:
            process.kill()


def _told(process: subprocess.Popen[str], asked: Told) -> Iterator[Told]:
    assert process.stdin is not None  # noqa: S101 – by PIPE, as the other
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it has ended; how, is told below
    for line in process.stdout:
        yield json.loads(line)
    raise Ended(process.wait())


def answer(work: Callable[[Told, Callable[..., None]], None]) -> None:
    """In the process: do the work that is asked for. `work` gets what it is asked, and `tell(name=value, …)`."""
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who has asked
    os.nice(NICE)
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()

    def tell(**what: Any) -> None:
        print(json.dumps(what, default=str), file=told, flush=True)

    work(asked, tell)


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
