"""Suites aren't collected as tests themselves, so pytest has to be told to explain their asserts too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.jobs.runtimes import jobs_url as jobs_url

for suite in Path(__file__).parent.glob("*_suite.py"):
    pytest.register_assert_rewrite(f"tests.drivers.{suite.stem}")
