// What an analyst made of a transcript. Every claim leads to the moments that it rests on.

import { h, icon } from "../ui/dom.js";
import { clock, day } from "../ui/words.js";

const LISTS = [
  ["key_points", "Key points"],
  ["decisions", "Decisions"],
  ["action_items", "To do"],
  ["questions", "Open questions"],
  ["objections", "Objections"],
  ["pain_points", "Pain points"],
];
const CHIPS = [
  ["topics", "Topics"],
  ["entities", "Mentioned"],
];
const GRADES = {
  draft: ["Draft: hear the recording before you rely on it", "draft"],
  fair: ["Transcript: fair", ""],
  good: null, // that is as it should be
};

/**
 * @param {object} notes
 * @param {{addressOf: (seconds: number) => string, onJump: (seconds: number) => void}} places
 */
export function claimsOf(notes, places) {
  const segments = notes.transcript?.segments ?? [];
  const analysis = notes.analysis ?? {};
  const known = new Map(segments.map((segment) => [segment.id, segment]));
  const evidence = (item) => item.evidence.filter((id) => known.has(id)).map((id) => link(known.get(id), places));
  return [
    analysis.summary && h("p", { class: "summary", dir: "auto" }, analysis.summary),
    LISTS.map(([name, title]) => list(title, analysis[name], evidence)),
    CHIPS.map(([name, title]) => chips(title, analysis[name], evidence)),
    analysis.warnings?.length > 0 &&
      h(
        "ul",
        { class: "plain hint" },
        analysis.warnings.map((text) => h("li", {}, text)),
      ),
  ];
}

/** What one has to know before one believes them. */
export function marksOf(notes) {
  const grade = notes.transcript && !notes.is_mock && GRADES[notes.transcript.quality.grade];
  const { analysis, sentiment } = notes;
  const isGuessed = notes.transcript?.segments.some(({ speaker }) => speaker.source === "diarized");
  return h(
    "p",
    { class: "badges" },
    sentiment && h("span", { class: `badge mood-${sentiment}` }, `Mood: ${sentiment}`),
    notes.is_mock && h("span", { class: "badge mock" }, icon("flask"), "Mock notes: nothing of it was heard"),
    isGuessed && h("span", { class: "badge draft" }, icon("warning"), "Who speaks is guessed by their voices"),
    grade && h("span", { class: `badge ${grade[1]}` }, grade[1] && icon("warning"), grade[0]),
    analysis && !notes.is_mock && h("span", { class: "badge" }, METHODS[analysis.method] ?? analysis.method),
  );
}

const METHODS = { extractive: "Put together from what was said", llm: "Written by a language model" };

function list(title, items, evidence) {
  if (!items?.length) return null;
  return [
    h("h3", {}, title),
    h(
      "ul",
      { class: "points" },
      items.map((item) =>
        h(
          "li",
          { dir: "auto" },
          item.text,
          item.suggested && [" ", h("span", { class: "badge suggested" }, "Suggested")],
          taskOf(item),
          " ",
          evidence(item),
        ),
      ),
    ),
  ];
}

/** Whose it is, and until when; the words in which that was said stand behind the date. */
function taskOf({ owner, due, due_text: said }) {
  if (!owner && !due && !said) return null;
  const until = due ? `due ${day(`${due}T12:00`)}` : said;
  const facts = [owner, until].filter(Boolean).join(", ");
  return [" ", h("span", { class: "task-of", title: due && said ? `“${said}”` : null }, `(${facts})`)];
}

function chips(title, items, evidence) {
  if (!items?.length) return null;
  return [
    h("h3", {}, title),
    h(
      "ul",
      { class: "chips" },
      items.map((item) => h("li", { class: "chip", title: item.type ?? null }, item.text, " ", evidence(item))),
    ),
  ];
}

function link({ start_s: at, speaker }, { addressOf, onJump }) {
  const go = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // into a window of its own
    event.preventDefault();
    onJump(at);
  };
  const label = `Heard at ${clock(at)}, ${speaker.label}`;
  return [h("a", { class: "evidence", href: addressOf(at), "aria-label": label, onclick: go }, clock(at)), " "];
}
