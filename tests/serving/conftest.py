"""Memory that is trusted however slow the machine is: no stall sends a poll to Flask that was not to go there."""

import pytest

from app.core.flask_app import ParleyApp
from app.serving import safety_net
from app.serving.safety_net import SafetyNet


@pytest.fixture(autouse=True)
def patient_net(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net beats, and catches nothing; tests that are about it (`safety_net`) have it as it is."""
    if request.node.get_closest_marker("safety_net") is None:
        monkeypatch.setattr(safety_net, "HOLDS_S", 3600.0)
        monkeypatch.setattr(SafetyNet, "_may_have_missed", lambda _: False)


@pytest.fixture
def asked(app: ParleyApp) -> list[str]:
    """The polls and acknowledgements that Flask was asked, of an `app` that counts them."""
    found: list[str] = app.extensions["asked_of_flask"]
    return found
