// Recordings of a meeting: their state, playback and download.

import { confirmDialog } from "../ui/dialog.js";
import { fill, h, icon, renderList, toast } from "../ui/dom.js";
import { bytes, clock, dayAndTime, words } from "../ui/words.js";
import {
  chaptersOf,
  composeButtons,
  consentsOf,
  fileOf,
  playerOf,
  stateOf,
  tracksOf,
  waveformOf,
} from "./recording-card.js";

/** @returns {{element: Element, read: (meeting: object) => Promise<void>}} */
export function recordingsSection(app) {
  const { client, live } = app;
  const list = h("ul", { class: "cards" });
  const none = h("p", { class: "empty" }, icon("record"), "No recordings.");
  const element = h(
    "section",
    { "aria-labelledby": "recordings" },
    h("h2", { id: "recordings" }, "Recordings"),
    list,
    none,
  );

  async function play(recording, place) {
    fill(place, h("p", { class: "hint", role: "status" }, "Loading …"));
    try {
      const details = await client.get(`/recordings/${recording.id}`);
      const player = playerOf(details, (problem) => fill(place, problem));
      fill(place, player, chaptersOf(details.chapters, player));
      player.play().catch(() => {}); // a browser that wants another click shows its controls
      player.focus();
      if (details.waveform_url) {
        const { peaks } = await client.get(`/recordings/${recording.id}/waveform`);
        player.after(waveformOf(peaks, details.duration_s, player));
      }
    } catch (error) {
      fill(place, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  }

  async function download(recording) {
    try {
      const details = await client.get(`/recordings/${recording.id}`);
      h("a", { href: fileOf(details), download: true }).click();
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  }

  /** What it is made of, and for hosts who consented. */
  async function inspect(recording, place, host) {
    try {
      const details = await client.get(`/recordings/${recording.id}`);
      const consents = host ? (await client.get(`/recordings/${recording.id}/consents`)).items : [];
      fill(
        place,
        tracksOf(details) ?? h("p", { class: "hint" }, "There are no tracks."),
        host && consents.length > 0 && consentsOf(consents),
        host && ["ready", "failed"].includes(recording.state) && composeButtons(client, details),
      );
      place.querySelector("details")?.setAttribute("open", "");
    } catch (error) {
      fill(place, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  }

  async function remove(recording) {
    const text = "The file is deleted for everybody.";
    if (!(await confirmDialog({ title: "Delete the recording?", text, submit: "Delete", danger: true }))) return;
    try {
      await client.delete(`/recordings/${recording.id}`);
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    live.dispatchEvent(new Event("reread"));
  }

  function card(recording, meeting) {
    const owner = meeting.my_relation === "owner";
    const host = owner || meeting.my_role === "co_host";
    const ready = recording.state === "ready";
    const stopped = ready || recording.state === "failed";
    const place = h("div", { class: "player" });
    const inside = h("div", { class: "made-of" });
    const facts = [
      recording.duration_s && clock(recording.duration_s),
      recording.bytes && bytes(recording.bytes),
      `by ${recording.started_by.display_name}`,
    ];
    return h(
      "li",
      { class: "card column" },
      h(
        "div",
        { class: "card-line" },
        h(
          "div",
          { class: "grow" },
          h("h3", {}, dayAndTime(recording.started_at ?? recording.created_at)),
          h("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
          stateOf(recording),
          recording.outcome === "recovered" && h("p", { class: "badge" }, "Recovered after an interruption"),
          recording.error && h("p", { class: "problem" }, recording.error),
          recording.is_mock && h("p", { class: "badge mock" }, icon("flask"), "Mock file"),
        ),
        stopped &&
          h(
            "div",
            { class: "buttons" },
            recording.download_url && [
              h(
                "button",
                { "data-key": `play-${recording.id}`, onclick: () => play(recording, place) },
                icon("play"),
                "Play",
              ),
              h(
                "button",
                {
                  class: "quiet icon-only",
                  "aria-label": "Download",
                  "data-key": `load-${recording.id}`,
                  onclick: () => download(recording),
                },
                icon("download"),
              ),
            ],
            !recording.is_mock &&
              h(
                "button",
                {
                  class: "quiet",
                  "data-key": `tracks-${recording.id}`,
                  onclick: () => inspect(recording, inside, host),
                },
                "Tracks",
              ),
            owner &&
              h(
                "button",
                {
                  class: "quiet icon-only",
                  "aria-label": "Delete",
                  "data-key": `delete-${recording.id}`,
                  onclick: () => remove(recording),
                },
                icon("trash"),
              ),
          ),
      ),
      place,
      inside,
    );
  }

  async function read(meeting) {
    const items = await client.all(`/meetings/${meeting.id}/recordings`);
    none.hidden = items.length > 0;
    renderList(list, items, (one) => card(one, meeting));
  }

  return { element, read };
}
