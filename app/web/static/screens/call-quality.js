// How a meeting's call goes, or went: of each device the average and the worst, as it told.

import { fill, h } from "../ui/dom.js";

export function qualitySection({ client }) {
  const body = h("tbody", {});
  const columns = ["Device", "Round trip", "Lost", "Jitter", "Frozen", "Receiving"];
  const table = h(
    "table",
    { class: "call-quality" },
    h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))),
    body,
  );
  const element = h(
    "section",
    { class: "card stack", hidden: true },
    h("h2", {}, "Quality of the call"),
    h("p", { class: "hint" }, "On average, and at worst."),
    h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Quality of the call" }, table),
  );
  return {
    element,
    async read(meeting) {
      const { items } = meeting.started_at ? await client.get(`/meetings/${meeting.id}/quality`) : { items: [] };
      element.hidden = items.length === 0;
      fill(body, items.map(rowOf));
    },
  };
}

function rowOf({ display_name, device, is_poor, average, worst }) {
  const cell = (name, words) =>
    h("td", {}, average[name] === undefined ? "–" : `${words(average[name])} / ${words(worst[name])}`);
  return h(
    "tr",
    { class: is_poor ? "is-poor" : "" },
    h("th", { scope: "row" }, device ? `${display_name}, ${device}` : display_name),
    cell("round_trip_ms", milliseconds),
    cell("lost", share),
    cell("jitter_ms", milliseconds),
    cell("frozen", share),
    cell("received_bps", rate),
  );
}

const milliseconds = (ms) => `${Math.round(ms)} ms`;
const share = (part) => `${(100 * part).toFixed(1)} %`;
const rate = (bps) => (bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mb/s` : `${Math.round(bps / 1000)} kb/s`);
