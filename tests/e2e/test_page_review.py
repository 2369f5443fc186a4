"""After a meeting: what plays is followed in the transcript, and everything leads to the moment that it rests on."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.person import Person, eventually
from tests.e2e.test_page_accessibility import check

pytestmark = pytest.mark.browser

People = Callable[..., Person]

RECORDED_AT_S = 0.5  # of the meeting, see `make_older`
CAPTIONS = """(media) => {
  const [track] = media.textTracks;
  if (!track) return [];
  track.mode = "showing"; // as its button in the player does; only then they are read
  return [...(track.cues ?? [])].map((cue) => cue.text);
}"""


def hold_meeting(ada: Person, title: str = "Weekly sync", invite: Person | None = None) -> str:
    """It is over, was recorded for 12 s, of which a mock's file has 6, and has notes."""
    meeting_id: str = ada.api("POST", "/meetings", {"title": title, "media_mode": "mock"})["id"]
    if invite:
        ada.api("POST", f"/meetings/{meeting_id}/invitations", {"invitees": [{"email": invite.email}]})
        [invitation] = invite.api("GET", "/invitations")["items"]
        invite.api("POST", f"/invitations/{invitation['id']}/accept")
    ada.api("POST", f"/meetings/{meeting_id}/start")
    recording = ada.api("POST", f"/meetings/{meeting_id}/recordings", {})
    ada.server.make_older(meeting_id, by_s=12)
    ada.api("POST", f"/recordings/{recording['id']}/stop")
    ada.api("POST", f"/meetings/{meeting_id}/end")
    ada.api("POST", f"/meetings/{meeting_id}/notes", {})
    return meeting_id


def player_of(ada: Person) -> Locator:
    player = ada.page.locator(".review video, .review audio")
    eventually(ada.page, lambda: player.evaluate("(media) => media.readyState >= 1"), "it can be played")
    return player


def current_line(ada: Person) -> Locator:
    return ada.page.locator('.line[aria-current="true"]')


def seconds_of(player: Locator) -> float:
    at: float = player.evaluate("(media) => media.currentTime")
    return at


