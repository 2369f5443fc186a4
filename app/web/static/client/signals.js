// Sending signals: in order for each recipient, candidates gathered into batches, every message safe to repeat.

import { backoffMs, Pause, randomId, sleep } from "./backoff.js";
import { ParleyError } from "./errors.js";

// Candidates of one gathering come within milliseconds of each other; a request for each would be slower for both sides.
const CANDIDATE_PAUSE_MS = 40;

export class SignalSender {
  #client;
  #path;
  #queues = new Map();
  #sleep;
  #wake = () => this.wake();

  /**
   * @param {ParleyClient} client
   * @param {string} meetingId
   * @param {object} options
   * @param {() => string} options.from our participant id
   * @param {number} options.batch most messages of a request
   * @param {(error: ParleyError, to: string) => void} options.onRefused a message that will never get there
   */
  constructor(client, meetingId, { from, batch = 50, onRefused = () => {}, sleep: wait = sleep }) {
    this.#client = client;
    this.#path = `/meetings/${meetingId}/rtc/signals`;
    this.#sleep = wait;
    this.from = from;
    this.batch = batch;
    this.onRefused = onRefused;
    client.addEventListener("wake", this.#wake);
  }

  /** Try at once what waits for another try, but what the server wants to have later. */
  wake() {
    for (const queue of this.#queues.values()) queue.backoff.cutShort();
  }

  /** Queue a message. It gets its client_ref here, so that whatever is repeated later arrives once. */
  send(to, type, payload) {
    let queue = this.#queues.get(to);
    if (!queue) {
      queue = { to, messages: [], stopping: new AbortController(), running: false, pause: null };
      queue.backoff = new Pause(this.#sleep);
      this.#queues.set(to, queue);
    }
    queue.messages.push({ to, type, payload, client_ref: randomId() });
    if (type !== "rtc.candidate") queue.pause?.abort();
    if (!queue.running) this.#run(queue);
  }

  /** Drop what was not sent to `to`: it left, or its connection began anew. */
  forget(to) {
    this.#queues.get(to)?.stopping.abort();
    this.#queues.delete(to);
  }

  close() {
    this.#client.removeEventListener("wake", this.#wake);
    for (const to of [...this.#queues.keys()]) this.forget(to);
  }

  async #run(queue) {
    const { signal } = queue.stopping;
    queue.running = true;
    let failures = 0;
    while (queue.messages.length > 0 && !signal.aborted) {
      await this.#gather(queue);
      const messages = queue.messages.slice(0, this.batch);
      try {
        // No Idempotency-Key: every message has its client_ref.
        await this.#client.post(
          this.#path,
          { from: this.from(), messages },
          { signal, tries: 1, idempotencyKey: null },
        );
        failures = 0;
        queue.messages.splice(0, messages.length);
      } catch (error) {
        if (signal.aborted) break;
        if (!(error instanceof ParleyError) || !error.passing) {
          queue.messages.splice(0, messages.length);
          this.onRefused(error, queue.to);
          continue;
        }
        await queue.backoff.take(backoffMs(failures), { leastMs: error.retryAfterMs ?? 0, signal });
        failures += 1;
      }
    }
    queue.running = false;
  }

  /** A short pause while there are only candidates; anything else goes at once. */
  async #gather(queue) {
    if (queue.messages.some((message) => message.type !== "rtc.candidate")) return;
    queue.pause = new AbortController();
    queue.stopping.signal.addEventListener("abort", () => queue.pause?.abort(), { once: true });
    await this.#sleep(CANDIDATE_PAUSE_MS, queue.pause.signal);
    queue.pause = null;
  }
}
