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
 *    Unless one got no answer and none has waited to its end since: then it may be that very one that came late, so
 *    poll once more; when that is superseded too, stop.
 * 8. `ended`: this reply is the last. Handle its messages, then stop. Polling later gives 410 `inbox_closed`: stop too.
 * 9. Network error, 429 or 5xx: wait, with exponential back-off and full jitter, no less than Retry-After, and repeat the
 *    same poll. A poll that stays silent for much longer than `wait` is dead: abort it and count it as a network error.
 *    Let the repeat not wait (wait=0): then you know at once that the server is back.
 *    An answer that isn't the API's (a proxy's page, a network's sign-in) is a network error too, whatever its status.
 *    Do the same when the server answers with nothing long before `wait` is over: it is about to go.
 * 10. 409 `cursor_ahead`: the server has forgotten what you remember (it was restored from a copy). Go on from its
 *    `head_seq`, and treat it as rule 6.
 * 11. When the device wakes up, or its network changes, the parked poll may be dead without a word: give it up and poll
 *    again at once (but no sooner than Retry-After), with wait=0 as in rule 9. Not every change is told: a peer connection
 *    that is `disconnected` is reason enough, and so is a person who looks at the page again, if the poll is not young.
 * 12. Polls that are cut again and again before their time are cut by a proxy: ask for a shorter `wait`.
 *
 * Use:  for await (const message of inbox) await handle(message);
 * The loop asks for the next message when the body has finished with this one, which is what rule 3 needs. A body that
 * throws leaves the loop, and its message is not acknowledged. After the loop `inbox.ended` says why: {reason}.
 */

import { backoffMs, Pause, sleep } from "./backoff.js";
import { ParleyError } from "./errors.js";
import { Stopwatch } from "./stopwatch.js";

const SILENCE_MS = 10_000; // beyond `wait`; longer than a slow network needs for an answer
const HASTY_MS = 1_000; // an empty answer that comes sooner, although it was asked to wait
const YOUNG_MS = 5_000; // a poll of that age is left alone when somebody looks at the page
const CUT_FROM_MS = 2_000; // a connection that was lost after that was there before
const SHORTEST_WAIT_S = 2;

export class Inbox {
  #client;
  #options;
  #stopping = new AbortController();
  #poll = null; // gives up the one under way
  #pause;
  #waitS;
  #cuts = 0; // polls in a row that were cut in the middle of their wait
  #asked = new Stopwatch(); // since the one under way began
  #hurries = false; // whether the next poll is to tell at once that the server answers

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
    this.#pause = new Pause(this.#options.sleep);
    this.#waitS = this.#options.waitS;
    this.handled = null; // seq; null until the server has said where we are
    this.headAtStart = null; // seq; what is not past it happened before we came
    this.ended = null;
  }

  /** Stop polling; the message that is being handled is acknowledged no more. */
  stop(reason = "stopped") {
    this.ended ??= { reason };
    this.#stopping.abort();
    this.#poll?.abort();
  }

  /** Try at once: see `ParleyClient.wake`, whose inboxes do so by themselves. */
  wake(reason) {
    if (reason !== "seen" || this.#asked.ms > YOUNG_MS) {
      this.#waitS = this.#options.waitS; // perhaps another network, with another proxy
      this.#hurries = true;
      this.#poll?.abort();
    }
    this.#pause.cutShort();
  }

  async *[Symbol.asyncIterator]() {
    const wake = ({ reason }) => this.wake(reason);
    this.#client.addEventListener("wake", wake);
    try {
      yield* this.#messages();
    } finally {
      this.#client.removeEventListener("wake", wake);
    }
  }

  async *#messages() {
    let failures = 0; // in a row
    let hasty = 0; // likewise, answers that came too soon
    let isRepeat = false; // since the last poll that was held and answered, one got no answer
    let mayInsist = true;
    while (!this.ended) {
      const waitS = this.handled === null || failures > 0 || this.#hurries ? 0 : this.#waitS;
      this.#hurries = false;
      const since = (this.#asked = new Stopwatch());
      let reply;
      try {
        reply = await this.#ask(waitS);
      } catch (error) {
        if (this.ended) return;
        if (error.code === "cursor_ahead") {
          if (failures > 0) await this.#rest(failures, 0);
          failures += 1;
          const { head_seq } = error.problem;
          this.handled = this.headAtStart = head_seq ?? null;
          yield { seq: this.handled, type: "inbox.reset", from: null, payload: { reason: "cursor_ahead" } };
        } else if (error.name === "AbortError") {
          isRepeat = true; // and at once: the device or its network is back
        } else if (!(error instanceof ParleyError) || !error.passing) {
          this.ended = reasonToStop(error);
        } else {
          isRepeat = true;
          if (waitS > 0) this.#noteCut(error, since.ms);
          this.#options.onConnection(false, error);
          await this.#rest(failures, error.retryAfterMs ?? 0);
          failures += 1;
        }
        continue;
      }
      failures = 0;
      this.#options.onConnection(true, null);
      yield* this.#fresh(reply);
      if (this.ended) return;
      if (reply.superseded && isRepeat && mayInsist) {
        mayInsist = false;
        continue;
      }
      if (reply.superseded) {
        this.ended = { reason: "superseded" };
      } else if (reply.ended) {
        this.ended = reply.ended;
        this.#acknowledgeTheLast();
      } else {
        if (waitS > 0) {
          isRepeat = false;
          mayInsist = true;
          this.#cuts = 0;
        }
        const isHasty = reply.messages.length === 0 && since.ms < Math.min(HASTY_MS, waitS * 500);
        if (isHasty) await this.#rest(hasty, reply.next_poll_ms);
        else if (reply.next_poll_ms > 0) await this.#rest(0, reply.next_poll_ms);
        hasty = isHasty ? hasty + 1 : 0;
      }
    }
  }

  /** @throws {DOMException} AbortError: there is reason to ask again at once */
  async #ask(wait) {
    const { participantId } = this.#options;
    const query = { participant_id: participantId, wait, after: this.handled, ack: this.handled };
    this.#poll = new AbortController();
    const options = { query, signal: this.#poll.signal, tries: 1, timeoutMs: wait * 1000 + SILENCE_MS };
    const reply = await this.#client.get("/rtc/inbox", options);
    if (!Array.isArray(reply?.messages)) throw ParleyError.foreign({ status: 200 });
    return reply;
  }

  /** Something cuts long polls: ask for shorter ones, so that one ends in time. */
  #noteCut(error, ageMs) {
    const cut = (error.status === 0 || error.foreign) && ageMs > CUT_FROM_MS && ageMs < this.#waitS * 1000;
    this.#cuts = cut ? this.#cuts + 1 : 0;
    if (this.#cuts < 2) return;
    this.#waitS = Math.max(SHORTEST_WAIT_S, Math.floor((ageMs / 1000) * 0.7));
    this.#cuts = 0;
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

  #rest(failures, leastMs) {
    const ms = backoffMs(failures, this.#options.random);
    return this.#pause.take(ms, { leastMs, signal: this.#stopping.signal });
  }
}

// Why a guest's session ends with their stay: whoever polls too late to be told by the inbox is told by the refusal.
const OF_GUESTS = ["meeting_ended", "meeting_cancelled", "guests_closed", "removed"];

function reasonToStop(error) {
  if (error.status === 410) return { reason: error.problem.reason ?? "closed" };
  if (error.status === 401) return { reason: OF_GUESTS.includes(error.problem.reason) ? error.problem.reason : "signed_out" };
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
