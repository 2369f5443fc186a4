"""Takes the pictures of the README anew: `python -m tests.e2e.screenshots [folder]` (default: docs/images).

The call is a real one between three browser windows; only their cameras are drawn, since Chromium's test picture
is no sight for a README.
"""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.e2e import chromium
from tests.e2e.conftest import REMEMBER_CONNECTIONS
from tests.e2e.person import Person, eventually
from tests.e2e.server import ROOT, Server
from tests.e2e.test_page_calls import begin_to_send, silence

SIZE = {"width": 1200, "height": 750}
CAMERA = Path(__file__).with_name("drawn_camera.js").read_text()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as storage,
        Server(Path(storage), MOCK_RECORDER="true", TRANSCRIBER="mock", ANALYST="mock") as server,
        sync_playwright() as playwright,
        chromium.launch(playwright) as browser,
    ):
        people = [Person(browser, server, name, viewport=SIZE) for name in ("Ada Lind", "Bo Berg", "Cleo Marsh")]
        for number, person in enumerate(people):
            person.context.add_init_script(REMEMBER_CONNECTIONS)
            person.context.add_init_script(CAMERA.replace("NUMBER", str(number)))
            person.register()
        ada, bo, cleo = people
        room = _plan(ada, bo, cleo)
        ada.page.reload()
        ada.screens_ready()
        _save(ada, folder / "dashboard.png")
        for person in people:
            person.join(room)
        cleo.control("Mute").click()
        eventually(ada.page, lambda: ada.media()["connections"] == 2 and ada.media()["frames"] > 60, "a call of three")
        expect(ada.tile(cleo)).to_contain_text("Muted:")
        for notice in ada.page.locator(".toast").all():
            notice.get_by_role("button", name="Dismiss").click()
        ada.page.evaluate("() => document.activeElement.blur()")
        _save(ada, folder / "room.png")
        _read_notes(bo, Path(storage))
        _save(bo, folder / "notes.png")


def _save(person: Person, file: Path) -> None:
    """With a palette of 256 colours, which takes a third of the space."""
    picture = Image.open(BytesIO(person.page.screenshot()))
    picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)


def _read_notes(person: Person, folder: Path) -> None:
    """Those of a call that was sent, at a moment that a claim of theirs rests on."""
    begin_to_send(
        person, silence(folder, "renewal.wav"), Title="Renewal with Acme", On_the_left="Anna", On_the_right="Carla"
    )
    expect(person.heading("Renewal with Acme")).to_be_visible()
    claim = person.page.get_by_role("link", name="Heard at").nth(4)
    claim.click()
    for notice in person.page.locator(".toast").all():
        notice.get_by_role("button", name="Dismiss").click()
    person.page.locator(".actions").scroll_into_view_if_needed()
    person.page.evaluate("() => document.activeElement.blur()")
    expect(person.page.locator('.line[aria-current="true"]')).to_be_in_viewport()


def _plan(ada: Person, bo: Person, cleo: Person) -> str:
    """A diary with something in every part. Returns the meeting to meet in."""
    _meeting(bo, "Design review", [ada], at=_at(1, 9), message="Drawings are attached.", minutes=45)
    interview = _meeting(ada, "Interview: Dana Okafor", [bo], at=_at(1, 13), minutes=60)
    room = _meeting(ada, "Weekly sync", [bo, cleo], at=_at(0, 23), minutes=30)
    _meeting(ada, "Coffee corner", [])
    planning = _meeting(cleo, "Release planning", [ada])
    for person in (bo, cleo, ada):
        for invitation in person.api("GET", "/invitations")["items"]:
            if invitation["meeting"]["id"] == interview:
                proposal = {"starts_at": _at(2, 10), "duration_min": 60, "note": "I am on a train until nine."}
                person.api("POST", f"/invitations/{invitation['id']}/propose", proposal)
            elif invitation["meeting"]["title"] != "Design review":
                person.api("POST", f"/invitations/{invitation['id']}/accept")
    cleo.api("POST", f"/meetings/{planning}/start")
    return room


def _meeting(
    host: Person,
    title: str,
    guests: list[Person],
    *,
    at: str | None = None,
    minutes: int | None = None,
    message: str = "",
) -> str:
    body = {"title": title, "starts_at": at, "duration_min": minutes}
    meeting_id: str = host.api("POST", "/meetings", body)["id"]
    if guests:
        invitees = [{"email": guest.email} for guest in guests]
        host.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": invitees, "message": message})
    return meeting_id


def _at(days: int, hour: int) -> str:
    day = datetime.now(UTC) + timedelta(days=days)
    return day.replace(hour=hour, minute=0, second=0, microsecond=0).isoformat()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
