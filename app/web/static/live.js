// What happens elsewhere, as it happens: the session's inbox, or the participant's while in a room, heard by every screen.

import { Inbox, RecentIds } from "./parley-client.js";
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
    addEventListener("online", () => this.#inbox?.wake());
    document.addEventListener("visibilitychange", () => this.#takeBack());
  }

  async start() {
    this.stop();
    const inbox = new Inbox(this.#client, {
      seen: this.seen,
      onConnection: (online, error) => online || this.#log({ event: "waiting", code: error.code }),
    });
    this.#inbox = inbox;
    for await (const message of inbox) this.publish(message, message.seq <= inbox.headAtStart);
    this.#log({ event: "ended", reason: inbox.ended.reason });
  }

  stop() {
    this.#inbox?.stop();
    this.#inbox = null;
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

/**
 * Run `read` now, and again when something that `concerns` it happens. Bursts are read once.
 * @param {(message: object) => boolean} concerns
 * @returns {() => void} end it
 */
export function follow(live, concerns, read) {
  let timer = null;
  let reading = false;
  let again = false;
  const run = async () => {
    timer = null;
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      await read();
    } catch (error) {
      if (error.status !== 401) toast(words(error), { kind: "bad" });
    }
    reading = false;
    if (again) {
      again = false;
      soon();
    }
  };
  const soon = () => {
    timer ??= setTimeout(run, 100);
  };
  const onMessage = ({ detail }) => concerns(detail) && soon();
  live.addEventListener("message", onMessage);
  live.addEventListener("reread", soon);
  run();
  return () => {
    clearTimeout(timer);
    live.removeEventListener("message", onMessage);
    live.removeEventListener("reread", soon);
  };
}
