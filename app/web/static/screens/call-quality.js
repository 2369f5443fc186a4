// How a meeting's call goes, or went: of each device the average and the worst, as it told.

import { fill, h } from "../ui/dom.js";

export function qualitySection({ client }) {
  const list = h("ul", { class: "rows" });
  const element = h(
    "section",
    { hidden: true, "aria-labelledby": "quality" },
    h("h2", { id: "quality" }, "Quality of the call"),
    list,
    h("p", { class: "hint" }, "On average / at worst."),
  );
  return {
    element,
    async read(meeting) {
      const { items } = meeting.started_at ? await client.get(`/meetings/${meeting.id}/quality`) : { items: [] };
      element.hidden = items.length === 0;
      fill(list, items.map(rowOf));
    },
  };
}

function rowOf({ display_name, device, is_poor, average, worst }) {
  const figure = (title, name, words) =>
    average[name] !== undefined &&
    h("div", {}, h("dt", {}, title), h("dd", {}, `${words(average[name])} / ${words(worst[name])}`));
  return h(
    "li",
    { class: "row measured" },
    h("strong", {}, device ? `${display_name}, ${device}` : display_name),
    is_poor && h("span", { class: "badge failed" }, "Poor"),
    h(
      "dl",
      {},
      figure("Round trip", "round_trip_ms", milliseconds),
      figure("Lost", "lost", share),
      figure("Jitter", "jitter_ms", milliseconds),
      figure("Frozen", "frozen", share),
      figure("Receiving", "received_bps", rate),
    ),
  );
}

const milliseconds = (ms) => `${Math.round(ms)} ms`;
const share = (part) => `${(100 * part).toFixed(1)} %`;
const rate = (bps) => (bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mb/s` : `${Math.round(bps / 1000)} kb/s`);
