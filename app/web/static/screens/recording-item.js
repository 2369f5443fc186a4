// One recording in a list: what it is, and what one may do with it.

import { fileOf, playIn, recordingToPlay } from "../review/playing.js";
import { confirmDialog, field, formDialog } from "../ui/dialog.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { bytes, clock, day, dayAndTime, words } from "../ui/words.js";
import { composeButtons, consentsOf, stateOf, tracksOf } from "./recording-card.js";
import { exportsDialog } from "./recording-exports.js";
import { sharesDialog } from "./recording-shares.js";

/**
 * @param {object} options of its meeting: owner, host; linked: its title leads there; onPlay(recording): what plays it, else
 *   it does itself
 */
export function recordingItem(app, recording, { owner = false, host = false, linked = false, onPlay = null } = {}) {
  const stopped = ["ready", "failed"].includes(recording.state);
  const place = h("div", { class: "player" });
  const inside = h("div", { class: "made-of" });
  const { title } = recording;
  const facts = [
    dayAndTime(recording.started_at ?? recording.created_at),
    recording.duration_s && clock(recording.duration_s),
    recording.bytes && bytes(recording.bytes),
    `by ${recording.started_by.display_name}`,
  ];
  const button = (name, words, run, shape = null) =>
    h(
      "button",
      {
        class: shape ? "quiet icon-only" : "quiet",
        "aria-label": shape && words,
        title: shape && words,
        "data-key": `${name}-${recording.id}`,
        onclick: run,
      },
      shape ? icon(shape) : words,
    );
  return h(
    "li",
    { class: "card column", "data-recording": recording.id },
    h(
      "div",
      { class: "card-line" },
      h(
        "div",
        { class: "grow" },
        h(linked ? "h2" : "h3", {}, linked ? h("a", { href: `/meetings/${recording.meeting_id}` }, title) : title),
        h("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
        recording.kept_until && h("p", { class: "hint" }, `Will be deleted: ${day(recording.kept_until)}`),
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
              { "data-key": `play-${recording.id}`, onclick: () => (onPlay ? onPlay(recording) : play(app, recording, place)) },
              icon("play"),
              "Play",
            ),
            button("load", "Download", () => download(app, recording), "download"),
          ],
          !recording.is_mock && button("tracks", "Tracks", () => inspect(app, recording, inside, host)),
          owner && !recording.is_mock && button("export", "Export", () => exportsDialog(app, recording)),
          owner && recording.download_url && button("share", "Share", () => sharesDialog(app, recording), "link"),
          owner && button("rename", "Rename", () => rename(app, recording), "edit"),
          owner && button("delete", "Delete", () => remove(app, recording), "trash"),
        ),
    ),
    place,
    inside,
  );
}

async function play({ client }, recording, place) {
  fill(place, h("p", { class: "hint", role: "status" }, "Loading …"));
  try {
    const lookUp = () => recordingToPlay(client, recording.id);
    playIn(place, await lookUp(), lookUp, { playing: true, onPlayer: (player) => player.focus() });
  } catch (error) {
    fill(place, h("p", { class: "problem", role: "alert" }, words(error)));
  }
}

async function download({ client }, recording) {
  try {
    const details = await client.get(`/recordings/${recording.id}`);
    h("a", { href: fileOf(details), download: true }).click();
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
}

/** What it is made of, and for hosts who consented. */
async function inspect({ client }, recording, place, host) {
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

function rename({ client, live }, recording) {
  formDialog({
    title: "Rename the recording",
    submit: "Rename",
    fields: [field("Title", { name: "title", value: recording.title, required: true, maxlength: 200, autofocus: true })],
    send: (data) => client.patch(`/recordings/${recording.id}`, { title: data.get("title").trim() }),
    done: () => live.dispatchEvent(new Event("reread")),
  });
}

async function remove({ client, live }, recording) {
  const text = "Its files are deleted for everybody, and links to it open nothing any more.";
  if (!(await confirmDialog({ title: "Delete the recording?", text, submit: "Delete", danger: true }))) return;
  try {
    await client.delete(`/recordings/${recording.id}`);
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
  live.dispatchEvent(new Event("reread"));
}
