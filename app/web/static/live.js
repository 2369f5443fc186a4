// What happens elsewhere, as it happens: the session's inbox, or the participant's while in a room, heard by every screen.

import { backoffMs } from "./client/backoff.js";
import { Inbox, RecentIds } from "./parley-client.js";
import { Connection } from "./ui/connection.js";
import { toast } from "./ui/dom.js";
import { words } from "./ui/words.js";

/** Fires `message` (detail: the inbox message, with `old` set if it happened before we came) and `reread`. */
export class LiveFeed extends EventTarget {
  #client;
  #log;
  #inbox = null;

  constructor(client, log) {
    super();
    this.#client = client;
    this.#log = log;
    this.seen = new RecentIds(); // shared with the participant's inbox, since both bring the same events
    this.connection = new Connection();
    document.addEventListener("visibilitychange", () => this.#takeBack());
    addEventListener("focus", () => this.#takeBack()); // of two windows side by side
  }

  async start() {
    this.stop();
    const inbox = new Inbox(this.#client, {
      seen: this.seen,
      onConnection: (online, error) => {
        this.connection.heard(online, error);
        if (!online) this.#log({ event: "waiting", code: error.code });
      },
    });
    this.#inbox = inbox;
    for await (const message of inbox) this.publish(message, message.seq <= inbox.headAtStart);
    this.#log({ event: "ended", reason: inbox.ended.reason });
  }

  stop() {
    this.#inbox?.stop();
    this.#inbox = null;
    this.connection.heard(true);
  }

  /** While in a room the participant's inbox brings everything: one poll is enough. */
  publish(message, old = false) {
    if (!message.type.startsWith("rtc.")) this.#log({ event: "message", type: message.type, seq: message.seq });
    if (message.type === "inbox.reset") this.dispatchEvent(new Event("reread"));
    else this.dispatchEvent(new CustomEvent("message", { detail: { ...message, old } }));
  }

  /** Another window of this session polls now; the one that a person looks at takes over. */
  #takeBack() {
    if (document.visibilityState !== "visible" || this.#inbox?.ended?.reason !== "superseded") return;
    this.start();
    this.dispatchEvent(new Event("reread"));
  }
}

const SAY_AT = 3; // failures in a row

/**
 * Run `read` now, and again when something that `concerns` it happens. Bursts are read once. While the server is away it
 * is tried again and again: the connection's banner says so, and what is shown stays.
 * @param {(message: object) => boolean} concerns
 * @returns {() => void} end it
 */
export function follow(live, concerns, read) {
  let timer = null;
  let reading = false;
  let again = false;
  let failures = 0;
  let said = false; // of these failures
  let isRetry = false; // what `timer` waits for
  let over = false;
  const run = async () => {
    timer = null;
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      await read();
      failures = 0;
      said = false;
    } catch (error) {
      failures += 1;
      const away = error.passing && (failures < SAY_AT || live.connection.lost);
      if (!away && !said && error.status !== 401) toast(words(error), { kind: "bad" });
      said ||= !away && error.passing;
      if (error.passing && !over) later(Math.max(error.retryAfterMs ?? 0, backoffMs(failures)));
    }
    reading = false;
    if (again) {
      again = false;
      soon();
    }
  };
  const soon = () => {
    if (timer && !isRetry) return;
    clearTimeout(timer); // another try gives way to news
    isRetry = false;
    timer = setTimeout(run, 100);
  };
  const later = (ms) => {
    if (timer) return;
    isRetry = true;
    timer = setTimeout(run, ms);
  };
  const onConnection = () => failures > 0 && !live.connection.lost && soon();
  const onMessage = ({ detail }) => concerns(detail) && soon();
  live.addEventListener("message", onMessage);
  live.addEventListener("reread", soon);
  live.connection.addEventListener("change", onConnection);
  run();
  return () => {
    over = true;
    clearTimeout(timer);
    live.connection.removeEventListener("change", onConnection);
    live.removeEventListener("message", onMessage);
    live.removeEventListener("reread", soon);
  };
}
