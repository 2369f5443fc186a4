// What everybody in the room must know at present.

import { lostWords } from "../ui/connection.js";
import { fill, h, icon, toast } from "../ui/dom.js";
import { words } from "../ui/words.js";

function recordingWords(recorder) {
  const what = recorder.isStarting ? "The recording is starting" : "Being recorded";
  return `${what}${recorder.isMock ? " (by the mock recorder)" : ""}${recorder.asks ? ". Do you consent to it?" : ""}`;
}

async function answer(recorder, consent) {
  try {
    await recorder.answer(consent);
    if (!consent) toast("The hosts are told. You may leave, or stay with camera and microphone off.");
  } catch (error) {
    toast(words(error), { kind: "bad" });
  }
}

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
      recordingWords(recorder),
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
        name === "recording" &&
          recorder.asks && [
            h("button", { "data-key": "consent", onclick: () => answer(recorder, true) }, "I consent"),
            h("button", { class: "quiet", "data-key": "decline", onclick: () => answer(recorder, false) }, "I don't"),
          ],
        name === "blocked" && h("button", { onclick: () => stage.unblock() }, "Play sound"),
      ),
    ),
  );
}
