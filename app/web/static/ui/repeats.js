// Rules by which meetings repeat (RFC 5545), as a form offers them and as a person reads them.

import { field, select } from "./dialog.js";
import { h } from "./dom.js";
import { OWN_ZONE, toWall } from "./zones.js";

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
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

/** "FREQ=WEEKLY;COUNT=4" → "Every week, 4 times". */
export function repeatWords(meeting) {
  const rule = meeting.recurrence;
  if (!rule) return "";
  const text = rule.replace(END, "");
  const words = RULES.find(([known]) => known === text)?.[1] ?? `Repeats (${text})`;
  const [, kind, value] = END.exec(rule) ?? [];
  if (kind === "COUNT") return `${words}, ${value} times`;
  return kind === "UNTIL" ? `${words}, until ${DATE.format(new Date(lastDay(value, meeting)))}` : words;
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

/** How often, and until when. @param {object} meeting as it is; without a rule it is asked for one */
export function repeatFields(meeting) {
  const rule = meeting.recurrence ?? null;
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
    field("Until (optional)", { name: "until", type: "date", value: kind === "UNTIL" ? lastDay(value, meeting) : "" }),
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

/** Whether a form's rule is the meeting's: a form knows days, the meeting's rule the last moment that counts. */
export function sameRule(rule, meeting) {
  const day = (_, until) => `UNTIL=${lastDay(until, meeting).replaceAll("-", "")}`;
  return (rule ?? "") === (meeting.recurrence ?? "").replace(/UNTIL=(\w+)/, day);
}

/** The last day on which it may be, where it takes place: "20261205T085959Z" of a meeting at 9:00 is the day before. */
function lastDay(until, { starts_at, time_zone = OWN_ZONE }) {
  const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d))?/.exec(until);
  if (!hour) return `${year}-${month}-${day}`;
  const end = toWall(`${year}-${month}-${day}T${hour}:${minute}:00Z`, time_zone);
  const isBefore = end.slice(11) < toWall(starts_at, time_zone).slice(11);
  return new Date(Date.parse(`${end.slice(0, 10)}T00:00Z`) - (isBefore ? 86_400_000 : 0)).toISOString().slice(0, 10);
}
