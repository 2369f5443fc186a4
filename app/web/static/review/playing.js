// A recorded file that plays: its player, its waveform, its chapters.

import { fill, h, svg } from "../ui/dom.js";
import { clock, dayAndTime, words } from "../ui/words.js";

const REFUSED_AT_ONCE_MS = 5000; // an address that fails so soon after it was signed is not one that expired

/** Where its file is, on the server that this page came from: whichever of its addresses that is. */
export function fileOf({ signed_url: address }) {
  const { pathname, search } = new URL(address);
  return pathname + search;
}

/** A click jumps to that place. `peaks`: 0 to 1, evenly over the whole. */
function waveformOf(peaks, duration, player) {
  const picture = svg("svg", { viewBox: `0 0 ${peaks.length} 100`, preserveAspectRatio: "none", class: "waveform" });
  const path = peaks.map((peak, at) => `M${at + 0.5} ${50 - 48 * peak}V${50 + 48 * peak + 1}`).join("");
  picture.append(svg("path", { d: path, "vector-effect": "non-scaling-stroke" }));
  picture.setAttribute("aria-hidden", "true");
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    player.currentTime = ((event.clientX - box.left) / box.width) * duration;
  });
  return picture;
}

function chaptersOf(chapters, player) {
  if (!chapters || chapters.length < 2) return null;
  return h(
    "ol",
    { class: "chapters" },
    chapters.map((chapter) =>
      h(
        "li",
        {},
        h(
          "button",
          { class: "quiet", onclick: () => (player.currentTime = chapter.start_s) },
          `${clock(chapter.start_s)} ${chapter.title}`,
        ),
      ),
    ),
  );
}

/** What `playIn` takes. */
export async function recordingToPlay(client, id) {
  const details = await client.get(`/recordings/${id}`);
  const { peaks } = details.waveform_url ? await client.get(`/recordings/${id}/waveform`) : { peaks: null };
  return { ...details, peaks };
}

/** @returns {boolean} false: it is not as long as that, as a mock's file of a long meeting */
export function jump(player, at) {
  const isThere = !(at > player.duration); // also as long as nobody knows how long it is
  if (isThere) player.currentTime = at;
  return isThere;
}

/**
 * Play from the server, which sends what is sought: nothing is loaded whole. Its address is signed for a while only:
 * when it has expired the file goes on from another one, where it was.
 * @param {{signed_url, content_type, started_at, duration_s?, chapters?, peaks?}} details
 * @param {() => Promise<object>} lookUp the same with a new address
 * @param {object} options at, in seconds; playing; onPlayer(player), for each one that is made
 */
export function playIn(place, details, lookUp, { at = 0, playing = false, onPlayer = () => {} } = {}) {
  const began = performance.now();
  const player = h(details.content_type?.startsWith("audio/") ? "audio" : "video", {
    src: fileOf(details),
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": `Recording of ${dayAndTime(details.started_at)}`,
  });
  player.addEventListener("error", async () => {
    const text = "This browser can't play the file. Download it instead.";
    if (performance.now() - began < REFUSED_AT_ONCE_MS) return fill(place, h("p", { class: "problem" }, text));
    const resumed = { at: player.currentTime, playing: !player.paused, onPlayer };
    try {
      playIn(place, await lookUp(), lookUp, resumed);
    } catch (error) {
      fill(place, h("p", { class: "problem", role: "alert" }, words(error)));
    }
  });
  if (at > 0) player.addEventListener("loadedmetadata", () => jump(player, at), { once: true });
  const { peaks, chapters, duration_s: duration } = details;
  fill(place, player, peaks && waveformOf(peaks, duration, player), chaptersOf(chapters, player));
  onPlayer(player);
  if (playing) player.play().catch(() => {}); // a browser that wants another click shows its controls
}
