// Recordings of a meeting: their state, playback and download.

import { confirmDialog } from "../ui/dialog.js";
import { fill, h, icon, renderList, toast } from "../ui/dom.js";
import { bytes, clock, dayAndTime, words } from "../ui/words.js";

const STATES = {
  requested: "Starting",
  recording: "Recording now",
  stopping: "Stopping",
  processing: "Being prepared",
  failed: "Failed",
};

/** @returns {{element: Element, read: (meeting: object) => Promise<void>, dispose: () => void}} */
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
  const addresses = new Map(); // recording id → object URL of its bytes

  /** The file is fetched with the token, so that its address carries no secret. */
  async function load(recording) {
    if (!addresses.has(recording.id)) {
      const file = await client.file(`/recordings/${recording.id}/download`);
      addresses.set(recording.id, URL.createObjectURL(file));
    }
    return addresses.get(recording.id);
  }

  async function play(recording, place) {
    fill(place, h("p", { class: "hint", role: "status" }, "Loading …"));
    try {
      const tag = recording.audio_only || recording.content_type?.startsWith("audio/") ? "audio" : "video";
      const src = await load(recording);
      const player = h(tag, {
        src,
        controls: true,
        playsinline: true,
        "aria-label": `Recording of ${dayAndTime(recording.started_at)}`,
      });
      player.addEventListener("error", () =>
        fill(place, h("p", { class: "problem" }, "This browser can't play the file. Download it instead.")),
      );
      fill(place, player);
      player.play().catch(() => {}); // a browser that wants another click shows its controls
      player.focus();
    } catch (error) {
      fill(place, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  }

  async function download(recording) {
    try {
      const name = recording.file_path?.split("/").at(-1) ?? "recording";
      h("a", { href: await load(recording), download: name }).click();
    } catch (error) {
      toast(words(error), { kind: "bad" });
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

  function card(recording, owner) {
    const ready = recording.state === "ready";
    const place = h("div", { class: "player" });
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
          h("h3", {}, dayAndTime(recording.started_at)),
          h("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
          !ready && h("p", { class: "badge" }, STATES[recording.state]),
          recording.error && h("p", { class: "problem" }, recording.error),
          recording.is_mock && h("p", { class: "badge mock" }, icon("flask"), "Mock file"),
        ),
        ready &&
          h(
            "div",
            { class: "buttons" },
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
    );
  }

  async function read(meeting) {
    const owner = meeting.my_relation === "owner";
    const items = await client.all(`/meetings/${meeting.id}/recordings`);
    none.hidden = items.length > 0;
    renderList(list, items, (one) => card(one, owner));
  }

  return {
    element,
    read,
    dispose: () => {
      for (const address of addresses.values()) URL.revokeObjectURL(address);
    },
  };
}