def test_the_transcript_follows_and_claims_lead_to_their_moment(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = hold_meeting(ada)
    ada.page.goto(f"/meetings/{meeting_id}")
    expect(ada.heading("Key points")).to_be_visible()
    notes = ada.page.get_by_role("region", name="Notes")
    expect(notes.get_by_text("Mock notes")).to_be_visible()
    segments = ada.api("GET", f"/meetings/{meeting_id}/transcript")["segments"]
    second, third = segments[1], segments[2]
    player = player_of(ada)

    ada.page.locator(f'[data-segment="{second["id"]}"] .line-time').click()
    assert seconds_of(player) == pytest.approx(second["start_s"] - RECORDED_AT_S, abs=0.01)
    expect(current_line(ada)).to_have_attribute("data-segment", second["id"])

    word = third["words"][2]
    ada.page.locator(f'[data-segment="{third["id"]}"] .said span').nth(2).click()
    assert seconds_of(player) == pytest.approx(word["start_s"] - RECORDED_AT_S, abs=0.01)
    expect(ada.page.locator(".is-now")).to_have_text(word["text"])

    player.evaluate("async (media) => { media.currentTime = 0; media.muted = true; await media.play(); }")
    expect(current_line(ada)).to_have_attribute("data-segment", second["id"])

    claim = notes.get_by_role("link", name="Heard at").last
    claim.click()
    cited = claim.inner_text().strip()
    expect(current_line(ada).locator(".line-time")).to_have_text(cited)
    expect(current_line(ada)).to_be_in_viewport()
    address = claim.get_attribute("href") or ""
    ada.page.goto(address)
    expect(current_line(ada).locator(".line-time")).to_have_text(cited)
    check(ada.page, "meeting with what was said")


def test_who_scrolls_is_left_alone_until_they_want_to_follow_again(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = hold_meeting(ada)
    ada.page.set_viewport_size({"width": 1000, "height": 620})  # a transcript that is longer than its place
    ada.page.goto(f"/meetings/{meeting_id}")
    player = player_of(ada)
    pane = ada.page.locator(".transcript")
    follow = ada.page.get_by_role("button", name="Follow along")
    player.evaluate("(media) => { media.currentTime = 1; }")
    expect(current_line(ada)).to_be_visible()
    expect(follow).to_be_hidden()

    pane.hover()
    ada.page.mouse.wheel(0, 3000)
    expect(follow).to_be_visible()
    at_the_end = eventually(ada.page, lambda: pane.evaluate("(pane) => pane.scrollTop"), "it is scrolled")
    player.evaluate("(media) => { media.currentTime = 3; }")
    ada.page.wait_for_function("() => document.querySelector('.review video').currentTime === 3")
    expect(current_line(ada)).not_to_be_in_viewport()
    assert pane.evaluate("(pane) => pane.scrollTop") >= at_the_end

    follow.click()
    expect(current_line(ada)).to_be_in_viewport()
    expect(follow).to_be_hidden()


def test_what_a_host_corrects_is_kept_and_stands_in_captions_and_notes(someone: People) -> None:
    ada, bo = someone("Ada Lind"), someone("Bo Berg")
    meeting_id = hold_meeting(ada, invite=bo)
    ada.page.goto(f"/meetings/{meeting_id}")
    player = player_of(ada)
    said = "<b>Good morning</b>, everyone & all."
    ada.page.get_by_role("button", name="Correct", exact=True).press("Enter")
    first, second = ada.page.locator(".line").nth(0), ada.page.locator(".line").nth(1)
    second.get_by_role("button", name="Correct the text").press("Enter")
    check(ada.page, "meeting whose transcript is corrected")
    second.get_by_role("textbox").fill(said)
    second.get_by_role("button", name="Save").press("Enter")
    expect(second.locator(".said")).to_have_text(said)

    first.get_by_role("button", name="Ada Lind", exact=True).click()
    dialog = ada.page.get_by_role("dialog", name="Who is “Ada Lind”?")
    dialog.get_by_label("Name").fill("Augusta")
    dialog.get_by_role("button", name="Rename").click()
    notes = ada.page.get_by_role("region", name="Notes")
    expect(notes.locator(".talk")).to_contain_text("Augusta")

    cue = "&lt;b&gt;Good morning&lt;/b&gt;, everyone &amp; all.</v>"
    eventually(ada.page, lambda: any(cue in one for one in player.evaluate(CAPTIONS)), "it stands in the captions")
    assert any(cue.startswith("<v Augusta>") for cue in player.evaluate(CAPTIONS))

    ada.page.get_by_role("button", name="Done").click()
    ask = ada.page.get_by_role("dialog", name="Write the notes anew?")
    ask.get_by_role("button", name="Write them anew").click()
    expect(notes.get_by_text("Ada Lind")).to_have_count(0)
    ada.page.reload()
    expect(second.locator(".said")).to_have_text(said)
    expect(first.locator(".name")).to_have_text("Augusta")

    with ada.page.expect_download() as download:
        ada.page.get_by_role("button", name="Download the transcript").click()
        ada.page.get_by_role("button", name="Captions (SubRip)").click()
    assert download.value.suggested_filename == "Weekly sync.srt"
    assert "‹b›Good" in download.value.path().read_text()

    bo.page.goto(f"/meetings/{meeting_id}")
    expect(bo.page.locator(".line").nth(1)).to_have_text(re.compile("Good morning"))
    expect(bo.page.get_by_role("button", name="Correct")).to_have_count(0)
    expect(bo.page.get_by_role("button", name="Make them again")).to_have_count(0)


def test_what_somebody_types_outlasts_what_another_has_changed_in_the_same_line(someone: People) -> None:
    ada = someone("Ada Lind")
    meeting_id = hold_meeting(ada)
    ada.page.goto(f"/meetings/{meeting_id}")
    expect(ada.heading("Key points")).to_be_visible()
    ada.page.get_by_role("button", name="Correct", exact=True).click()
    line = ada.page.locator(".line").nth(1)
    line.get_by_role("button", name="Correct the text").click()
    line.get_by_role("textbox").fill("Mine.")
    ada.page.evaluate(
        """async ([path, id, email]) => {
          const { ParleyClient } = await import("/web/parley-client.js");
          const client = new ParleyClient();
          await client.login({ email, password: "correct horse battery" });
          await client.patch(path, { segments: [{ id, text: "Theirs." }] }, { version: 1 });
        }""",
        [f"/meetings/{meeting_id}/transcript", line.get_attribute("data-segment"), ada.email],
    )
    line.get_by_role("button", name="Save").click()
    expect(ada.page.locator(".toast").get_by_text("Somebody changed this meanwhile.")).to_be_visible()
    expect(line.get_by_role("textbox")).to_have_value("Mine.")
    ada.page.get_by_role("button", name="Done").click()
    expect(line.locator(".said")).to_have_text("Mine.")
