// What was said in a meeting or a call, and what was made of it: a player with its transcript, and the notes.

import { confirmDialog, field, formDialog } from "../ui/dialog.js";
import { fill, h, icon, say, toast } from "../ui/dom.js";
import { clock, words } from "../ui/words.js";
import { claimsOf, marksOf } from "./claims.js";
import { downloadsOf } from "./downloads.js";
import { placeOf } from "./parts.js";
import { ReviewPlayer } from "./player.js";
import { stagesOf } from "./stages.js";
import { talkOf } from "./talk.js";
import { transcriptView } from "./transcript.js";

const PROGRESS_MS = 2000; // how far a stage is comes without an event

/**
 * @param {string} path of the meeting or the call, as in the API and on the page: `/meetings/…`
 * @returns {{panel: Element, notes: Element, read: Function, open: Function, dispose: Function}} `panel`: player and
 *   transcript, hidden while there is neither
 */
export function review(app, path) {
  const { client, live } = app;
  let subject = null; // {title, parts, zero, partsAreRecordings, canCorrect, canMake, canRetry, retry, searched}
  let notes = null;
  let transcript = null; // the newest there is, of an earlier version too
  let isCorrecting = false;
  let shown = null;
  let timer = null;
  let isOver = false;

  const player = new ReviewPlayer(captionsOf);
  const lines = transcriptView({ onJump: jump, correct, rename });
  const tools = h("div", { class: "buttons transcript-tools" });
  const panel = h(
    "section",
    { class: "review", "aria-labelledby": "heard", hidden: true },
    h("div", { class: "review-head" }, h("h2", { id: "heard" }, "What was said"), tools),
    player.element,
    lines.element,
  );
  const content = h("div", {});
  const element = h("section", { "aria-labelledby": "notes" }, h("h2", { id: "notes" }, "Notes"), content);
  player.addEventListener("time", () => player.now !== null && lines.follow(player.now));

  async function read(what) {
    subject = what;
    notes = await orNothing(client.get(`${path}/notes`));
    transcript =
      notes?.transcript ?? (notes && notes.version > 1 ? await orNothing(client.get(`${path}/transcript`)) : null);
    draw();
    clearTimeout(timer);
    if (notes?.state === "pending" && !isOver) timer = setTimeout(() => read(subject).catch(() => {}), PROGRESS_MS);
  }

  function draw() {
    player.draw(subject.parts);
    lines.element.hidden = !transcript;
    panel.hidden = !transcript && player.element.hidden;
    const print = JSON.stringify([
      notes,
      transcript,
      subject.canCorrect,
      subject.canMake,
      subject.canRetry,
      isCorrecting,
    ]);
    if (print === shown) return; // what is being read stays where it is
    const revised = shown !== null;
    shown = print;
    isCorrecting &&= canCorrect();
    lines.draw(transcript, { isCorrecting });
    fill(tools, transcript && [canCorrect() && correctButton(), searchLink(), downloadsOf(app, path, subject.title)]);
    fill(content, notes ? ofNotes() : h("p", { class: "empty" }, icon("note"), "No notes yet."), makeButton());
    if (revised) player.readCaptions();
  }

  const canCorrect = () => subject.canCorrect && Boolean(notes?.transcript) && notes.state !== "pending";

  function ofNotes() {
    const isOpen = notes.state !== "ready";
    return h(
      "div",
      { class: "card column notes" },
      notes.state === "pending" && h("p", { class: "hint", role: "status" }, "The notes are being made …"),
      notes.state === "failed" && h("p", { class: "problem" }, notes.error ?? "The notes could not be made."),
      isOpen && stagesOf(notes),
      notes.state === "failed" && subject.canRetry && retryButton(),
      notes.transcript && marksOf(notes),
      claimsOf(notes, { addressOf, onJump: lead }),
      notes.analysis && talkOf(notes.analysis),
      !isOpen && h("details", {}, h("summary", {}, "How they were made"), stagesOf(notes)),
    );
  }

  function makeButton() {
    if (!subject.canMake || notes?.state === "pending") return null;
    const make = () => client.post(`${path}/notes`, {});
    return actionButton(make, "note", notes ? "Make them again" : "Make notes");
  }

  function retryButton() {
    const retry = () => client.post(`${path}${subject.retry}`, {});
    return h("div", { class: "buttons" }, actionButton(retry, "play", "Try again"));
  }

  function actionButton(work, shape, label) {
    const run = async ({ currentTarget }) => {
      currentTarget.disabled = true;
      try {
        await work();
      } catch (error) {
        toast(words(error), { kind: "bad" });
        currentTarget.disabled = false;
      }
      live.dispatchEvent(new Event("reread"));
    };
    return h("button", { "data-key": label, onclick: run }, icon(shape), label);
  }

  function correctButton() {
    const toggle = async () => {
      if (!(await lines.finish())) return;
      isCorrecting = !isCorrecting;
      draw();
      tools.querySelector('[data-key="correct"]')?.focus();
      if (!isCorrecting) await offerToAnalyse();
    };
    const pressed = String(isCorrecting);
    return h(
      "button",
      {
        class: isCorrecting ? "primary folds" : "quiet folds",
        "data-key": "correct",
        "aria-pressed": pressed,
        onclick: toggle,
      },
      icon(isCorrecting ? "check" : "edit"),
      h("span", {}, isCorrecting ? "Done" : "Correct"),
    );
  }

  /** Names in the notes change with the transcript; what was made of a text does not. */
  let corrected = false;
  async function offerToAnalyse() {
    if (!corrected || notes.state !== "ready" || !subject.canRetry) return;
    corrected = false;
    const text = "The transcript was corrected. The summary and the lists still say what was made of it before.";
    if (!(await confirmDialog({ title: "Write the notes anew?", text, submit: "Write them anew" }))) return;
    try {
      await client.post(`${path}${subject.retry}`, { analyse: true });
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    await read(subject);
  }

  const searchLink = () =>
    subject.searched &&
    h(
      "a",
      {
        class: "button quiet icon-only",
        href: `/search?${subject.searched}`,
        "aria-label": "Search in it",
        title: "Search in it",
      },
      icon("search"),
    );

  /** @throws {ParleyError} */
  async function correct(changes) {
    try {
      await client.patch(`${path}/transcript`, changes, { version: notes.transcript_revision });
      corrected ||= Boolean(changes.segments);
    } finally {
      await read(subject); // also what somebody else has changed meanwhile
    }
  }

  function rename({ id, label }) {
    const hint = "Everywhere in this transcript and its notes. Empty: as they were called there.";
    formDialog({
      title: `Who is “${label}”?`,
      submit: "Rename",
      fields: [field("Name", { name: "label", value: label, maxlength: 100, hint, autofocus: true })],
      send: (data) => correct({ speakers: [{ id, label: data.get("label").trim() || null }] }),
    });
  }

  function jump(seconds) {
    lines.show(seconds);
    player.seek(seconds);
    say(`At ${clock(seconds)}.`);
  }

  /** From elsewhere on the page. On a phone the transcript may be out of sight. */
  function lead(seconds) {
    jump(seconds);
    lines.bringIntoSight();
  }

  /** Of this page, at that second. */
  function addressOf(seconds) {
    const place = placeOf(subject.parts, seconds);
    const at = new URLSearchParams(
      place && subject.partsAreRecordings
        ? { recording: place.part.id, t: place.at.toFixed(1) }
        : { t: seconds.toFixed(1) },
    );
    return `${path}?${at}`;
  }

  /** Where an address points: as `addressOf` has it, or by the time of day, as of what is in no recording. */
  function open(parameters) {
    const moment = Date.parse(parameters.get("at") ?? "");
    if (!Number.isNaN(moment) && subject.zero !== null) return lead(Math.max(0, (moment - subject.zero) / 1000));
    const at = Number.parseFloat(parameters.get("t"));
    if (!Number.isFinite(at) || at < 0) return;
    const part = subject.parts.find(({ id }) => id === parameters.get("recording"));
    lead((part?.startS ?? 0) + at);
  }

  /** Play a part from its beginning. */
  function play(partId) {
    player.open(partId, { playing: true });
    panel.scrollIntoView({ block: "nearest" });
  }

  async function captionsOf(partId) {
    if (!transcript) return null;
    const of = subject.partsAreRecordings ? { recording_id: partId } : {};
    return client.file(`${path}/transcript`, { query: { format: "vtt", ...of }, tries: 1 });
  }

  function dispose() {
    isOver = true;
    clearTimeout(timer);
    player.dispose();
  }

  return { panel, notes: element, read, open, play, dispose };
}

async function orNothing(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}
