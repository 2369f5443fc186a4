"""How many files, and so connections, a server may open."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def limit_of_a_server(limits: tuple[int, int], most_parked: int) -> tuple[int, str]:
    """The limit of a process that began with these (soft, hard), and what it said."""
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, {limits})
from app.core.settings import load_settings
from app.serving.__main__ import allow_connections
allow_connections(load_settings(_env_file=None, poll_max_parked={most_parked}))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout), done.stderr


def test_it_is_raised_to_what_the_parked_polls_need() -> None:
    assert limit_of_a_server((256, 4_000), most_parked=1_500) == (2_500, "")


def test_it_is_never_lowered() -> None:
    assert limit_of_a_server((4_000, 4_000), most_parked=10) == (4_000, "")


def test_a_system_that_allows_too_few_is_told_of() -> None:
    limit, told = limit_of_a_server((256, 1_500), most_parked=2_000)
    assert limit == 1_500
    assert "POLL_MAX_PARKED=2000" in told
