"""Two people talk over a media worker, and their notes are judged by what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e import chromium, talking
from tests.e2e.person import Person
from tests.e2e.server import Server
from tests.support import planning, spoken

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRONG = 0.25  # of the words, at most


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    spoken.require()
    chromium.require_chromium()
    with talking.server(tmp_path_factory.mktemp("talk")) as running:
        yield running


def test_notes_tell_what_two_people_said_and_when_and_who_does_what_until_when(
    visitor: Callable[..., Person], server: Server, record_property: Callable[[str, object], None]
) -> None:
    held = talking.hold(server, [visitor("Priyanka"), visitor("Rob")], planning.SCRIPT)
    assert held.recording["state"] == "ready"
    assert held.notes["state"] == "ready", held.notes
    assert held.notes["provider"] == "local"

    judged = planning.understood(held.lines, held.notes["transcript"]["segments"], held.zero_s)
    record_property("figure: words wrong of a talk in two browsers", round(judged.wrong, 3))
    record_property("figure: its segments are late by, in seconds", round(judged.late_by_s, 3))
    record_property("figure: and off that by, at most", round(judged.apart_s, 3))
    assert judged.wrong < WRONG
    assert judged.strangers == []
    assert len(judged.late_s) == len(held.lines)  # nothing that was said is missing
    assert abs(judged.late_by_s) < 0.5
    assert judged.apart_s < 0.5

    items = held.notes["analysis"]["action_items"]
    assert [task for task in planning.tasks(held.on) if not planning.found(task, items)] == [], items
