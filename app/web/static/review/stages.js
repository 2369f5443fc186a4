// The way of notes, stage by stage: what is done, what runs, what was tried how often.

import { h } from "../ui/dom.js";
import { clock } from "../ui/words.js";

const NAMES = {
  ingest: "Taking in",
  normalise: "Preparing the sound",
  transcribe: "Transcribing",
  merge: "Putting together",
  analyse: "Analysing",
  publish: "Publishing",
};
const STATES = {
  waiting: "waits",
  queued: "is next",
  running: "is under way",
  done: "done",
  skipped: "left out",
  failed: "failed",
};

export function stagesOf({ state, stages, progress, error, cost_usd: cost }) {
  return h(
    "div",
    { class: "stages" },
    state === "pending" && h("progress", { class: "wide", max: 1, value: progress, "aria-label": "Notes being made" }),
    h(
      "ol",
      { class: "plain" },
      stages.map((stage) => h("li", { class: `step ${stage.state}`, "data-stage": stage.name }, wordsOf(stage, error))),
    ),
    cost > 0 && h("p", { class: "hint" }, `It has cost ${cost.toFixed(4)} US dollars.`),
  );
}

/** @param {string|null} said what stands above all stages already */
function wordsOf(stage, said) {
  const { name, speaker, state, attempts, progress, error } = stage;
  const facts = [
    state === "running" && progress > 0 ? `${Math.round(progress * 100)} %` : STATES[state],
    attempts > 1 && `tried ${attempts} times`,
    stage.model ?? stage.provider,
    stage.is_taken_over && "taken over from before",
    stage.duration_s >= 1 && clock(stage.duration_s),
  ];
  return [
    h("span", { class: "step-mark", "aria-hidden": "true" }),
    h(
      "div",
      { class: "grow" },
      h("span", { class: "name" }, speaker ? `${NAMES[name]}: ${speaker}` : NAMES[name]),
      h("span", { class: "hint" }, ` ${facts.filter(Boolean).join(" · ")}`),
      error && error !== said && h("p", { class: state === "failed" ? "problem" : "hint" }, error),
    ),
  ];
}
