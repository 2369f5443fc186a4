// What everybody in the room must know at present.

import { lostWords } from "../ui/connection.js";
import { fill, h, icon } from "../ui/dom.js";

export function bannersOf(parent, call, recorder, stage, connection) {
  const notes = [];
  if (connection.lost) notes.push(["offline", "wait", "warning", lostWords(connection.trouble)]);
  if (call.mode === "mock") {
    notes.push([
      "mock",
      "mock",
      "flask",
      "This meeting's media is a mock: signals are exchanged, but no picture or sound reaches the others.",
    ]);
  }
  if (call.mode === "sfu" && !call.rtc.sfu_participant_id) {
    notes.push([
      "no-media-server",
      "wait",
      "warning",
      "Sound and pictures are interrupted: the media server is gone, and another is being looked for.",
    ]);
  }
  if (recorder.running)
    notes.push([
      "recording",
      "recording",
      "record",
      recorder.isMock ? "Being recorded (by the mock recorder)" : "Being recorded",
    ]);
  if (stage.blocked) notes.push(["blocked", "wait", "warning", "The browser holds the sound back."]);
  const print = JSON.stringify(notes);
  if (parent.dataset.print === print) return;
  parent.dataset.print = print;
  fill(
    parent,
    notes.map(([name, look, shape, text]) =>
      h(
        "div",
        { class: `banner ${look}`, role: "status", "data-banner": name },
        icon(shape),
        h("p", {}, text),
        name === "blocked" && h("button", { onclick: () => stage.unblock() }, "Play sound"),
      ),
    ),
  );
}
