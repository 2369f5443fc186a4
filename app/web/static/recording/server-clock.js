// How far the server's clock is ahead of this page's, and how wrong that may be.

const ASKED = 6;

/** This page's clock, in milliseconds since 1970: it goes on evenly, also when the device's is set. */
export function pageNow() {
  return performance.timeOrigin + performance.now();
}

/**
 * The answer of the shortest way there and back counts: `now` was read somewhere in between.
 * @returns {Promise<{offsetMs: number, uncertaintyMs: number}>}
 */
export async function measureClock(client, now = pageNow) {
  let best = null;
  for (let asked = 0; asked < ASKED; asked += 1) {
    const sentMs = now();
    const answer = await client.get("/rtc/clock", { tries: 1 });
    const heardMs = now();
    const uncertaintyMs = (heardMs - sentMs) / 2;
    if (!best || uncertaintyMs < best.uncertaintyMs) {
      best = { offsetMs: millisecondsOf(answer.now) - (sentMs + heardMs) / 2, uncertaintyMs };
    }
  }
  return best;
}

/** Date.parse keeps whole milliseconds only. */
function millisecondsOf(timestamp) {
  const fraction = /\.(\d+)/.exec(timestamp)?.[1] ?? "";
  return Math.floor(Date.parse(timestamp) / 1000) * 1000 + Number(`0.${fraction || 0}`) * 1000;
}
