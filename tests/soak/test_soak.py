"""The soak, for two minutes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.soak import soak

MINUTES, PARTICIPANTS = 1.5, 30  # with what comes before and after it takes two and more

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


def test_nothing_acknowledged_is_lost_nothing_is_stuck_and_nothing_grows_whatever_is_killed(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    report = soak(tmp_path, MINUTES, PARTICIPANTS, "two minutes", print)
    assert not report.wrong, "\n".join(report.wrong)
    for name, figure in report.figures.items():
        if name.startswith(("kills", "signals")):
            record_property(f"figure: {name} in a soak of two minutes", figure)
