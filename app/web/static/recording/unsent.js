/**
 * All that this browser has recorded of its person and not sent: one window at a time sends it, in whatever screen it is,
 * also what an earlier one has left. Events: `change`; `lost`, with the error in `detail`, when the server takes one no more.
 */

import { backoffMs, Pause } from "../client/backoff.js";
import { Sending } from "./sending.js";
import { TrackStore } from "./store.js";
import { canRecord, isRecorded } from "./track-recording.js";

const LOOK_AGAIN_MS = 5000; // files grow, and windows close without a word

export class Unsent extends EventTarget {
  #client;
  #stopped = null;
  #pause = new Pause();
  #failures = 0;
  #sent = new Map(); // track → bytes that have left
  #tracks = [];
  #ending = 0;

  constructor(client, store = new TrackStore()) {
    super();
    this.#client = client;
    this.store = store;
    this.trouble = null; // the ParleyError that holds it up
  }

  get userId() {
    return this.#client.user?.id;
  }

  /** What has ended and is not sent: {size, sent} in bytes; null: nothing. */
  get progress() {
    const ended = this.#tracks.filter((track) => track.endedMs !== null);
    if (ended.length === 0) return null;
    const size = ended.reduce((sum, track) => sum + track.bytes, 0);
    const sent = ended.reduce((sum, track) => sum + Math.min(this.#sentOf(track), track.bytes), 0);
    return { size, sent };
  }

  /** Whether leaving the page now would keep something from being sent. */
  get isBusy() {
    return this.#ending > 0 || this.#tracks.length > 0;
  }

  /** To be called when somebody is signed in; repeating it does no harm. */
  start() {
    if (this.#stopped || !canRecord()) return;
    const stopped = (this.#stopped = new AbortController());
    this.#client.addEventListener("wake", this.look);
    const lock = `parley-local-tracks-${this.userId}`;
    navigator.locks.request(lock, { signal: stopped.signal }, () => this.#run(stopped.signal)).catch(() => {});
  }

  stop() {
    this.#client.removeEventListener("wake", this.look);
    this.#stopped?.abort();
    this.#stopped = null;
    this.#tracks = [];
    this.dispatchEvent(new Event("change"));
  }

  look = () => this.#pause.cutShort();

  /** A recording ends: it will be in the store once `stopped` is. */
  expect(stopped) {
    this.#ending += 1;
    stopped.finally(() => {
      this.#ending -= 1;
      this.look();
    });
  }

  async #run(signal) {
    while (!signal.aborted) {
      try {
        const again = await this.#goThrough(signal);
        this.#failures = 0;
        this.#note(null);
        if (again) continue;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        this.#note(error);
      }
      const waitMs = this.#failures ? backoffMs(this.#failures) : LOOK_AGAIN_MS;
      await this.#pause.take(waitMs, { leastMs: this.trouble?.retryAfterMs ?? 0, signal });
    }
  }

  /** @returns {Promise<boolean>} whether something is to be sent again at once */
  async #goThrough(signal) {
    await this.#read();
    let again = false;
    for (const { id } of this.#tracks) {
      const track = await this.#asItStands(id);
      const onProgress = (bytes) => {
        this.#sent.set(id, bytes);
        this.dispatchEvent(new Event("change"));
      };
      const became = await new Sending(this.#client, this.store, track, { signal, onProgress }).run();
      if (became instanceof Error) this.dispatchEvent(new CustomEvent("lost", { detail: became }));
      again ||= became === "grows" && track.endedMs !== null;
    }
    await this.#read();
    return again;
  }

  /** Where nobody records into it any more, it ends with its last bytes. */
  async #asItStands(id) {
    const track = await this.store.track(id);
    if (track.endedMs !== null || (await isRecorded(id))) return track;
    const ended = await this.store.track(id); // it may have ended just now
    return ended.endedMs !== null ? ended : this.store.change(id, { endedMs: ended.lastMs });
  }

  async #read() {
    this.#tracks = await this.store.tracksOf(this.userId);
    this.dispatchEvent(new Event("change"));
  }

  #note(error) {
    this.trouble = error;
    this.dispatchEvent(new Event("change"));
  }

  #sentOf(track) {
    return Math.max((track.partsSent ?? 0) * (track.partSize ?? 0), this.#sent.get(track.id) ?? 0);
  }
}
