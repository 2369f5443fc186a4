// One recording: its state, and what it is made of: tracks with their gaps, who consented.

import { fileOf } from "../review/playing.js";
import { h, icon, svg, toast } from "../ui/dom.js";
import { bytes, clock, words } from "../ui/words.js";

const STATES = {
  requested: "Starting",
  recording: "Recording now",
  stopping: "Collecting what was recorded",
  processing: "Being prepared",
  failed: "Failed",
};
const TRACK_STATES = { recording: "being recorded", spooled: "on its way", lost: "lost" };
const SOURCES = { microphone: "Microphone", camera: "Camera", screen: "Screen" };

/** What is shown of a recording while it is not ready. */
export function stateOf(recording) {
  if (recording.state === "ready") return null;
  const percent = recording.progress === null ? "" : ` – ${Math.round(recording.progress * 100)} %`;
  return h(
    "div",
    {},
    h("p", { class: "badge" }, `${STATES[recording.state]}${percent}`),
    recording.progress !== null &&
      h("progress", { class: "wide", max: 1, value: recording.progress, "aria-label": "Being prepared" }),
  );
}

/** Each track as a line over the recording's length: where it is, where nothing came, where it was muted. */
export function tracksOf(details) {
  if (!details.tracks.length && !details.missing.length) return null;
  const length = lengthOf(details);
  return h(
    "details",
    { class: "tracks" },
    h("summary", {}, `${details.tracks.length} tracks`),
    h(
      "ul",
      { class: "plain" },
      details.tracks.map((track) =>
        h(
          "li",
          { class: "track", "data-track": track.id },
          h(
            "div",
            { class: "card-line" },
            h(
              "div",
              { class: "grow" },
              h("b", {}, track.display_name || "Somebody"),
              h("p", { class: "hint" }, factsOf(track).filter(Boolean).join(" · ")),
            ),
            track.signed_url &&
              h(
                "a",
                {
                  class: "button quiet icon-only",
                  href: fileOf(track),
                  download: true,
                  "aria-label": `Download ${SOURCES[track.source]} of ${track.display_name}`,
                },
                icon("download"),
              ),
          ),
          spansOf(track, length),
        ),
      ),
      missingOf(details),
    ),
  );
}

/** Who was there, and of whom nothing has come. */
function missingOf({ missing, state }) {
  const why = { none_begun: "did not record", not_arrived: state === "stopping" ? "is being waited for" : "has not arrived" };
  return missing.map((one) =>
    h(
      "li",
      { class: "track", "data-missing": one.participant_id },
      h("b", {}, one.display_name),
      h("p", { class: "hint" }, `Nothing of them: ${why[one.reason]}`),
    ),
  );
}

function factsOf(track) {
  const missing = sum(track.gaps);
  return [
    SOURCES[track.source],
    track.origin === "client" && "recorded on their own device",
    track.codec.toUpperCase(),
    track.duration_s && clock(track.duration_s),
    track.bytes && bytes(track.bytes),
    missing >= 0.1 && `${missing.toFixed(1)} s missing`,
    track.recovered && "recovered",
    TRACK_STATES[track.state] && `${TRACK_STATES[track.state]}${track.reason ? ` (${track.reason})` : ""}`,
  ];
}

function spansOf(track, length) {
  const at = Math.max(track.offset_s ?? 0, 0);
  const shape = (from, until, name) =>
    svg("rect", { x: from, y: 0, width: Math.max(until - from, length / 500), height: 1, class: name });
  const parts = [shape(at, at + (track.duration_s ?? 0), "there")];
  for (const [from, until] of track.mutes) parts.push(shape(at + from, at + until, "muted"));
  for (const [from, until] of track.gaps) parts.push(shape(at + from, at + until, "gap"));
  const picture = svg("svg", { viewBox: `0 0 ${length} 1`, preserveAspectRatio: "none", class: "spans" });
  picture.setAttribute("role", "img");
  const told = track.gaps.map(([from, until]) => `${clock(at + from)} to ${clock(at + until)}`).join(", ");
  picture.setAttribute("aria-label", told ? `Nothing came from ${told}` : "Without gaps");
  picture.append(...parts);
  return picture;
}

/** Who was asked, and what they said. Hosts alone may see it. */
export function consentsOf(items) {
  const said = (one) => (one.consent === null ? "has not answered" : one.consent ? "consents" : "declines");
  return h(
    "details",
    { class: "consents" },
    h("summary", {}, "Who consented"),
    h(
      "ul",
      { class: "plain" },
      items.map((one) => h("li", {}, `${one.display_name} ${said(one)}`)),
    ),
  );
}

/** Compose it again, for hosts. */
export function composeButtons(client, details) {
  if (!details.tracks.some((track) => track.state === "uploaded")) return null;
  const again = (layout, clean = "none") => async () => {
    try {
      await client.post(`/recordings/${details.id}/compose`, { layout, clean });
      toast("It is being composed anew. What there was stays until then.");
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
  };
  return h(
    "div",
    { class: "buttons" },
    h("button", { class: "quiet", onclick: again("grid") }, "Compose as a grid"),
    h("button", { class: "quiet", onclick: again("speaker") }, "Compose with who speaks large"),
    h("button", { class: "quiet", onclick: again("grid", "loudness") }, "Compose at the loudness of podcasts"),
  );
}

function lengthOf(details) {
  const ends = details.tracks.map((track) => (track.offset_s ?? 0) + (track.duration_s ?? 0));
  return Math.max(details.duration_s ?? 0, ...ends, 1);
}

function sum(spans) {
  return spans.reduce((whole, [from, until]) => whole + until - from, 0);
}
