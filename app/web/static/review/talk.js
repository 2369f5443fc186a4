// Who talked how long, and in which mood: a bar for each, and the same in words.

import { h, svg } from "../ui/dom.js";
import { clock } from "../ui/words.js";

const MOOD = 0.05; // a score nearer to 0 is neither good nor bad, as VADER has it

export function talkOf({ talk, sentiment }) {
  if (talk.length === 0) return null;
  return [
    h("h3", {}, "Who talked how long"),
    h(
      "ul",
      { class: "talk" },
      talk.map(({ speaker, seconds, ratio }) => {
        const facts = [clock(seconds), `${Math.round(ratio * 100)} %`, moodOf(sentiment.by_speaker[speaker])];
        return h(
          "li",
          { "data-ratio": ratio },
          h(
            "p",
            { class: "card-line" },
            h("b", { class: "grow" }, speaker),
            h("span", { class: "hint" }, facts.filter(Boolean).join(" · ")),
          ),
          bar(ratio),
        );
      }),
    ),
  ];
}

function bar(ratio) {
  return svg(
    "svg",
    { viewBox: "0 0 100 1", preserveAspectRatio: "none", class: "spans", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width: ratio * 100, height: 1, class: "there" }),
  );
}

function moodOf(score) {
  if (score === undefined || score === null) return null;
  return Math.abs(score) < MOOD ? "neutral" : score > 0 ? "rather positive" : "rather negative";
}
