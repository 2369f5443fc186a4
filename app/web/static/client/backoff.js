// Waiting before another try.

import { Stopwatch } from "./stopwatch.js";

export const FIRST_WAIT_MS = 500;
// Below the 15 s after which others see a participant as reconnecting, so that one missed try does not show.
export const LONGEST_WAIT_MS = 10_000;

/** Exponential with full jitter: anywhere from nothing to the doubled wait, so that clients don't return in step. */
export function backoffMs(failures, random = Math.random) {
  return random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
}

/** Wait `ms` milliseconds, or until `signal` is aborted, whichever comes first. */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish, { once: true });
  });
}

/** The pauses of a loop that tries again and again; `cutShort` ends the present one. */
export class Pause {
  #cut = null;
  #sleep;

  constructor(wait = sleep) {
    this.#sleep = wait;
  }

  /**
   * @param {number} ms
   * @param {object} options
   * @param {number} options.leastMs what the server asked for (Retry-After): nothing but `signal` ends it sooner
   * @param {AbortSignal} options.signal the loop is over
   */
  async take(ms, { leastMs = 0, signal } = {}) {
    const since = new Stopwatch();
    const cut = new AbortController();
    const over = () => cut.abort();
    if (signal?.aborted) over();
    signal?.addEventListener("abort", over, { once: true });
    this.#cut = cut;
    await this.#sleep(Math.max(ms, leastMs), cut.signal);
    this.#cut = null;
    signal?.removeEventListener("abort", over);
    const left = leastMs - since.ms;
    if (cut.signal.aborted && !signal?.aborted && left > 0) await this.#sleep(left, signal);
  }

  cutShort() {
    this.#cut?.abort();
  }
}

/** 128 random bits in hex. crypto.randomUUID() is missing on origins without HTTPS. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
