"""A page of Chromium that negotiates as one of the scenarios of offers.js, with answers made in Python."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

_SCRIPT = Path(__file__).with_suffix(".js")
SCENARIOS = re.findall(r"^  async (\w+)\(answerTo\)", _SCRIPT.read_text(), re.MULTILINE)

# Playwright serves the page, so nothing listens there; devices need a secure context, which localhost is.
_ADDRESS = "http://localhost/"
_PAGE = "<!DOCTYPE html><title>Offers</title>"


class OfferPage:
    """One page, whose every offer goes to `answer` and into `offers`."""

    def __init__(self, context: BrowserContext, answer: Callable[[str], str]) -> None:
        self.offers: list[str] = []
        self._answer = answer
        self._page = context.new_page()
        self._page.route("**", lambda route: route.fulfill(body=_PAGE, content_type="text/html"))
        self._page.goto(_ADDRESS)
        self._page.expose_function("answerTo", self._answer_to)
        self._page.add_script_tag(path=_SCRIPT)

    def _answer_to(self, offer: str) -> str:
        self.offers.append(offer)
        return self._answer(offer)

    def run(self, scenario: str) -> None:
        """Negotiate; afterwards the page's `pc` is the scenario's RTCPeerConnection."""
        self.evaluate(f"async () => {{ window.pc = await offers.{scenario}(answerTo); }}")

    def evaluate(self, script: str) -> Any:
        return self._page.evaluate(script)
