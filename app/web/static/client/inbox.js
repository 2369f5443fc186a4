/**
 * The inbox: how a client hears of everything over plain HTTP. To port this file, keep these rules.
 *
 *   GET /rtc/inbox?participant_id=P&after=N&ack=N&wait=25
 *
 * 1. One poll at a time. The server holds it until there is a message, or `wait` seconds have passed; then poll again
 *    at once (or after `next_poll_ms`). The poll is also the heartbeat that keeps a participant present.
 * 2. N is the `seq` of the last message that was *handled*. It is sent as `after` (give me what follows) and as `ack`
 *    (forget what I have handled), so that an event costs one round trip. Leave both out in the first poll, since the
 *    server knows what was acknowledged, and don't wait in it (wait=0): its `head_seq` tells old messages from new.
 * 3. Acknowledge only after the handler has run. What is not acknowledged comes again: a crash loses nothing.
 * 4. Because of 3, messages repeat. Drop a `seq` that was handled, and an `event_id` that was seen: one event can reach a
 *    person through the session's inbox and a participant's.
 * 5. Ignore types that you don't know.
 * 6. `inbox.reset` means: messages were dropped while you were away; read the state again over REST.
 * 7. `superseded: true`: a newer poll took over (another window, or your own after a network switch). Stop; don't fight.
 * 8. `ended`: this reply is the last. Handle its messages, then stop. Polling later gives 410 `inbox_closed`: stop too.
 * 9. Network error, 429 or 5xx: wait, with exponential back-off and full jitter, no less than Retry-After, and repeat the
 *    same poll. A poll that stays silent for much longer than `wait` is dead: abort it and count it as a network error.
 * 10. 409 `cursor_ahead`: the server has forgotten what you remember (it was restored from a copy). Go on from its
 *    `head_seq`, and treat it as rule 6.
 *
 * Use:  for await (const message of inbox) await handle(message);
 * The loop asks for the next message when the body has finished with this one, which is what rule 3 needs. A body that
 * throws leaves the loop, and its message is not acknowledged. After the loop `inbox.ended` says why: {reason}.
 */

import { backoffMs, sleep } from "./backoff.js";
import { ParleyError } from "./errors.js";

const SILENCE_MS = 10_000; // beyond `wait`; longer than a slow network needs for an answer

export class Inbox {
  #client;
  #options;
  #stopping = new AbortController();
  #waiting = null; // of the present back-off

  /**
   * @param {ParleyClient} client
   * @param {object} options
   * @param {string|null} options.participantId null: the session's own inbox
   * @param {number} options.waitS seconds that the server may hold a poll
   * @param {RecentIds} options.seen share one among the inboxes of a person to drop what comes through both
   * @param {(online: boolean, error: ParleyError|null) => void} options.onConnection
   */
  constructor(client, options = {}) {
    this.#client = client;
    this.#options = {
      participantId: null,
      waitS: 25,
      seen: new RecentIds(),
      onConnection: () => {},
      sleep,
      random: Math.random,
      ...options,
    };
    this.handled = null; // seq; null until the server has said where we are
    this.headAtStart = null; // seq; what is not past it happened before we came
    this.ended = null;
  }

  /** Stop polling; the message that is being handled is acknowledged no more. */
  stop(reason = "stopped") {
    this.ended ??= { reason };
    this.#stopping.abort();
  }

  /** Try at once instead of waiting for the back-off: the network came back. */
  wake() {
    this.#waiting?.abort();
  }

  async *[Symbol.asyncIterator]() {
    let failures = 0;
    while (!this.ended) {
      let reply;
      try {
        reply = await this.#poll();
      } catch (error) {
        if (this.ended) return;
        if (error.code === "cursor_ahead") {
          this.handled = error.problem.head_seq ?? null;
          yield { seq: this.handled, type: "inbox.reset", from: null, payload: { reason: "cursor_ahead" } };
        } else if (!(error instanceof ParleyError) || !error.passing) {
          this.ended = reasonToStop(error);
        } else {
          this.#options.onConnection(false, error);
          const wait = Math.max(error.retryAfterMs ?? 0, backoffMs(failures, this.#options.random));
          failures += 1;
          await this.#rest(wait);
        }
        continue;
      }
      failures = 0;
      this.#options.onConnection(true, null);
      yield* this.#fresh(reply);
      if (this.ended) return;
      if (reply.superseded) {
        this.ended = { reason: "superseded" };
      } else if (reply.ended) {
        this.ended = reply.ended;
        this.#acknowledgeTheLast();
      } else if (reply.next_poll_ms > 0) {
        await this.#rest(reply.next_poll_ms);
      }
    }
  }

  async #poll() {
    const { participantId, waitS } = this.#options;
    const wait = this.handled === null ? 0 : waitS;
    const query = { participant_id: participantId, wait, after: this.handled, ack: this.handled };
    const silence = new AbortController();
    const stop = () => silence.abort();
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    const timer = setTimeout(stop, waitS * 1000 + SILENCE_MS);
    try {
      return await this.#client.get("/rtc/inbox", { query, signal: silence.signal, tries: 1 });
    } catch (error) {
      throw error.name === "AbortError" ? ParleyError.network(error) : error;
    } finally {
      clearTimeout(timer);
      this.#stopping.signal.removeEventListener("abort", stop);
    }
  }

  *#fresh(reply) {
    const { seen } = this.#options;
    this.handled ??= reply.acked_seq;
    this.headAtStart ??= reply.head_seq;
    for (const message of reply.messages) {
      if (message.seq <= this.handled) continue;
      if (!message.event_id || !seen.has(message.event_id)) {
        yield message;
        if (this.ended) return;
        if (message.event_id) seen.add(message.event_id);
      }
      this.handled = message.seq;
    }
  }

  /** Nobody waits for this one: the inbox is closed, and the server drops what is left in time. */
  #acknowledgeTheLast() {
    const body = { up_to: this.handled };
    if (this.#options.participantId) body.participant_id = this.#options.participantId;
    this.#client.post("/rtc/ack", body, { tries: 1, idempotencyKey: null }).catch(() => {});
  }

  async #rest(ms) {
    this.#waiting = new AbortController();
    const wake = () => this.wake();
    this.#stopping.signal.addEventListener("abort", wake, { once: true });
    await this.#options.sleep(ms, this.#waiting.signal);
    this.#stopping.signal.removeEventListener("abort", wake);
    this.#waiting = null;
  }
}

function reasonToStop(error) {
  if (error.status === 410) return { reason: error.problem.reason ?? "closed" };
  if (error.status === 401) return { reason: "signed_out" };
  return { reason: error.code ?? "failed", error };
}

/** The ids seen last, up to `size` of them. */
export class RecentIds {
  #ids = new Set();

  constructor(size = 1000) {
    this.size = size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  add(id) {
    this.#ids.add(id);
    if (this.#ids.size > this.size) this.#ids.delete(this.#ids.values().next().value);
  }
}
