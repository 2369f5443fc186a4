// When a device comes back to life, waiting has become pointless: connections are dead that nobody has told of, and
// pauses run on that were meant for another moment.

import { Stopwatch } from "./stopwatch.js";

const TICK_MS = 5_000;
const LATE_MS = 15_000; // a busy page is late by seconds, not by that
const LATE_HIDDEN_MS = 75_000; // browsers let a hidden page's timers run once a minute
const APART_MS = 10_000; // by so much more the wall clock went on than the steady one: the latter stood still

/**
 * Call `client.wake(reason)` when there is reason to:
 *
 *   slept    the device was asleep or the page was frozen: ticks that should come every few seconds have not come
 *   network  it went, came back, or is another
 *   seen     somebody looks at the page again
 *
 * @returns {() => void} end it
 */
export function wakeWithDevice(client, page = globalThis) {
  const { document } = page;
  const connection = page.navigator?.connection; // its `type` is known to phones only
  const over = new AbortController();
  let since = new Stopwatch();
  let hidden = document?.hidden ?? false;
  let kind = connection?.type;

  const look = () => {
    const slept = since.ms > (hidden ? LATE_HIDDEN_MS : LATE_MS) || since.wallMs - since.steadyMs > APART_MS;
    since = new Stopwatch();
    hidden = document?.hidden ?? false;
    if (slept) client.wake("slept");
    return slept;
  };
  const listen = (target, type, react) => target?.addEventListener?.(type, react, { signal: over.signal });
  const timer = setInterval(look, TICK_MS);
  over.signal.addEventListener("abort", () => clearInterval(timer));

  for (const type of ["online", "offline"]) listen(page, type, () => look() || client.wake("network"));
  listen(connection, "change", () => {
    if (connection.type === kind) return; // it is faster or slower now
    kind = connection.type;
    if (!look()) client.wake("network");
  });
  listen(page, "pageshow", (event) => event.persisted && client.wake("slept"));
  listen(document, "resume", () => client.wake("slept"));
  listen(document, "visibilitychange", () => {
    if (!look() && document.visibilityState === "visible") client.wake("seen");
  });
  return () => over.abort();
}
