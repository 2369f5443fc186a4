"""Suites aren't collected as tests themselves, so pytest has to be told to explain their asserts too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.jobs.runtimes import jobs_url as jobs_url


@pytest.fixture(autouse=True)
def _patient_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers late because the machine stood still is not taken for one that is away."""
    for name in ("counters.redis.ANSWER_S", "wakeups.redis.ANSWER_S", "wakeups.linked.STOP_S"):
        monkeypatch.setattr(f"app.core.{name}", 60.0)
    monkeypatch.setattr("app.core.counters.redis.AWAY_S", 3600.0)


for suite in Path(__file__).parent.glob("*_suite.py"):
    pytest.register_assert_rewrite(f"tests.drivers.{suite.stem}")
