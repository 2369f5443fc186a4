"""How long Parley takes to start: `create_app()` against a bare app of the same framework, and `make run`."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.figure import Figure, measure_in_turn, spread
from benchmarks.server import ROOT, free_port

PAIRS = 9
STARTS = 5
START_TIMEOUT_S = 60

# structlog and Mako import these where they are; only the tests' tools bring them, so a user has neither.
WITHOUT_DEVELOPERS_PACKAGES = """
import sys; sys.modules.update(rich=None, pygments=None)
"""
# Both count from their first own import, so that the interpreter's start weighs on neither.
PARLEY = """
import time; begun = time.process_time()
from app import create_app
create_app()
print(time.process_time() - begun)
"""
BARE = """
import time; begun = time.process_time()
from flask import Flask
from flask_smorest import Api, Blueprint
app = Flask("bare")
app.config.update(API_TITLE="bare", API_VERSION="1", OPENAPI_VERSION="3.1.0")
blueprint = Blueprint("hello", "hello")
blueprint.route("/")(lambda: "hello")
Api(app).register_blueprint(blueprint)
print(time.process_time() - begun)
"""


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as storage, tempfile.TemporaryDirectory() as bytecode:
        # Who starts twice has bytecode, unless they said that they want none; the pair that warms up writes it.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"STORAGE_DIR": storage, "PORT": str(free_port()), "PYTHONPYCACHEPREFIX": bytecode}
        parley, bare = measure_in_turn(lambda: _cpu_ms(PARLEY, environment), lambda: _cpu_ms(BARE, environment), PAIRS)
        starts = [_seconds_until_ready(environment) for _ in range(STARTS)]
    return [
        Figure(
            name="create_app(), CPU",
            unit="ms",
            value=median(parley),
            yardstick=median(bare),
            yardstick_name="bare Flask + flask-smorest app",
            must=4,
            aim=2,
            spread=spread(parley),
        ),
        Figure(
            name="make run until it answers",
            unit="s",
            value=median(starts),
            yardstick=None,
            yardstick_name="none (the clock)",
            must=5,
            aim=2,
            spread=spread(starts),
        ),
    ]


def _cpu_ms(program: str, environment: dict[str, str]) -> float:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_DEVELOPERS_PACKAGES + program],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(ended.stdout.split()[-1]) * 1000


def _seconds_until_ready(environment: dict[str, str]) -> float:
    """Seconds from `make run` until `/health/ready` says 200; ends what it started."""
    begun = time.monotonic()
    make = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(f"http://127.0.0.1:{environment['PORT']}/health/ready"):
            if make.poll() is not None or time.monotonic() - begun > START_TIMEOUT_S:
                raise RuntimeError("`make run` didn't become ready; run it by hand to see why")
            time.sleep(0.02)
        return time.monotonic() - begun
    finally:
        os.killpg(make.pid, signal.SIGINT)
        make.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False
