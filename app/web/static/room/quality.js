// How well media goes at present, in words.

import { Quality } from "../call/quality.js";
import { fill, h } from "../ui/dom.js";

const LOOK_MS = 2000;
const WAYS = { p2p: "From device to device", sfu: "Through a media server", mock: "Nowhere: this is a mock" };

/** A list that is kept up to date until `stop`. @returns {{element: Element, stop: () => void}} */
export function qualityList(call) {
  const quality = new Quality(() => call.connections);
  const element = h("dl", { class: "quality" });
  const draw = async () => {
    const { sentBps, receivedBps, lost, roundTripMs, relayed, heights } = await quality.read();
    const way = WAYS[call.mode] ?? "–";
    const rows = [
      ["Way", relayed ? `${way}, over a relay` : way],
      ["Sending", rate(sentBps)],
      ["Receiving", rate(receivedBps)],
      ["Pictures", heights.length === 0 ? "–" : heights.map((height) => `${height}p`).join(", ")],
      ["Lost", lost === null ? "–" : `${(100 * lost).toFixed(1)} %`],
      ["Round trip", roundTripMs === null ? "–" : `${Math.round(roundTripMs)} ms`],
    ];
    fill(
      element,
      rows.flatMap(([what, figure]) => [h("dt", {}, what), h("dd", {}, figure)]),
    );
  };
  draw();
  const timer = setInterval(draw, LOOK_MS);
  return { element, stop: () => clearInterval(timer) };
}

function rate(bps) {
  if (bps === null) return "–";
  return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mb/s` : `${Math.round(bps / 1000)} kb/s`;
}
