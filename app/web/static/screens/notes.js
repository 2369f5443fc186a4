// Notes of a meeting: summary, key points with what they rest on, decisions, tasks, and the transcript.

import { fill, h, icon, toast } from "../ui/dom.js";
import { clock, words } from "../ui/words.js";

const LISTS = [
  ["key_points", "Key points"],
  ["decisions", "Decisions"],
  ["action_items", "To do"],
  ["questions", "Open questions"],
  ["objections", "Objections"],
  ["pain_points", "Pain points"],
];

/** @returns {{element: Element, read: (meeting: object) => Promise<void>}} */
export function notesSection(app) {
  const { client, live } = app;
  const content = h("div", {});
  const element = h("section", { "aria-labelledby": "notes" }, h("h2", { id: "notes" }, "Notes"), content);
  let shown = null;

  async function make(meeting, event) {
    event.currentTarget.disabled = true;
    try {
      await client.post(`/meetings/${meeting.id}/notes`, {});
    } catch (error) {
      toast(words(error), { kind: "bad" });
    }
    live.dispatchEvent(new Event("reread"));
  }

  async function read(meeting) {
    const notes = await latest(client, meeting.id);
    const print = JSON.stringify([notes, meeting.started_at]);
    if (print === shown) return; // what is being read stays where it is
    shown = print;
    const button =
      meeting.my_relation === "owner" &&
      meeting.started_at &&
      notes?.state !== "pending" &&
      h("button", { onclick: (event) => make(meeting, event) }, icon("note"), notes ? "Make them again" : "Make notes");
    fill(content, notes ? view(notes) : h("p", { class: "empty" }, icon("note"), "No notes yet."), button);
  }

  return { element, read };
}

async function latest(client, meetingId) {
  try {
    const answer = await client.get(`/meetings/${meetingId}/notes`);
    return answer.items ? (answer.items.at(0) ?? null) : answer;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function view(notes) {
  if (notes.state === "pending")
    return h("p", { class: "empty", role: "status" }, icon("clock"), "The notes are being made …");
  const failed = notes.state === "failed" && h("p", { class: "problem" }, notes.error ?? "The notes could not be made.");
  if (failed && !notes.transcript) return failed;
  const segments = notes.transcript?.segments ?? [];
  const analysis = notes.analysis ?? {};
  const known = new Map(segments.map((segment) => [segment.id, segment]));
  return h(
    "div",
    { class: "card column notes" },
    failed,
    h(
      "p",
      { class: "badges" },
      notes.sentiment && h("span", { class: `badge mood-${notes.sentiment}` }, `Mood: ${notes.sentiment}`),
      notes.is_mock && h("span", { class: "badge mock" }, icon("flask"), "Mock notes"),
    ),
    analysis.summary && h("p", {}, analysis.summary),
    LISTS.map(([name, title]) => list(title, name === "key_points" ? notes.key_points : analysis[name], known)),
    transcript(segments),
  );
}

function list(title, items, known) {
  if (!items?.length) return null;
  return [
    h("h3", {}, title),
    h(
      "ul",
      { class: "points" },
      items.map((item) => h("li", {}, pointText(item), evidence(item, known))),
    ),
  ];
}

function pointText(item) {
  const more = [item.owner, item.due_text ?? item.due].filter(Boolean).join(", ");
  return more ? `${item.text} (${more})` : item.text;
}

/** Links to the segments that a claim rests on. */
function evidence(item, known) {
  return (item.evidence ?? [])
    .filter((id) => known.has(id))
    .map((id) => [
      " ",
      h(
        "a",
        {
          class: "evidence",
          href: `#segment-${id}`,
          "aria-label": `Heard at ${clock(known.get(id).start_s)}`,
          onclick: openTranscript,
        },
        clock(known.get(id).start_s),
      ),
    ]);
}

function openTranscript() {
  document.querySelector("details.transcript").open = true;
}

function transcript(segments) {
  if (segments.length === 0) return null;
  return h(
    "details",
    { class: "transcript" },
    h("summary", {}, "Transcript"),
    h(
      "ol",
      {},
      segments.map((segment) =>
        h(
          "li",
          { id: `segment-${segment.id}`, tabindex: -1 },
          h("span", { class: "row-time" }, clock(segment.start_s)),
          h("p", {}, h("strong", {}, segment.speaker?.label ?? "Somebody"), " ", segment.text),
        ),
      ),
    ),
  );
}
