// Rules by which meetings repeat (RFC 5545), as a form offers them and as a person reads them.

import { field, select } from "./dialog.js";
import { h } from "./dom.js";

const RULES = [
  ["", "Does not repeat"],
  ["FREQ=DAILY", "Every day"],
  ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every weekday, Monday to Friday"],
  ["FREQ=WEEKLY", "Every week"],
  ["FREQ=WEEKLY;INTERVAL=2", "Every two weeks"],
  ["FREQ=MONTHLY", "Every month"],
  ["FREQ=YEARLY", "Every year"],
];
const END = /;(COUNT|UNTIL)=([^;]+)/;

/** "FREQ=WEEKLY;COUNT=4" → "Every week, 4 times". */
export function repeatWords(rule) {
  if (!rule) return "";
  const text = rule.replace(END, "");
  const words = RULES.find(([known]) => known === text)?.[1] ?? `Repeats (${text})`;
  const [, kind, value] = END.exec(rule) ?? [];
  if (kind === "COUNT") return `${words}, ${value} times`;
  return kind === "UNTIL" ? `${words}, until ${dayOf(value)}` : words;
}

/** Which of a series a change is about. */
export function scopeField(words) {
  return select(words, {
    name: "scope",
    options: [
      ["this", "Only this meeting"],
      ["following", "This and the following ones"],
      ["all", "All that are to come"],
    ],
    value: "this",
  });
}

/** How often, and until when. @param {string | null} rule as it is */
export function repeatFields(rule) {
  const text = (rule ?? "").replace(END, "");
  const [, kind, value] = END.exec(rule ?? "") ?? [];
  const known = RULES.some(([one]) => one === text);
  const often = select("Repeats", {
    name: "repeats",
    options: (rule ? RULES.slice(1) : RULES).concat(known ? [] : [[text, text]]),
    value: text,
  });
  const ends = h(
    "div",
    { class: "side-by-side" },
    field("Until (optional)", { name: "until", type: "date", value: kind === "UNTIL" ? dayOf(value) : "" }),
    field("or how many times", { name: "count", type: "number", min: 1, value: kind === "COUNT" ? value : "" }),
  );
  const show = () => (ends.hidden = !often.querySelector("select").value);
  often.addEventListener("change", show);
  show();
  return [often, ends];
}

/** The rule that a form with `repeatFields` says; null: it doesn't repeat. */
export function ruleOf(data) {
  const rule = data.get("repeats");
  if (!rule) return null;
  if (data.get("count")) return `${rule};COUNT=${data.get("count")}`;
  return data.get("until") ? `${rule};UNTIL=${data.get("until").replaceAll("-", "")}` : rule;
}

/** Whether two rules end on the same day and are alike otherwise: a form knows days, a rule moments. */
export function sameRule(one, other) {
  const plain = (rule) => (rule ?? "").replace(/UNTIL=(\d{8})\w*/, "UNTIL=$1");
  return plain(one) === plain(other);
}

function dayOf(until) {
  return `${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`;
}
