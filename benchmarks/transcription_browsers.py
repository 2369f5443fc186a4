"""Two synthetic voices (flite's) for the microphones of two browsers: a meeting on a media worker, recorded, noted down
by the local rungs, and how much of what was said is in its notes, of whom, when, and as whose task.

`python -m benchmarks.transcription_browsers` prints what was understood, too.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.figure import Figure, Missing
from tests.e2e import chromium, talking
from tests.e2e.person import Person
from tests.support import planning, spoken

PEOPLE = ("Priyanka", "Rob")
WRONG = "words of a talk in two browsers that are wrong"
RIGHT = "its segments with the right speaker"
APART = "its lines, from when they were said, median"
SPREAD = "the same, the line that is furthest from the others"
TASKS = "tasks said in it that are found, with owner and day"


def measure() -> list[Figure | Missing]:
    missing = "no flite" if spoken.missing() else None if shutil.which(chromium.EXECUTABLE) else "no Chromium"
    if missing:
        return [Missing(name, f"{missing} is installed") for name in (WRONG, RIGHT, APART, SPREAD, TASKS)]
    return judged(held())


def held() -> talking.Held:
    with (
        tempfile.TemporaryDirectory() as folder,
        talking.server(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browsers = [chromium.launch(playwright) for _ in PEOPLE]
        try:
            people = [Person(browser, server, name) for browser, name in zip(browsers, PEOPLE, strict=True)]
            return talking.hold(server, people, planning.SCRIPT)
        finally:
            for browser in browsers:
                browser.close()


def judged(held: talking.Held) -> list[Figure | Missing]:
    segments = held.notes["transcript"]["segments"]
    found = planning.understood(held.lines, segments, held.zero_s)
    tasks = planning.tasks(held.on)
    done = sum(planning.found(task, held.notes["analysis"]["action_items"]) for task in tasks)
    right = 100 * (1 - len(found.strangers) / len(segments))
    return [
        Figure(WRONG, "%", 100 * found.wrong, None, "none", 25, 12, 0),
        Figure(RIGHT, "%", right, None, "none", 100, 100, 0, at_least=True),
        Figure(APART, "s", abs(found.late_by_s), None, "none", 0.3, 0.1, 0),
        Figure(SPREAD, "s", found.apart_s, None, "none", 0.3, 0.1, 0),
        Figure(TASKS, "%", 100 * done / len(tasks), None, "none", 100, 100, 0, at_least=True),
    ]


def main() -> None:
    talk = held()
    for segment in talk.notes["transcript"]["segments"]:
        confidence = segment["confidence"] or 0
        print(f"{segment['start_s']:7.2f} {segment['speaker']['label']:8} {confidence:.2f} {segment['text']}")
    for item in talk.notes["analysis"]["action_items"]:
        print(f"{item['due'] or 'some day':10} {item['owner'] or 'somebody':8} {item['text']}")
    for figure in judged(talk):
        if isinstance(figure, Figure):
            print(f"{figure.name}: {figure.value:.3g} {figure.unit}")


if __name__ == "__main__":
    main()
